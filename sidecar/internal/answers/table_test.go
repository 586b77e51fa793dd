package answers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
)

// behave is how a plugin takes one call.
type behave func(context.Context) (*pluginv1.LookupResponse, error)

func well(context.Context) (*pluginv1.LookupResponse, error) { return found(0), nil }

func slow(ctx context.Context) (*pluginv1.LookupResponse, error) {
	select {
	case <-time.After(1500 * time.Millisecond):
		return found(0), nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

func hung(ctx context.Context) (*pluginv1.LookupResponse, error) {
	<-ctx.Done()
	return nil, status.FromContextError(ctx.Err()).Err()
}

func answersAnError(context.Context) (*pluginv1.LookupResponse, error) { return nil, asleep() }

func liesAboutFacts(context.Context) (*pluginv1.LookupResponse, error) {
	return &pluginv1.LookupResponse{Found: true, Facts: []byte(`{"name":7}`)}, nil
}

func notFound(context.Context) (*pluginv1.LookupResponse, error) { return none(), nil }

// TestWhatHappensWhenAPluginFails is the table of lookups: what the plugin does, what is known, and what comes of it.
func TestWhatHappensWhenAPluginFails(t *testing.T) {
	policy := Policy{TTL: time.Minute, NegativeTTL: 10 * time.Second, MaxStale: time.Hour}
	const late = "plugin nas: lookup: no answer in time"
	tests := []struct {
		name  string
		first behave // the call that fills the cache; nil: nothing is known
		then  behave
		after time.Duration
		want  string // source, or the error
		took  time.Duration
		count Counters
	}{
		{"well, fresh: no call", well, nil, 30 * time.Second, "cache", 0, Counters{Hits: 1, Misses: 1, Calls: 1}},
		{"well, expired: one call", well, well, 2 * time.Minute, "plugin", 0, Counters{Misses: 2, Calls: 2}},
		{"well, nothing known: one call", nil, well, 0, "plugin", 0, Counters{Misses: 1, Calls: 1}},
		{"slow, but inside the patience", well, slow, 2 * time.Minute, "plugin", 1500 * time.Millisecond, Counters{Misses: 2, Calls: 2}},
		{"hung, with a stale fact", well, hung, 2 * time.Minute, "stale", 1600 * time.Millisecond, Counters{Misses: 2, Stale: 1, Calls: 2}},
		{"hung, nothing known", nil, hung, 0, late, 2 * time.Second, Counters{Misses: 1, Unanswered: 1, Calls: 1}},
		{"hung, with a fact that is too old", well, hung, 2 * time.Hour, late, 2 * time.Second, Counters{Misses: 2, Unanswered: 1, Calls: 2}},
		{"an error, with a stale fact", well, answersAnError, 2 * time.Minute, "stale", 0, Counters{Misses: 2, Stale: 1, Calls: 2, Failures: 1}},
		{"an error, nothing known", nil, answersAnError, 0, errAsleep.Error(), 0, Counters{Misses: 1, Unanswered: 1, Calls: 1, Failures: 1}},
		{"lying, with a stale fact", well, liesAboutFacts, 2 * time.Minute, "stale", 0, Counters{Misses: 2, Stale: 1, Calls: 2, Failures: 1}},
		{"lying, nothing known", nil, liesAboutFacts, 0, "plugin nas: lookup: its answer: facts that are not in the schema: name: must be a string, not a number", 0,
			Counters{Misses: 1, Unanswered: 1, Calls: 1, Failures: 1}},
		{"an error after not found: no refusal of yesterday", notFound, answersAnError, time.Minute, errAsleep.Error(), 0,
			Counters{Misses: 2, Unanswered: 1, Calls: 2, Failures: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := fakeCache(t, Options{})
				defer h.Close()
				now := tt.first
				p := fakePlugin(t, h, "{}", &lookups{answer: func(ctx context.Context, _ int) (*pluginv1.LookupResponse, error) { return now(ctx) }})
				asker := p.Asker(policy)
				if tt.first != nil {
					if _, err := asker.Ask(t.Context(), question(`{}`)); err != nil {
						t.Fatal(err)
					}
				}
				now = tt.then
				<-time.After(tt.after)
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				since := time.Now()
				answer, err := asker.Ask(ctx, question(`{}`))
				got, took := "", time.Since(since)
				if err != nil {
					got = err.Error()
				} else {
					got = answer.Source
				}
				if got != tt.want || took != tt.took {
					t.Errorf("got %s after %s, want %s after %s", got, took, tt.want, tt.took)
				}
				if diff := cmp.Diff(tt.count, p.Status().Counters); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestRefreshAheadOfExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeCache(t, Options{})
		defer h.Close()
		fails := false
		api := &lookups{answer: func(ctx context.Context, _ int) (*pluginv1.LookupResponse, error) {
			if fails {
				return nil, asleep()
			}
			return slow(ctx)
		}}
		p := fakePlugin(t, h, "{}", api)
		asker := p.Asker(Policy{TTL: 10 * time.Minute, MaxStale: time.Hour})
		begin := time.Now()
		steps := []struct {
			name  string
			at    time.Duration
			want  string
			age   time.Duration
			calls int // once all is quiet
		}{
			{"the first", 0, "plugin", 0, 1},
			{"in the middle of its time nothing is refreshed", 5 * time.Minute, "cache", 5 * time.Minute, 1},
			{"near its end it is, and nobody waits", 9 * time.Minute, "cache", 9 * time.Minute, 2},
			{"so that it is fresh long after", 12 * time.Minute, "cache", 3 * time.Minute, 2},
			{"what nobody asks for is left to expire", 8 * time.Hour, "plugin", 0, 3},
		}
		for _, s := range steps {
			<-time.After(s.at - time.Since(begin))
			answer, err := asker.Ask(t.Context(), question(`{}`))
			if err != nil || answer.Source != s.want || answer.Age != s.age {
				t.Errorf("%s: got %+v, %v", s.name, answer, err)
			}
			<-time.After(2 * time.Second)
			synctest.Wait()
			if got := api.called(); got != s.calls {
				t.Errorf("%s: %d calls, want %d", s.name, got, s.calls)
			}
		}
		fails = true
		<-time.After(9 * time.Minute)
		for range 5 {
			if answer, err := asker.Ask(t.Context(), question(`{}`)); err != nil || answer.Source != "cache" {
				t.Errorf("got %+v, %v", answer, err)
			}
			synctest.Wait()
		}
		if got := p.Status().Counters; got.Refreshes != 2 || api.called() != 4 {
			t.Errorf("a refresh that fails is not tried again: %+v", got)
		}
	})
}

func TestCallsAtOnceAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeCache(t, Options{CallsAtOnce: 4, CallTimeout: 10 * time.Second})
		defer h.Close()
		api := &lookups{answer: func(context.Context, int) (*pluginv1.LookupResponse, error) {
			<-time.After(11 * time.Second) // it looks at no deadline
			return found(0), nil
		}}
		p := fakePlugin(t, h, "{}", api)
		var all sync.WaitGroup
		var mu sync.Mutex
		results := map[string]int{}
		for i := range 5 {
			all.Go(func() {
				_, err := p.Asker(Policy{}).Ask(t.Context(), question(fmt.Sprintf(`{"email":"%d"}`, i)))
				mu.Lock()
				defer mu.Unlock()
				results[fmt.Sprint(err)]++
			})
		}
		synctest.Wait()
		if got := p.Status().Calls; got != 2 || api.called() != 2 {
			t.Errorf("%d calls are under way, %d were made", got, api.called())
		}
		all.Wait()
		want := map[string]int{"<nil>": 2, "plugin nas: not asked: too many questions at once": 3}
		if diff := cmp.Diff(want, results); diff != "" {
			t.Error(diff)
		}
		if got := p.Status().Counters; got.Calls != 2 || got.Limited != 3 || got.Unanswered != 3 {
			t.Errorf("%+v", got)
		}
	})
}

func TestQuestionsAboutStrangersAreLimited(t *testing.T) {
	now := time.Date(2026, 8, 20, 10, 0, 0, 0, time.UTC)
	h := fakeCache(t, Options{Now: func() time.Time { return now }, Size: 10})
	defer h.Close()
	api := &lookups{answer: func(_ context.Context, call int) (*pluginv1.LookupResponse, error) {
		if call == 1 {
			return found(0), nil
		}
		return none(), nil
	}}
	p := fakePlugin(t, h, "{}", api)
	asker := p.Asker(Policy{TTL: time.Hour, NegativeTTL: time.Hour})
	ask := func(who string) error {
		_, err := asker.Ask(t.Context(), question(`{"email":"`+who+`"}`))
		return err
	}
	if err := ask("mum"); err != nil {
		t.Fatal(err)
	}
	for i := range newBurst - 1 {
		if err := ask(fmt.Sprint(i)); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := ask("one more"); !errors.Is(err, ErrBusy) || err.Error() != "plugin nas: not asked: too many questions at once" {
		t.Errorf("over the limit it is a failure: %v", err)
	}
	if err := ask("mum"); err != nil || api.called() != newBurst {
		t.Errorf("a person who is known is not pushed out by strangers: %v, %d calls", err, api.called())
	}
	h.missed.CleanUp()
	if n := h.missed.EstimatedSize(); n > 2 {
		t.Errorf("%d strangers are kept", n)
	}
	now = now.Add(time.Second)
	if err := ask("one more"); err != nil {
		t.Errorf("a second later: %v", err)
	}
	if got := p.Status().Counters; got.Limited != 1 || got.Hits != 1 || got.Unanswered != 1 {
		t.Errorf("%+v", got)
	}
}
