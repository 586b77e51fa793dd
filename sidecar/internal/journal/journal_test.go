package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// kept is a journal over a new store that is not written yet: run or runs writes.
type kept struct {
	*Journal
	*clock
	store *state.Store
	file  string
}

func newKept(t *testing.T, record bool) *kept {
	t.Helper()
	file := filepath.Join(t.TempDir(), "state", "state.db")
	store, err := state.Open(state.Options{File: file, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := state.NewKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{now: noon}
	o := Options{Store: store, Key: key, Log: slog.New(slog.DiscardHandler), Now: c.Now, Address: func(a string) string { return "sealed " + a }}
	if record {
		o.Record = &Record{Key: key, Max: 3, MaxAge: time.Hour}
	}
	return &kept{New(o), c, store, file}
}

// run writes what waits.
func (k *kept) run() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	k.Run(ctx)
}

// runs writes until the test is over.
func (k *kept) runs(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// came is a sign-in at a client through the connector google.
func came(t *testing.T, id, user, client string, outcome Outcome, at time.Time) (*Entry, *Values) {
	t.Helper()
	payload, err := claims.Parse([]byte(`{"sub":"s"}`))
	if err != nil {
		t.Fatal(err)
	}
	email := user + "@gmail.com"
	in := &pipeline.Input{Payload: payload, Connector: "google", Client: client, Identity: pipeline.Identity{UserID: user, Email: email}}
	req := &hookv1.ExtendPayloadRequest{ConnectorId: "google", ClientId: client, Identity: &hookv1.Identity{UserId: user, Email: email}}
	return &Entry{ID: id, Connector: "google", Client: client, Outcome: outcome, At: at}, &Values{Request: req, Input: in}
}

func (k *kept) comes(t *testing.T, id, user, client string, outcome Outcome, at time.Time) {
	t.Helper()
	k.Add(came(t, id, user, client, outcome, at))
}

func ids(list []*Entry) (out []string) {
	for _, e := range list {
		out = append(out, e.ID)
	}
	return out
}

func TestTheLastDecisions(t *testing.T) {
	all := func(*Entry) bool { return true }
	j := New(Options{Log: slog.New(slog.DiscardHandler)})
	if got := j.Last(5, all); got != nil {
		t.Errorf("empty: %v", ids(got))
	}
	for i := range Kept {
		j.Add(&Entry{ID: fmt.Sprint("old", i), Outcome: Unchanged}, &Values{})
	}
	for i, outcome := range []Outcome{Patched, Unchanged, Denied, Failed, Patched} {
		j.Add(&Entry{ID: fmt.Sprint(i), Outcome: outcome}, &Values{})
	}
	tests := []struct {
		name   string
		n      int
		wanted func(*Entry) bool
		want   []string
	}{
		{"the last come first", 3, all, []string{"4", "3", "2"}},
		{"only those that are wanted", 5, func(e *Entry) bool { return e.Outcome == Denied }, []string{"2"}},
		{"the oldest are gone", 5, func(e *Entry) bool { return e.ID == "old4" || e.ID == "old5" }, []string{"old5"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, ids(j.Last(test.n, test.wanted))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if e := j.Get("3"); e == nil || e.Outcome != Failed {
		t.Errorf("3: %v", e)
	}
	if e := j.Get("old0"); e != nil {
		t.Errorf("old0 was pushed out, and is %v", e)
	}
	if diff := cmp.Diff(Counters{Patched: 2, Unchanged: Kept + 1, Denied: 1, Failed: 1}, j.Counters()); diff != "" {
		t.Errorf("counters count all, -want +got:\n%s", diff)
	}
}

func TestHowARunEnded(t *testing.T) {
	at := pipeline.Pos{File: "c.yaml", Line: 3}
	changed := &pipeline.Result{Trace: pipeline.Trace{Changes: make([]pipeline.Change, 1)}}
	tests := []struct {
		name    string
		result  *pipeline.Result
		err     error
		outcome Outcome
		rule    string
	}{
		{"it did not begin", nil, errors.New("x"), Failed, ""},
		{"it failed somewhere", changed, errors.New("x"), Failed, ""},
		{"it failed at a place", changed, &pipeline.Error{Class: pipeline.Unavailable, Pos: at, Err: errors.New("x")}, Failed, "c.yaml:3"},
		{"it was withheld", changed, fmt.Errorf("x: %w", &pipeline.Error{Class: pipeline.Withheld, Pos: at, Err: errors.New("x")}), Denied, "c.yaml:3"},
		{"it was denied", &pipeline.Result{Denial: &pipeline.Denial{Rule: "c.yaml:4"}}, nil, Denied, "c.yaml:4"},
		{"it changed nothing", &pipeline.Result{}, nil, Unchanged, ""},
		{"it changed something", changed, nil, Patched, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if outcome, rule := Ended(test.result, test.err); outcome != test.outcome || rule != test.rule {
				t.Errorf("got %s %q, want %s %q", outcome, rule, test.outcome, test.rule)
			}
		})
	}
}

func letIn(j *Journal) (users []string) {
	for _, v := range j.LetIn() {
		users = append(users, v.Input.Identity.UserID)
	}
	return users
}

func TestTheOldestVisitsAreForgottenFirst(t *testing.T) {
	k := &kept{Journal: New(Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon }})}
	start := noon.Add(-People * time.Minute)
	for i := range People + 3 {
		k.comes(t, "", fmt.Sprint(i), "nas", Patched, start.Add(time.Duration(i)*time.Minute))
	}
	k.comes(t, "", "5", "nas", Unchanged, noon) // known: takes nobody's place
	k.comes(t, "", "6", "nas", Denied, noon)    // not let in
	got := letIn(k.Journal)
	if len(got) != People || got[0] != "3" || got[2] != "5" || got[People-1] != fmt.Sprint(People+2) {
		t.Errorf("%d are kept, from %s to %s", len(got), got[0], got[len(got)-1])
	}
	if at := k.LetIn()[2].At; !at.Equal(noon) {
		t.Errorf("the last request of 5 is of %s", at)
	}
	if _, n, err := k.Forget(t.Context(), &Forgotten{Name: "5@gmail.com"}); n != 1 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	k.comes(t, "", "new", "nas", Patched, noon)
	k.comes(t, "", "newer", "nas", Patched, noon)
	if got := letIn(k.Journal); len(got) != People || got[0] != "4" || got[1] != "6" {
		t.Errorf("the next to go is the oldest: %v", got[:3])
	}
}

func TestWhatIsNotKeptInMemory(t *testing.T) {
	k := &kept{Journal: New(Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon }})}
	e, v := came(t, "", "m", "nas", Patched, noon)
	v.Input.Connector = "" // a machine
	k.Add(e, v)
	e, v = came(t, "", "l", "nas", Patched, noon)
	v.Input.Payload, _ = claims.Parse(fmt.Appendf(nil, `{"x":"%0*d"}`, MaxPayload, 0))
	k.Add(e, v)
	k.comes(t, "", "old", "nas", Patched, noon.Add(-LetInAge-time.Minute))
	if got := letIn(k.Journal); got != nil {
		t.Errorf("%v are kept", got)
	}
}

func requests(t *testing.T, k *kept) (out []string) {
	t.Helper()
	list, err := k.Requests(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		out = append(out, r.ID)
	}
	return out
}

func TestRequestsAreRecordedByCountAndAge(t *testing.T) {
	k := newKept(t, true)
	for i := range 5 {
		k.comes(t, fmt.Sprint(i), "mum", "nas", Patched, noon.Add(time.Duration(i)*time.Minute))
	}
	k.run() // which trims at its end
	k.runs(t)
	if diff := cmp.Diff([]string{"4", "3", "2"}, requests(t, k)); diff != "" {
		t.Errorf("the last three, -want +got:\n%s", diff)
	}
	if r, err := k.Request(t.Context(), "0"); r != nil || err != nil {
		t.Errorf("0: %v %v", r, err)
	}
	k.set(noon.Add(time.Hour + 3*time.Minute))
	if diff := cmp.Diff([]string{"4"}, requests(t, k)); diff != "" {
		t.Errorf("the last hour, -want +got:\n%s", diff)
	}
	if r, err := k.Request(t.Context(), "3"); r != nil || err != nil {
		t.Errorf("3 is too old, and not yet erased: %v %v", r, err)
	}
	if r, err := k.Request(t.Context(), "4"); err != nil || r == nil || r.Request.GetIdentity().GetUserId() != "mum" {
		t.Errorf("4: %v %v", r, err)
	}
}

func TestAForgottenPersonIsGoneFromEverything(t *testing.T) {
	k := newKept(t, true)
	k.runs(t)
	k.comes(t, "1", "mum", "nas", Patched, noon)
	e, v := came(t, "2", "mum", "nas", Denied, noon)
	v.Asked = []pipeline.Asked{{Plugin: "nas", Subject: "108", Answer: &pipeline.Answer{}}}
	k.Add(e, v)
	k.comes(t, "3", "dad", "nas", Patched, noon)
	if who, err := k.About(t.Context(), "2"); err != nil || who == nil || who.Subjects["nas"] != "108" || who.Address != "sealed mum@gmail.com" {
		t.Errorf("2 was about %+v, %v", who, err)
	}
	recorded, remembered, err := k.Forget(t.Context(), &Forgotten{Name: "Mum@gmail.com", Address: "sealed mum@gmail.com"})
	if recorded != 2 || remembered != 2 || err != nil {
		t.Errorf("forgot %d and %d, %v", recorded, remembered, err)
	}
	if diff := cmp.Diff([]string{"3"}, requests(t, k)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if who, err := k.About(t.Context(), "2"); who != nil || err != nil {
		t.Errorf("2 is still known to be about %+v, %v", who, err)
	}
	if n, err := k.rows.letIn.Count(t.Context()); n != 1 || err != nil {
		t.Errorf("%d were let in, %v", n, err)
	}
	if got := letIn(k.Journal); len(got) != 1 || got[0] != "dad" {
		t.Errorf("in memory are %v", got)
	}
}

// A burst that comes faster than the store writes is recorded whole, as long as memory holds it; what does not fit is counted.
func TestABurstIsRecordedWhole(t *testing.T) {
	k := newKept(t, true)
	const burst = 9000
	for i := range burst {
		k.comes(t, fmt.Sprint(i), "mum", "nas", Patched, noon.Add(time.Duration(i)*time.Microsecond))
	}
	e, v := came(t, "large", "mum", "nas", Patched, noon.Add(-time.Minute))
	v.Request.Payload = make([]byte, QueuedBytes)
	k.Add(e, v)
	k.rows.max = 2 * burst
	k.runs(t)
	if n, dropped, err := k.Recorded(t.Context()); n != burst || dropped != 1 || err != nil {
		t.Errorf("%d of %d are recorded, %d were dropped, %v", n, burst, dropped, err)
	}
}

// What the store does not take waits until it does, and can be forgotten meanwhile.
func TestWhatTheStoreDoesNotTakeWaits(t *testing.T) {
	k := newKept(t, true)
	if err := os.WriteFile(filepath.Dir(k.file), nil, 0o600); err != nil { // a file where its folder would be
		t.Fatal(err)
	}
	k.comes(t, "1", "mum", "nas", Patched, noon)
	k.comes(t, "2", "dad", "nas", Patched, noon)
	k.rows.write(t.Context())
	if n := len(k.rows.queue); n != 2 || k.rows.dropped.Load() != 0 {
		t.Errorf("%d wait, %d are dropped", n, k.rows.dropped.Load())
	}
}

// What cannot be written now is not tried part by part: at the end nobody waits for a store that takes nothing.
func TestAfterAPartThatFailsTheOthersWait(t *testing.T) {
	k := newKept(t, true)
	if err := os.WriteFile(filepath.Dir(k.file), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * atOnce {
		k.comes(t, fmt.Sprint(i), "mum", "nas", Patched, noon)
	}
	k.rows.write(t.Context())
	if tried := k.rows.written; tried != atOnce {
		t.Errorf("%d rows were tried", tried)
	}
	if n := len(k.rows.queue); n != 3*atOnce || k.rows.dropped.Load() != 0 {
		t.Errorf("%d wait, %d are dropped", n, k.rows.dropped.Load())
	}
}

// A request that made no sense is recorded as it came, and one with many groups counts with them.
func TestWhatARequestTakes(t *testing.T) {
	k := newKept(t, true)
	groups := make([]string, 100)
	for i := range groups {
		groups[i] = string(make([]byte, 1000))
	}
	k.Add(&Entry{ID: "senseless", Outcome: Failed, At: noon}, &Values{Request: &hookv1.ExtendPayloadRequest{Identity: &hookv1.Identity{Groups: groups}}})
	if k.rows.bytes < 100_000 {
		t.Errorf("100 groups of 1,000 bytes count as %d bytes", k.rows.bytes)
	}
	k.runs(t)
	if r, err := k.Request(t.Context(), "senseless"); err != nil || len(r.Request.GetIdentity().GetGroups()) != 100 {
		t.Errorf("%v, %v", r, err)
	}
}

func TestDecisionsNeverWait(t *testing.T) {
	k := newKept(t, true) // and nobody writes
	k.comes(t, "1", "mum", "nas", Patched, noon)
	e, v := came(t, "large", "mum", "nas", Patched, noon)
	v.Request.Payload = make([]byte, QueuedBytes)
	k.Add(e, v)
	if k.rows.dropped.Load() != 1 || len(k.rows.queue) != 1 {
		t.Errorf("%d are dropped, %d wait", k.rows.dropped.Load(), len(k.rows.queue))
	}
}
