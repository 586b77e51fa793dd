package answers

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/status"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
)

func TestAllWhoAskAtTheSameTimeShareACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeCache(t, Options{})
		defer h.Close()
		api := &lookups{answer: func(ctx context.Context, _ int) (*pluginv1.LookupResponse, error) {
			<-time.After(2 * time.Second)
			return found(0), ctx.Err()
		}}
		asker := fakePlugin(t, h, "{}", api).Asker(Policy{TTL: time.Hour})
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
		h := fakeCache(t, Options{CallTimeout: 3 * time.Second})
		defer h.Close()
		api := &lookups{answer: func(ctx context.Context, _ int) (*pluginv1.LookupResponse, error) {
			<-ctx.Done()
			return nil, status.FromContextError(ctx.Err()).Err()
		}}
		since := time.Now()
		_, err := fakePlugin(t, h, "{}", api).Asker(Policy{}).Ask(t.Context(), question(`{}`))
		// The plugin has nine tenths of it, so that it can still say why it has no answer.
		if want := "plugin nas: lookup: no answer in time"; err == nil || err.Error() != want || time.Since(since) != 2700*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(since))
		}
	})
}

func TestAStaleAnswerComesWhileThereIsStillTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeCache(t, Options{})
		defer h.Close()
		api := &lookups{answer: func(ctx context.Context, call int) (*pluginv1.LookupResponse, error) {
			if call > 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return found(0), nil
		}}
		asker := fakePlugin(t, h, "{}", api).Asker(Policy{MaxStale: time.Hour})
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
