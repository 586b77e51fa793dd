package pluginhost

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
)

func TestAnAnswerIsNotAskedForTwice(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want int // calls
	}{
		{"a plugin that answers an error", status.Error(codes.Internal, "no"), 1},
		{"a connection that breaks", status.Error(codes.Unavailable, "EOF"), 2},
		{"a connection that is closed under the call", status.Error(codes.Canceled, "closing"), 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := fakeHost(t, Options{})
				defer h.Close()
				api := &lookups{answer: func(context.Context, int) (*pluginv1.LookupResponse, error) { return nil, tt.err }}
				p := fakePlugin(t, h, "{}", api, func(context.Context) (*instance, error) {
					inst, _ := fakeInstance(2, api)
					return inst, nil
				})
				if _, err := p.Asker(answers.Policy{}).Ask(t.Context(), question(`{}`)); err == nil {
					t.Error("no error")
				}
				if got := api.called(); got != tt.want {
					t.Errorf("%d calls, want %d", got, tt.want)
				}
			})
		})
	}
}

func TestADeadPluginIsCountedAndServedStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeHost(t, Options{})
		defer h.Close()
		api := &lookups{answer: func(context.Context, int) (*pluginv1.LookupResponse, error) { return found(0), nil }}
		p := fakePlugin(t, h, "{}", api, func(context.Context) (*instance, error) { return nil, errors.New("no") })
		asker := p.Asker(answers.Policy{MaxStale: time.Hour})
		if _, err := asker.Ask(t.Context(), question(`{}`)); err != nil {
			t.Fatal(err)
		}
		p.kill()
		synctest.Wait()
		answer, err := asker.Ask(t.Context(), question(`{}`))
		if err != nil || answer.Source != "stale" {
			t.Errorf("got %+v, %v", answer, err)
		}
		_, err = asker.Ask(t.Context(), question(`{"email":"x"}`))
		if !errors.Is(err, ErrDown) {
			t.Errorf("got %v", err)
		}
		got := p.Status()
		if diff := cmp.Diff(answers.Counters{Misses: 3, Stale: 1, Unanswered: 1, Calls: 3, Failures: 2}, got.Counters); diff != "" || got.State != Down || got.Breaker != "closed" {
			t.Errorf("%+v: %s", got, diff)
		}
	})
}

func TestAnAnswerIsNotOlderThanDeclared(t *testing.T) {
	h := fakeHost(t, Options{})
	defer h.Close()
	age := time.Minute
	p := fakePlugin(t, h, "{}", &lookups{answer: func(context.Context, int) (*pluginv1.LookupResponse, error) { return found(age), nil }}, nil)
	if _, declared := p.MaxAge(); declared {
		t.Error("a plugin that says nothing declares something")
	}
	for _, tt := range []struct {
		declares int64
		age      time.Duration
		err      string
	}{
		{60_000, time.Minute, ""}, {60_000, time.Minute + defaultCall, ""}, {0, 0, ""}, {-5, time.Hour, ""},
		{60_000, time.Minute + defaultCall + time.Millisecond, "plugin nas: lookup: its answer: it is older than the plugin declares"},
	} {
		p.declare(&pluginv1.ConfigureResponse{MaxAgeMs: &tt.declares})
		age = tt.age
		_, err := p.Asker(answers.Policy{}).Ask(t.Context(), question(`{}`))
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
			t.Errorf("declared %d, answered %s: %v", tt.declares, tt.age, err)
		}
	}
}

func hung(ctx context.Context) (*pluginv1.LookupResponse, error) {
	<-ctx.Done()
	return nil, status.FromContextError(ctx.Err()).Err()
}
