package answers

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/metadata"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
)

func TestTheTraceOfWhoAsksGoesWithTheCall(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	synctest.Test(t, func(t *testing.T) {
		h := fakeCache(t, Options{})
		defer h.Close()
		var got []metadata.MD
		api := &lookups{answer: func(ctx context.Context, _ int) (*pluginv1.LookupResponse, error) {
			md, _ := metadata.FromOutgoingContext(ctx)
			got = append(got, md)
			return found(0), nil
		}}
		asker := fakePlugin(t, h, "{}", api).Asker(Policy{TTL: time.Hour})
		traced := metadata.AppendToOutgoingContext(t.Context(), traceparent, parent, "authorization", "secret")
		for _, ask := range []struct {
			ctx    context.Context
			params string
			after  time.Duration
		}{
			{traced, `{}`, 0},
			{t.Context(), `{"email":"b"}`, 0},
			{metadata.AppendToOutgoingContext(traced, traceparent, parent), `{"email":"c"}`, 0},
			{traced, `{}`, 55 * time.Minute}, // answered from memory, and replaced ahead of its time: for nobody in particular
		} {
			time.Sleep(ask.after)
			if _, err := asker.Ask(ask.ctx, question(ask.params)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		want := []metadata.MD{{traceparent: {parent}}, nil, nil, nil}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what the plugin got (-want +got):\n%s", diff)
		}
	})
}
