package answers

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
)

// life is a host from its start to its end, over a store that outlives it, and one question to its plugin.
type life struct {
	h   *Cache
	p   *Plugin
	api *lookups
	now behave
}

// born starts a host. It is called inside of a bubble.
func born(t *testing.T, store Store, config string) *life {
	t.Helper()
	l := &life{now: well}
	l.h = fakeCache(t, Options{Store: store})
	l.api = &lookups{answer: func(ctx context.Context, _ int) (*pluginv1.LookupResponse, error) { return l.now(ctx) }}
	l.p = fakePlugin(t, l.h, config, l.api)
	return l
}

func (l *life) ends(t *testing.T) {
	t.Helper()
	l.h.Close()
}

var dayStale = Policy{TTL: 10 * time.Minute, NegativeTTL: 10 * time.Second, MaxStale: 24 * time.Hour}

// asks asks as a request of two seconds does, and returns what came of it and after which time.
func (l *life) asks(t *testing.T, policy Policy) (said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	since := time.Now()
	answer, err := l.p.Asker(policy).Ask(ctx, question(`{"email":"mum@gmail.com"}`))
	took := time.Since(since)
	synctest.Wait() // what follows from it is done
	switch {
	case err != nil:
		said = err.Error()
	case !answer.Found:
		said = "not found"
	default:
		said = fmt.Sprintf("%s of %s, %s old", answer.Facts["name"], answer.Source, answer.Age)
	}
	if took > 0 {
		said += " after " + took.String()
	}
	return said
}

// TestWhatIsKnownAfterARestart is the table of lookups for a host that has just been started.
func TestWhatIsKnownAfterARestart(t *testing.T) {
	older := func(d time.Duration) func(*shelved) { return func(s *shelved) { s.at = s.at.Add(-d) } }
	holding := func(value string) func(*shelved) { return func(s *shelved) { s.value = value } }
	tests := []struct {
		name   string
		first  behave // in the life before
		policy Policy
		row    func(*shelved) // changes what is kept; nil: it stays
		after  time.Duration
		then   behave
		want   string
		count  Counters
	}{
		{"fresh: no call", well, dayStale, nil, 9 * time.Minute, answersAnError,
			"mum of store, 9m0s old", Counters{Hits: 1, Loaded: 1, Refreshes: 1, Calls: 1, Failures: 1}},
		{"fresh, and a question far from its end refreshes nothing", well, dayStale, nil, time.Minute, answersAnError,
			"mum of store, 1m0s old", Counters{Hits: 1, Loaded: 1}},
		{"expired, and the plugin is well", well, dayStale, nil, time.Hour, well,
			"mum of plugin, 0s old", Counters{Misses: 1, Calls: 1, Loaded: 1}},
		{"expired, and the plugin fails", well, dayStale, nil, time.Hour, answersAnError,
			"mum of stale, 1h0m0s old", Counters{Misses: 1, Stale: 1, Calls: 1, Failures: 1, Loaded: 1}},
		{"expired, and the plugin hangs: in time", well, dayStale, nil, time.Hour, hung,
			"mum of stale, 1h0m1.6s old after 1.6s", Counters{Misses: 1, Stale: 1, Calls: 1, Loaded: 1}},
		{"the age that the plugin gave counts", func(context.Context) (*pluginv1.LookupResponse, error) { return found(3 * time.Hour), nil }, dayStale, nil,
			time.Hour, answersAnError, "mum of stale, 4h0m0s old", Counters{Misses: 1, Stale: 1, Calls: 1, Failures: 1, Loaded: 1}},
		{"too old", well, dayStale, older(23 * time.Hour), time.Hour, answersAnError,
			errAsleep.Error(), Counters{Misses: 1, Unanswered: 1, Calls: 1, Failures: 1, Loaded: 1}},
		{"from the future: the clock was set back", well, dayStale, older(-2 * time.Hour), time.Hour, answersAnError,
			errAsleep.Error(), Counters{Misses: 1, Unanswered: 1, Calls: 1, Failures: 1}},
		{"what does not fit the schema is nothing", well, dayStale, holding(`{"facts":{"name":7}}`), time.Minute, answersAnError,
			errAsleep.Error(), Counters{Misses: 1, Unanswered: 1, Calls: 1, Failures: 1, Unloaded: 1}},
		{"nor is garbage", well, dayStale, holding(`mum@gmail.com`), time.Minute, answersAnError,
			errAsleep.Error(), Counters{Misses: 1, Unanswered: 1, Calls: 1, Failures: 1, Unloaded: 1}},
		{"nor an age that cannot be", well, dayStale, holding(`{"facts":{"name":"mum"},"ageNs":-1}`), time.Minute, answersAnError,
			errAsleep.Error(), Counters{Misses: 1, Unanswered: 1, Calls: 1, Failures: 1, Unloaded: 1}},
		{"who was not found is not kept", notFound, dayStale, nil, time.Minute, answersAnError,
			errAsleep.Error(), Counters{Misses: 1, Unanswered: 1, Calls: 1, Failures: 1}},
		{"without maxStale nothing is kept", well, Policy{TTL: time.Hour}, nil, time.Minute, answersAnError,
			errAsleep.Error(), Counters{Misses: 1, Unanswered: 1, Calls: 1, Failures: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newShelf()
				before := born(t, store, "{}")
				before.now = tt.first
				before.asks(t, tt.policy)
				before.ends(t)
				if tt.row != nil {
					store.put(tt.row)
				}
				<-time.After(tt.after)
				l := born(t, store, "{}")
				defer l.ends(t)
				l.now = tt.then
				if got := l.asks(t, tt.policy); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
				if diff := cmp.Diff(tt.count, l.p.Status().Counters); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		})
	}
}

func TestAnotherConfigurationDoesNotSeeWhatWasKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf()
		before := born(t, store, `{"url":"a"}`)
		before.asks(t, dayStale)
		before.ends(t)
		l := born(t, store, `{"url":"b"}`)
		defer l.ends(t)
		l.now = answersAnError
		if got := l.asks(t, dayStale); got != errAsleep.Error() || l.p.Status().Counters.Loaded != 0 {
			t.Error(got)
		}
	})
}

func TestWhoIsGoneDoesNotComeBackAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf()
		first := born(t, store, "{}")
		first.asks(t, dayStale)
		first.now = notFound
		<-time.After(time.Hour)
		if got := first.asks(t, dayStale); got != "not found" || len(store.held()) != 0 {
			t.Errorf("%s, and %q is kept", got, store.held())
		}
		first.ends(t)
		second := born(t, store, "{}")
		defer second.ends(t)
		second.now = answersAnError
		if got := second.asks(t, dayStale); got != errAsleep.Error() {
			t.Error(got)
		}
	})
}

// A store that is away when somebody is found to be gone hears of it when it is back, and until then nobody is read from it.
func TestThatSomebodyIsGoneWaitsForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf()
		l := born(t, store, "{}")
		defer l.ends(t)
		l.asks(t, dayStale)
		store.broken(errors.New("nobody answers"))
		l.now = notFound
		<-time.After(time.Hour)
		l.asks(t, dayStale)
		l.h.forget() // pushed out by others
		l.now = answersAnError
		<-time.After(10 * time.Millisecond)
		if got := l.asks(t, dayStale); got != errAsleep.Error() {
			t.Error(got)
		}
		if len(store.held()) != 1 {
			t.Fatalf("it is told already: %q", store.held())
		}
		store.broken(nil)
		<-time.After(savePause)
		synctest.Wait()
		if len(store.held()) != 0 || l.p.Status().Counters.Unsaved != 0 {
			t.Errorf("%q is kept, %+v", store.held(), l.p.Status().Counters)
		}
	})
}

func TestReplicasShareWhatTheyKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf()
		a := born(t, store, "{}")
		defer a.ends(t)
		b := born(t, store, "{}")
		defer b.ends(t)
		a.now, b.now = well, answersAnError
		steps := []struct {
			name string
			who  *life
			at   time.Duration // since the step before
			want string
		}{
			{"one asks", a, 0, "mum of plugin, 0s old"},
			{"the other need not", b, 5 * time.Minute, "mum of store, 5m0s old"},
			{"but has a memory of its own after that", a, time.Hour, "mum of plugin, 0s old"},
			{"whose age decides", b, 0, "mum of stale, 1h5m0s old"},
			{"until it is of no use any more: then what the other knows is taken", b, 23 * time.Hour, "mum of stale, 23h0m0s old"},
		}
		for _, s := range steps {
			<-time.After(s.at)
			if got := s.who.asks(t, dayStale); got != s.want {
				t.Errorf("%s: got %s, want %s", s.name, got, s.want)
			}
		}
		// Who is gone for one is gone for the other, once that does not know better.
		a.now = notFound
		<-time.After(30 * time.Minute)
		a.asks(t, dayStale)
		<-time.After(time.Hour)
		if got := b.asks(t, dayStale); got != errAsleep.Error() {
			t.Error(got)
		}
	})
}
