package pluginhost

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
)

func TestAllWhoAskAtTheSameTimeShareACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeHost(t, Options{})
		defer h.Close()
		api := &lookups{answer: func(ctx context.Context, _ int) (*pluginv1.LookupResponse, error) {
			<-time.After(2 * time.Second)
			return found(0), ctx.Err()
		}}
		asker := fakePlugin(t, h, "{}", api, nil).Asker(CachePolicy{TTL: time.Hour})
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() { // the one who asked first leaves, and the others still get their answer
			_, err := asker.Ask(impatient, question(`{}`))
			if want := "plugin nas: lookup: no answer in time"; err == nil || err.Error() != want {
				t.Error(err)
			}
		})
		synctest.Wait()
		for range 10 {
			all.Go(func() {
				if answer, err := asker.Ask(t.Context(), question(`{}`)); err != nil || !answer.Found {
					t.Error(answer, err)
				}
			})
		}
		all.Wait()
		if got := api.called(); got != 1 {
			t.Errorf("%d calls", got)
		}
	})
}

func TestASharedCallHasADeadlineOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeHost(t, Options{CallTimeout: 3 * time.Second})
		defer h.Close()
		api := &lookups{answer: func(ctx context.Context, _ int) (*pluginv1.LookupResponse, error) {
			<-ctx.Done()
			return nil, status.FromContextError(ctx.Err()).Err()
		}}
		since := time.Now()
		_, err := fakePlugin(t, h, "{}", api, nil).Asker(CachePolicy{}).Ask(t.Context(), question(`{}`))
		// The plugin has nine tenths of it, so that it can still say why it has no answer.
		if want := "plugin nas: lookup: no answer in time"; err == nil || err.Error() != want || time.Since(since) != 2700*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(since))
		}
	})
}

func TestAStaleAnswerComesWhileThereIsStillTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeHost(t, Options{})
		defer h.Close()
		api := &lookups{answer: func(ctx context.Context, call int) (*pluginv1.LookupResponse, error) {
			if call > 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return found(0), nil
		}}
		asker := fakePlugin(t, h, "{}", api, nil).Asker(CachePolicy{MaxStale: time.Hour})
		if _, err := asker.Ask(t.Context(), question(`{}`)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		answer, err := asker.Ask(ctx, question(`{}`))
		if err != nil || !answer.Stale || ctx.Err() != nil {
			t.Errorf("got %+v, %v, context %v", answer, err, ctx.Err())
		}
	})
}

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
				if _, err := p.Asker(CachePolicy{}).Ask(t.Context(), question(`{}`)); err == nil {
					t.Error("no error")
				}
				if got := api.called(); got != tt.want {
					t.Errorf("%d calls, want %d", got, tt.want)
				}
			})
		})
	}
}
