package answers

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

func TestASlowStoreCostsAShortPartOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf()
		before := born(t, store, "{}")
		before.asks(t, dayStale)
		before.ends(t)
		store.slow = time.Hour
		l := born(t, store, "{}")
		defer l.ends(t)
		for i, want := range []string{"mum of plugin, 0s old after 200ms", "mum of plugin, 0s old"} {
			l.h.forget()
			if got := l.asks(t, dayStale); got != want {
				t.Errorf("question %d: got %s, want %s", i+1, got, want)
			}
		}
		if got := l.p.Status().Counters; got.Unloaded != 1 || got.Loaded != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// Where the plugin has no answer either, what the store brings meanwhile is still served.
func TestAStoreThatIsQuickerThanAHungPluginIsNotTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf()
		before := born(t, store, "{}")
		before.asks(t, dayStale)
		before.ends(t)
		<-time.After(time.Hour)
		store.slow = time.Second
		l := born(t, store, "{}")
		defer l.ends(t)
		l.now = func(ctx context.Context) (*pluginv1.LookupResponse, error) {
			<-time.After(1500 * time.Millisecond)
			return nil, asleep()
		}
		if got, want := l.asks(t, dayStale), "mum of stale, 1h0m1.7s old after 1.7s"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestAnAnswerThatStaysTheSameIsNotWrittenAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf()
		l := born(t, store, "{}")
		defer l.ends(t)
		everyTime := Policy{MaxStale: time.Hour}
		for range 120 { // each second, for two minutes
			l.asks(t, everyTime)
			<-time.After(time.Second)
		}
		if store.writes != 2 || l.api.called() != 120 {
			t.Errorf("%d writes of %d answers", store.writes, l.api.called())
		}
		l.now = func(context.Context) (*pluginv1.LookupResponse, error) {
			return &pluginv1.LookupResponse{Found: true, Facts: []byte(`{"name":"mum","groups":["users"]}`)}, nil
		}
		l.asks(t, everyTime)
		if got := store.held(); store.writes != 3 || got[0] != `{"facts":{"groups":["users"],"name":"mum"}}` {
			t.Errorf("a change waits: %d writes, %q", store.writes, got)
		}
	})
}

func TestWhatCannotBeKeptIsDroppedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, log := newShelf(), &logBuffer{}
		store.err = errors.New("nobody answers")
		l := born(t, store, "{}")
		l.h.keeper.log = log.logger()
		gone := key{31: 1}
		l.p.maxStale.Store(int64(time.Hour))
		l.h.keeper.keep(l.p, gone, &entry{answer: must(t, l.p, none())}, nil)
		for i := range maxWaiting + 9 {
			l.h.keeper.keep(l.p, key{byte(i), byte(i >> 8)}, &entry{answer: must(t, l.p, found(0)), at: time.Now()}, nil)
		}
		synctest.Wait()
		if n := l.p.Status().Counters.Unsaved; n != 10 {
			t.Errorf("%d were dropped", n)
		}
		if l.h.keeper.waits(gone) == nil {
			t.Error("that somebody is gone was dropped first")
		}
		store.broken(nil)
		<-time.After(savePause)
		synctest.Wait()
		if n := len(store.held()); n != maxWaiting-1 {
			t.Errorf("%d are kept", n)
		}
		l.ends(t)
		for _, once := range []string{
			`level=WARN msg="answers of plugins cannot be kept for the next start" err="nobody answers"`,
			`level=WARN msg="answers of plugins come faster than they can be kept: the oldest are not kept for the next start"`,
			`level=INFO msg="answers of plugins are kept again"`,
		} {
			if n := strings.Count(log.String(), once+"\n"); n != 1 {
				t.Errorf("%d times %s:\n%s", n, once, log.String())
			}
		}
	})
}

func must(t *testing.T, p *Plugin, resp *pluginv1.LookupResponse) *pipeline.Answer {
	t.Helper()
	a, err := answered(p.facts, resp)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAHostThatIsClosedKeepsWhatItKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf()
		store.slow = time.Second
		l := born(t, store, "{}")
		if got := l.asks(t, Policy{MaxStale: time.Hour}); got != "mum of plugin, 0s old after 200ms" {
			t.Error(got)
		}
		l.ends(t)
		if got := store.held(); len(got) != 1 {
			t.Errorf("%q is kept", got)
		}

		store.slow = time.Hour
		l = born(t, store, `{"url":"b"}`)
		l.asks(t, Policy{MaxStale: time.Hour})
		since := time.Now()
		l.ends(t)
		if took := time.Since(since); took > flushTime || l.p.Status().Counters.Unsaved != 1 {
			t.Errorf("it took %s, %+v", took, l.p.Status().Counters)
		}
	})
}

func TestForgettingErasesWhatIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf()
		l := born(t, store, "{}")
		defer l.ends(t)
		l.asks(t, dayStale)
		if err := l.h.Forget(t.Context()); err != nil || len(store.held()) != 0 {
			t.Errorf("%v, and %q is kept", err, store.held())
		}
		l.now = answersAnError
		if got := l.asks(t, dayStale); got != errAsleep.Error() {
			t.Error(got)
		}
		l.now = well
		l.asks(t, dayStale)
		store.broken(errors.New("nobody answers"))
		if err := l.h.Forget(t.Context()); err == nil || err.Error() != "nobody answers" {
			t.Errorf("%v", err)
		}
		if e := l.h.get(l.p.key(question(`{"email":"mum@gmail.com"}`))); e != nil {
			t.Error("memory is not empty")
		}
	})
}

func TestWhatWaitsToBeKeptIsForgottenToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf()
		store.err = errors.New("nobody answers")
		l := born(t, store, "{}")
		defer l.ends(t)
		l.asks(t, dayStale)
		store.broken(nil)
		if err := l.h.Forget(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		if got := store.held(); len(got) != 0 {
			t.Errorf("%q is kept", got)
		}
	})
}
