package record

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ids(list []*Decision) (out []string) {
	for _, d := range list {
		out = append(out, d.ID)
	}
	return out
}

func TestTheRing(t *testing.T) {
	all := func(*Decision) bool { return true }
	r := NewRing(3)
	if got := r.Last(5, all); got != nil {
		t.Errorf("empty: %v", ids(got))
	}
	for i, outcome := range []Outcome{Patched, Unchanged, Denied, Failed, Patched} {
		r.Add(&Decision{ID: fmt.Sprint(i), Outcome: outcome})
	}
	tests := []struct {
		name   string
		n      int
		wanted func(*Decision) bool
		want   []string
	}{
		{"the last come first, the oldest are gone", 5, all, []string{"4", "3", "2"}},
		{"no more than are asked for", 2, all, []string{"4", "3"}},
		{"only those that are wanted", 5, func(d *Decision) bool { return d.Outcome == Denied }, []string{"2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, ids(r.Last(test.n, test.wanted))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if d := r.Get("3"); d == nil || d.Outcome != Failed {
		t.Errorf("3: %v", d)
	}
	if d := r.Get("0"); d != nil {
		t.Errorf("0 was pushed out, and is %v", d)
	}
	if diff := cmp.Diff(Counters{Patched: 2, Unchanged: 1, Denied: 1, Failed: 1}, r.Counters()); diff != "" {
		t.Errorf("counters count all, -want +got:\n%s", diff)
	}
}

// clock is a time that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

var noon = time.UnixMicro(1_800_000_000_000_000)

// kept runs a keeper of three requests of the last hour.
func kept(t *testing.T) (*Keeper, *clock) {
	t.Helper()
	store, err := state.Open(state.Options{File: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	key, err := state.NewKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{now: noon}
	k := NewKeeper(KeeperOptions{Store: store, Key: key, Max: 3, MaxAge: time.Hour, Log: slog.New(slog.DiscardHandler), Now: c.Now})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return k, c
}

func (k *Keeper) put(t *testing.T, id string, at time.Time) {
	t.Helper()
	k.Keep(id, at, func() ([]byte, error) { return []byte("request " + id), nil })
}

func listed(t *testing.T, k *Keeper) (out []string) {
	t.Helper()
	list, err := k.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range list {
		out = append(out, string(value))
	}
	return out
}

func TestRequestsAreKeptByCountAndAge(t *testing.T) {
	k, c := kept(t)
	for i := range 5 {
		k.put(t, fmt.Sprint(i), noon.Add(time.Duration(i)*time.Minute))
	}
	if diff := cmp.Diff([]string{"request 4", "request 3", "request 2"}, listed(t, k)); diff != "" {
		t.Errorf("the last three, -want +got:\n%s", diff)
	}
	if _, ok, err := k.Get(t.Context(), "0"); ok || err != nil {
		t.Errorf("0: %v %v", ok, err)
	}
	c.set(noon.Add(time.Hour + 3*time.Minute))
	if diff := cmp.Diff([]string{"request 4"}, listed(t, k)); diff != "" {
		t.Errorf("the last hour, -want +got:\n%s", diff)
	}
	if _, ok, err := k.Get(t.Context(), "3"); ok || err != nil {
		t.Errorf("3 is too old, and not yet erased: %v %v", ok, err)
	}
	value, ok, err := k.Get(t.Context(), "4")
	if string(value) != "request 4" || !ok || err != nil {
		t.Errorf("4: %q %v %v", value, ok, err)
	}
}

func TestForgottenRequestsAreGone(t *testing.T) {
	k, _ := kept(t)
	k.put(t, "1", noon)
	k.put(t, "2", noon.Add(time.Second))
	n, err := k.Forget(t.Context(), func(value []byte) bool { return string(value) == "request 1" })
	if n != 1 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	if diff := cmp.Diff([]string{"request 2"}, listed(t, k)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n, err := k.Count(t.Context()); n != 1 || err != nil {
		t.Errorf("count: %d %v", n, err)
	}
}

func TestWhoDecidesNeverWaits(t *testing.T) {
	k, _ := kept(t)
	gate, entered := make(chan struct{}), make(chan struct{})
	k.Keep("slow", noon, func() ([]byte, error) {
		close(entered)
		<-gate
		return nil, nil
	})
	<-entered
	for i := range queued + 3 {
		k.put(t, fmt.Sprint(i), noon)
	}
	if n := k.Dropped(); n != 3 {
		t.Errorf("dropped %d", n)
	}
	close(gate)
}

func TestPseudonyms(t *testing.T) {
	p := NewPseudonyms(`
connectors: {google: {emailDomains: [gmail.com]}}
pipeline:
  - {deny: '"staff" in nas.groups', message: "Ask admin@example.org."}
  - {set: {plan: '"Family Gold"'}}
`)
	tests := []struct{ name, noun, text, want string }{
		{"an address keeps its domain where that is known", "person", "mum@gmail.com", "person1@gmail.com"},
		{"the same word gets the same name", "text", "mum", "person1"},
		{"case is kept", "person", "Mum", "Person1"},
		{"all of it", "person", "MUM@gmail.com", "PERSON1@gmail.com"},
		{"another gets another", "person", "Dad Miller", "Person2"},
		{"a domain that is not known", "person", "mum@home.example", "person1@domain1.example"},
		{"and again", "person", "dad@home.example", "person3@domain1.example"},
		{"a word of the configuration stays", "group", "staff", "staff"},
		{"in any case", "group", "Staff", "Staff"},
		{"with its domain", "group", "staff@example.org", "staff@example.org"},
		{"several words of it", "group", "family gold", "family gold"},
		{"one word of it is not enough", "group", "gold rush", "group1"},
		{"an address that the configuration mentions", "person", "admin@example.org", "admin@example.org"},
		{"what only looks like an address", "text", "a@b@c", "text1"},
		{"a word without letters", "subject", "108 22", "subject1"},
		{"nothing", "person", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := p.Of(test.noun, test.text); got != test.want {
				t.Errorf("%q becomes %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func TestAPseudonymIsNoWordOfTheConfiguration(t *testing.T) {
	if got := NewPseudonyms(`"person1"`).Of("person", "mum"); got != "person2" {
		t.Errorf("%q", got)
	}
}
