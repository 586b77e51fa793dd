package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

const (
	kindRequest = "requests"
	kindLetIn   = "tally"

	collecting = 50 * time.Millisecond // how long the first of several waits for the others
	atOnce     = 1000                  // rows of one transaction
	writeTime  = 5 * time.Second       // for one
	retryTime  = 5 * time.Second       // after one that failed
	trimEvery  = time.Minute
	mostLetIn  = 100_000   // people at clients; the oldest go first
	oftenLetIn = time.Hour // how often a person who comes again is written again
)

// rows is the part of a journal that is in the store.
type rows struct {
	requests *state.Rows // nil: no values are written
	letIn    *state.Rows
	max      int
	maxAge   time.Duration
	log      *slog.Logger
	now      func() time.Time
	dropped  atomic.Int64
	anybody  atomic.Bool   // was let in since the start
	wake     chan struct{} // something waits
	urgent   chan struct{} // somebody waits for it

	mu     sync.Mutex
	queue  []queued
	bytes  int
	known  map[[3]string]time.Time // by client, connector and user: when they were queued last
	asking []chan<- error          // what wants to know when the queue is written

	// Of Run alone.
	written               int // since the last trim
	told                  bool
	failing, failingLetIn bool // said in the log already: of requests, of people that were let in
	failingTrim           bool // and of what is too old
}

// queued is a decision that waits to be written.
type queued struct {
	e *Entry
	v *Values
	n int // bytes
}

func newRows(o Options) *rows {
	r := &rows{
		letIn: o.Store.Rows(kindLetIn, o.Key), log: o.Log, now: o.Now,
		wake: make(chan struct{}, 1), urgent: make(chan struct{}, 1), known: make(map[[3]string]time.Time),
	}
	if o.Record != nil {
		r.requests, r.max, r.maxAge = o.Store.Rows(kindRequest, o.Record.Key), o.Record.Max, o.Record.MaxAge
	}
	return r
}

// add never waits: what memory cannot hold is left out, and counted.
func (r *rows) add(e *Entry, v *Values) {
	if r.requests == nil {
		r.mu.Lock()
		news := r.news(e, v)
		r.mu.Unlock()
		if !news {
			return
		}
	}
	r.wait(queued{e, v, 1024 + proto.Size(v.Request)})
}

// news reports whether the store does not know yet what a decision says of a person being let in. It needs the lock.
func (r *rows) news(e *Entry, v *Values) bool {
	switch {
	case v.Input == nil || !v.Input.IsUser():
		return false
	case e.Outcome.LetIn():
		at, known := r.known[who(v)]
		return !known || e.At.Sub(at) >= oftenLetIn
	}
	return e.Outcome == Denied && e.Err == nil && !r.anybody.Load()
}

func who(v *Values) [3]string {
	return [3]string{v.Input.Client, v.Input.Connector, v.Input.Identity.UserID}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends, and then what is left. It says in the log how many people were let in within LetInAge.
func (j *Journal) Run(ctx context.Context) {
	if r := j.rows; r != nil {
		r.run(ctx)
	}
}

func (r *rows) run(ctx context.Context) {
	r.trim(ctx)
	if n, err := r.letIn.Count(ctx); err == nil {
		r.log.InfoContext(ctx, "people were let in within 30 days", "people_at_clients", n)
	}
	trim := time.NewTicker(trimEvery)
	defer trim.Stop()
	for {
		select {
		case <-ctx.Done():
			r.write(ctx)
			r.trim(ctx)
			return
		case <-trim.C:
			r.trim(ctx)
		case <-r.urgent:
			r.write(ctx)
		case <-r.wake:
			delay := collecting
			if r.failing || r.failingLetIn {
				delay = retryTime
			}
			select {
			case <-time.After(delay):
			case <-r.urgent:
			case <-ctx.Done():
			}
			r.write(ctx)
		}
		if r.requests != nil && r.written > r.max/10 {
			r.trim(ctx)
		}
	}
}

// write writes all that waits. What the store does not take waits for the next time.
func (r *rows) write(ctx context.Context) {
	r.mu.Lock()
	queue, asking := r.queue, r.asking
	r.queue, r.bytes, r.asking = nil, 0, nil
	r.mu.Unlock()
	for len(queue) > 0 {
		n := min(len(queue), atOnce)
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
		taken := r.writePart(within, queue[:n])
		cancel()
		if !taken {
			r.wait(queue...) // also what was not tried: it would take as long, each part of it
			break
		}
		queue = queue[n:]
	}
	for _, done := range asking {
		close(done)
	}
}

// wait puts decisions into the queue, as many as memory holds.
func (r *rows) wait(queue ...queued) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range queue {
		if r.bytes+q.n > QueuedBytes {
			if r.requests != nil {
				r.dropped.Add(1)
			}
			continue
		}
		r.queue, r.bytes = append(r.queue, q), r.bytes+q.n
	}
	signal(r.wake)
}

func (r *rows) writePart(ctx context.Context, part []queued) bool {
	r.written += len(part)
	recorded := r.requests == nil || r.writeRequests(ctx, part)
	return r.writeLetIn(ctx, part) && recorded
}

func (r *rows) writeRequests(ctx context.Context, part []queued) bool {
	put := make([]state.Put, 0, len(part))
	var wrong error
	for _, q := range part {
		value, err := encode(q.e, q.v)
		if err != nil {
			wrong = err
			r.dropped.Add(1)
			continue
		}
		put = append(put, state.Put{ID: q.e.ID, At: q.e.At, Value: value})
	}
	err := r.requests.PutAll(ctx, put)
	r.tell(ctx, errors.Join(wrong, err))
	return err == nil
}

// tell logs the first of several errors of the record, and their end.
func (r *rows) tell(ctx context.Context, err error) {
	switch {
	case err != nil && !r.failing:
		r.log.ErrorContext(ctx, "requests are not recorded", "err", err)
	case err == nil && r.failing:
		r.log.InfoContext(ctx, "requests are recorded again")
	}
	r.failing = err != nil
}

func (r *rows) writeLetIn(ctx context.Context, part []queued) bool {
	var put []state.Put
	var err error
	fresh := make(map[[3]string]time.Time)
	for _, q := range part {
		r.mu.Lock()
		news := r.news(q.e, q.v)
		r.mu.Unlock()
		switch {
		case !news:
		case q.e.Outcome.LetIn():
			r.anybody.Store(true)
			fresh[who(q.v)] = q.e.At
			put = append(put, state.Put{Scope: scope(q.v.Input.Client, q.v.Input.Connector), ID: q.v.Input.Identity.UserID, At: q.e.At})
		default:
			err = errors.Join(err, r.keptOut(ctx, q))
		}
	}
	err = errors.Join(err, r.letIn.PutAll(ctx, put))
	r.tellLetIn(ctx, err)
	if err != nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.Copy(r.known, fresh)
	return true
}

func (r *rows) tellLetIn(ctx context.Context, err error) {
	if err != nil && !r.failingLetIn {
		r.log.ErrorContext(ctx, "who was let in is not remembered", "err", err)
	}
	r.failingLetIn = err != nil
}

// keptOut says once if a person is kept out who was let in before, while nobody at all was let in since the start.
func (r *rows) keptOut(ctx context.Context, q queued) error {
	if r.told || r.anybody.Load() {
		return nil
	}
	in := q.v.Input
	row, known, err := r.letIn.Get(ctx, scope(in.Client, in.Connector), in.Identity.UserID)
	if err != nil || !known || q.e.At.Sub(row.At) > LetInAge {
		return err
	}
	r.told = true
	r.log.WarnContext(ctx, "somebody who was let in within 30 days is refused, and nobody was let in since the start",
		"client_id", in.Client, "connector_id", in.Connector, "rule", q.e.Rule)
	return nil
}

// scope is where ids of users mean something. Ids of clients and connectors come from the configuration of Dex.
func scope(client, connector string) string { return client + "\n" + connector }

func (r *rows) trim(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	r.written = 0
	now := r.now()
	err := r.letIn.Trim(ctx, mostLetIn, now.Add(-LetInAge))
	if r.requests != nil {
		err = errors.Join(r.requests.Trim(ctx, r.max, r.oldest()), err)
	}
	// It says nothing of writing: where there is nothing to remove, a full disk does that.
	if err != nil && !r.failingTrim {
		r.log.ErrorContext(ctx, "what is too old is not removed from the store", "err", err)
	}
	r.failingTrim = err != nil
	r.mu.Lock()
	defer r.mu.Unlock()
	for who, at := range r.known {
		if now.Sub(at) > oftenLetIn {
			delete(r.known, who)
		}
	}
}

func (r *rows) oldest() time.Time { return r.now().Add(-r.maxAge) }

// settled waits until all that was added before is written.
func (r *rows) settled(ctx context.Context) error {
	done := make(chan error)
	r.mu.Lock()
	r.asking = append(r.asking, done)
	r.mu.Unlock()
	signal(r.urgent)
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the record: %w", ctx.Err())
	}
}

func (r *rows) forget(ctx context.Context, who *Forgotten) (int, error) {
	if err := r.settled(ctx); err != nil {
		return 0, err
	}
	is := func(req *hookv1.ExtendPayloadRequest) bool {
		return who.Is(req.GetConnectorId(), req.GetIdentity().GetUserId(), req.GetIdentity().GetEmail())
	}
	n, err := r.requests.Erase(ctx, func(row state.Row) bool {
		one, err := decode(row.Value)
		return err != nil || is(one.Request) // what cannot be read any more may be theirs
	})
	if err != nil {
		return 0, err
	}
	r.mu.Lock() // what the store did not take
	defer r.mu.Unlock()
	r.queue = slices.DeleteFunc(r.queue, func(q queued) bool {
		theirs := is(q.v.Request)
		if theirs {
			r.bytes -= q.n
			n++
		}
		return theirs
	})
	return n, nil
}

// forgetLetIn goes by the user's id, whatever the connector: no addresses are known here.
func (r *rows) forgetLetIn(ctx context.Context, user string) error {
	if err := r.settled(ctx); err != nil {
		return err
	}
	list, err := r.letIn.List(ctx)
	if err != nil {
		return err
	}
	done := make(map[string]bool)
	for _, row := range list {
		if !done[row.Scope] {
			done[row.Scope] = true
			if err := r.letIn.Remove(ctx, row.Scope, user); err != nil {
				return err
			}
		}
	}
	return nil
}

// Records reports whether requests are recorded. Without that, Request, Requests and Recorded must not be called.
func (j *Journal) Records() bool { return j.rows != nil && j.rows.requests != nil }

// Request returns a recorded request; nil when there is none. As Requests and Recorded it needs Run to be running.
func (j *Journal) Request(ctx context.Context, id string) (*Request, error) {
	r := j.rows
	if err := r.settled(ctx); err != nil {
		return nil, err
	}
	row, ok, err := r.requests.Get(ctx, "", id)
	if err != nil || !ok || !row.At.After(r.oldest()) {
		return nil, err
	}
	return decode(row.Value)
}

// Requests returns the recorded requests that can be read, the newest first.
func (j *Journal) Requests(ctx context.Context) ([]*Request, error) {
	r := j.rows
	if err := r.settled(ctx); err != nil {
		return nil, err
	}
	list, err := r.requests.List(ctx)
	if err != nil {
		return nil, err
	}
	var out []*Request
	for _, row := range list {
		if one, err := decode(row.Value); err == nil && row.At.After(r.oldest()) && len(out) < r.max {
			out = append(out, one)
		}
	}
	return out, nil
}

// Dropped returns how many requests were not recorded since the start, because the store was slow or failed and memory was full.
func (j *Journal) Dropped() int64 {
	if j.rows == nil {
		return 0
	}
	return j.rows.dropped.Load()
}

// Recorded returns how many requests the store has, and how many were left out since the start.
func (j *Journal) Recorded(ctx context.Context) (kept int, dropped int64, err error) {
	if err := j.rows.settled(ctx); err != nil {
		return 0, j.rows.dropped.Load(), err
	}
	kept, err = j.rows.requests.Count(ctx)
	return kept, j.rows.dropped.Load(), err
}

// Read reads the requests that a journal recorded into a store under a key, the newest first. Nothing needs to run, and nothing is trimmed.
func Read(ctx context.Context, store *state.Store, key *state.Key) ([]*Request, error) {
	list, err := store.Rows(kindRequest, key).List(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*Request, len(list))
	for i, row := range list {
		if out[i], err = decode(row.Value); err != nil {
			return nil, fmt.Errorf("request %d: %w", i+1, err)
		}
	}
	return out, nil
}
