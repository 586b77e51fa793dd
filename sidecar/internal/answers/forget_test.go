package answers

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// questionFor is a question for somebody.
func questionFor(params string, person ...string) pipeline.Question {
	return pipeline.Question{Connector: "google", Params: []byte(params), Person: person}
}

func TestTheFactsOfOnePersonAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf()
		h := fakeCache(t, Options{Store: store})
		defer h.Close()
		api := &lookups{answer: func(context.Context, int) (*pluginv1.LookupResponse, error) { return found(0), nil }}
		p := fakePlugin(t, h, "{}", api)
		asker := p.Asker(Policy{TTL: time.Hour, MaxStale: 2 * time.Hour})
		ask := func(params string, person ...string) string {
			t.Helper()
			answer, err := asker.Ask(t.Context(), questionFor(params, person...))
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return answer.Source
		}
		mum, dad := []string{"Mum@gmail.com", "108a"}, []string{"dad@gmail.com", "108b"}
		ask(`{"email":"mum"}`, mum...)
		ask(`{"name":"mum"}`, mum...)
		ask(`{"email":"dad"}`, dad...)
		ask(`{"shared":1}`, dad...)
		if got := ask(`{"shared":1}`, mum...); got != "cache" { // who gets an answer that was there is one whom it is about
			t.Error(got)
		}
		<-time.After(time.Second)
		for _, tt := range []struct {
			plugin, person string
			dropped, kept  int
		}{{"other", "mum@gmail.com", 0, 4}, {"nas", "nobody@gmail.com", 0, 4}, {"nas", "mum@GMAIL.com", 3, 1}, {"", "108a", 0, 1}} {
			n, err := h.Drop(t.Context(), tt.plugin, tt.person)
			if got := len(store.held()); err != nil || n != tt.dropped || got != tt.kept {
				t.Errorf("drop %s of %q: %d were dropped, %d are in the store, %v", tt.person, tt.plugin, n, got, err)
			}
		}
		for i, want := range []string{"plugin", "cache", "cache", "plugin"} {
			q := []struct {
				params string
				who    []string
			}{{`{"email":"mum"}`, mum}, {`{"email":"mum"}`, mum}, {`{"email":"dad"}`, dad}, {`{"shared":1}`, dad}}[i]
			if got := ask(q.params, q.who...); got != want {
				t.Errorf("%s: from %s, want %s", q.params, got, want)
			}
		}
		if got := fmt.Sprint(api.fresh); got != `[{"email":"mum"}]` {
			t.Errorf("fresh answers were wanted to %s", got)
		}
	})
}

// An answer to a question from before a drop is as old as what was dropped.
func TestWhatIsAskedWhileFactsAreDroppedIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShelf()
		h := fakeCache(t, Options{Store: store})
		defer h.Close()
		api := &lookups{answer: func(context.Context, int) (*pluginv1.LookupResponse, error) {
			<-time.After(time.Second)
			return found(0), nil
		}}
		p := fakePlugin(t, h, "{}", api)
		asker := p.Asker(dayStale)
		done := make(chan error)
		go func() {
			_, err := asker.Ask(t.Context(), questionFor(`{}`, "mum"))
			done <- err
		}()
		synctest.Wait()
		if _, err := h.Drop(t.Context(), "", "mum"); err != nil {
			t.Fatal(err)
		}
		answer, err := asker.Ask(t.Context(), questionFor(`{}`, "mum"))
		if err != nil || answer.Source != "plugin" || api.called() != 2 {
			t.Errorf("who asks after it shares the call from before: %+v, %v, %d calls", answer, err, api.called())
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if _, known := Peek(asker, questionFor(`{}`)); !known {
			t.Error("the answer from after it is not kept")
		}
	})
}

func TestManyGetTheSameAnswer(t *testing.T) {
	var a about
	for i := range maxAbout {
		if !a.add(tagsOf([]string{fmt.Sprint(i), ""})) || a.add(tagsOf([]string{fmt.Sprint(i)})) {
			t.Error(i)
		}
	}
	if a.has(tagOf("x")) || !a.has(tagOf("3")) {
		t.Error("it is about the wrong people")
	}
	if !a.add(tagsOf([]string{"x"})) || !a.has(tagOf("y")) || a.list() != nil {
		t.Error("one too many: it may be about anybody")
	}
}

func TestWhatIsCachedIsSeen(t *testing.T) {
	now := time.Date(2026, 8, 20, 10, 0, 0, 0, time.UTC)
	h := fakeCache(t, Options{Now: func() time.Time { return now }})
	defer h.Close()
	p := fakePlugin(t, h, "{}", &lookups{answer: func(context.Context, int) (*pluginv1.LookupResponse, error) { return found(time.Minute), nil }})
	a := p.Asker(Policy{TTL: 10 * time.Minute, MaxStale: time.Hour})
	q := questionFor(`{}`, "mum")
	if got, known := Peek(a, q); known {
		t.Errorf("nothing was asked: %+v", got)
	}
	if _, err := a.Ask(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		after time.Duration
		want  Peeked
		known bool
	}{
		{time.Minute, Peeked{Found: true, Age: 2 * time.Minute, FreshFor: 8 * time.Minute, StaleFor: 58 * time.Minute}, true},
		{18 * time.Minute, Peeked{Found: true, Age: 20 * time.Minute, StaleFor: 40 * time.Minute}, true},
		{40 * time.Minute, Peeked{Found: true, Age: time.Hour}, false},
	} {
		now = now.Add(tt.after)
		if got, known := Peek(a, q); got != tt.want || known != tt.known {
			t.Errorf("got %+v, %v, want %+v", got, known, tt.want)
		}
	}
}

func TestNewcomersOfOneConnectorDoNotHoldUpAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeCache(t, Options{CallsAtOnce: 8})
		defer h.Close()
		stuck := make(chan struct{})
		api := &lookups{answer: func(ctx context.Context, call int) (*pluginv1.LookupResponse, error) {
			if call > 1 && call <= 5 {
				select {
				case <-stuck:
				case <-ctx.Done():
				}
			}
			return found(0), nil
		}}
		p := fakePlugin(t, h, "{}", api)
		asker := p.Asker(Policy{TTL: time.Minute})
		ask := func(connector, who string) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := asker.Ask(ctx, pipeline.Question{Connector: connector, Params: []byte(`{"email":"` + who + `"}`)})
			return err
		}
		if err := ask("google", "mum"); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Minute) // what is known of her has expired
		var storm sync.WaitGroup
		for i := range newBurst + 100 { // four of them are under way, and stay there
			storm.Go(func() { _ = ask("google", fmt.Sprint(i)) })
		}
		synctest.Wait()
		if n := api.called(); n != 5 {
			t.Errorf("%d calls", n)
		}
		for who, connector := range map[string]string{"dad": "github", "mum": "google"} { // a newcomer of another, and somebody who is known
			if err := ask(connector, who); err != nil {
				t.Errorf("%s by %s: %v", who, connector, err)
			}
		}
		close(stuck)
		storm.Wait()
		if err := ask("google", "uncle"); err == nil {
			t.Error("the newcomers of google are not limited")
		}
		for i := range 2 * maxConnectors {
			if err := ask(fmt.Sprint("c", i), fmt.Sprint("x", i)); err != nil {
				t.Errorf("connector %d: %v", i, err)
			}
		}
		if n := len(p.unknown.each); n > maxConnectors+1 {
			t.Errorf("%d connectors are counted apart", n)
		}
	})
}

func TestAnswersAreKeptWithinTheirRoom(t *testing.T) {
	h := fakeCache(t, Options{})
	defer h.Close()
	long := fmt.Sprintf(`{"name":%q}`, strings.Repeat("x", 500_000))
	api := &lookups{answer: func(_ context.Context, call int) (*pluginv1.LookupResponse, error) {
		return &pluginv1.LookupResponse{Found: call%2 == 0, Problem: map[bool]string{false: "none"}[call%2 == 0], Facts: []byte(long)}, nil
	}}
	p := fakePlugin(t, h, "{}", api)
	asker := p.Asker(Policy{TTL: time.Hour, NegativeTTL: time.Hour})
	for i := range 100 {
		if _, err := asker.Ask(t.Context(), pipeline.Question{Exchange: fmt.Sprint(i), Params: []byte(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
	}
	a := h
	a.kept.CleanUp()
	a.missed.CleanUp()
	inExchanges := len(a.exchanges.young) + len(a.exchanges.old)
	if kept, missed := a.kept.EstimatedSize(), a.missed.EstimatedSize(); kept < 8 || kept > 16 || missed > 1 || inExchanges > 12 {
		t.Errorf("%d, %d and %d answers of a megabyte are kept", kept, missed, inExchanges)
	}
}
