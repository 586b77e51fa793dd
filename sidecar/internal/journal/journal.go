package journal

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

const (
	Kept        = 1000                // decisions in memory
	People      = 200                 // people at clients whose last request is kept; another one takes the place of the oldest
	MaxPayload  = 16 << 10            // bytes; requests with longer payloads are not kept in memory
	LetInAge    = 30 * 24 * time.Hour // how long it counts that a person was let in
	QueuedBytes = 32 << 20            // of requests that wait to be written
)

// Options say what survives a restart. Log is required.
type Options struct {
	Store  *state.Store // nil: nothing does
	Key    *state.Key   // of the store
	Record *Record      // nil: no values are written
	Log    *slog.Logger
	Now    func() time.Time // defaults to time.Now

	Address func(address string) string // as links keep an address; nil: no links are kept, and no decision says which person it was about
}

// Record says how many requests are kept in the store.
type Record struct {
	Key    *state.Key
	Max    int
	MaxAge time.Duration
}

// Journal is safe for concurrent use.
type Journal struct {
	o    Options
	rows *rows // nil: nothing is written

	mu     sync.Mutex
	ring   []*Entry // Kept of them
	next   int      // where the next one goes; the oldest, once the ring is full
	counts Counters
	people map[visitor]*Visit
	order  []visitor // of people, the oldest first
}

// Visit is the last request of a person at a client that was let in.
type Visit struct {
	At time.Time
	Values
}

type visitor struct{ connector, user, client string }

// New makes an empty journal. What survived a restart is read with Requests, and put back with Remember.
func New(o Options) *Journal {
	if o.Now == nil {
		o.Now = time.Now
	}
	j := &Journal{o: o, ring: make([]*Entry, Kept), people: make(map[visitor]*Visit)}
	if o.Store != nil {
		j.rows = newRows(o)
	}
	return j
}

// Add keeps a decision. A request that made no sense has no input; it is recorded as it came.
func (j *Journal) Add(e *Entry, v *Values) {
	if j.o.Address != nil && v.Input != nil && v.Input.IsUser() {
		if who := j.person(v.Input.Connector, v.Input.Identity, v.Asked); e.Outcome.LetIn() || len(who.Subjects) > 0 {
			e.who = who
		}
	}
	e.Facts = detached(e.Facts)
	j.mu.Lock()
	j.ring[j.next] = e
	j.next = (j.next + 1) % len(j.ring)
	j.counts.count(e.Outcome)
	if v.Input != nil && e.Outcome.LetIn() {
		j.remember(&Visit{At: e.At, Values: *v})
	}
	j.mu.Unlock()
	if j.rows != nil {
		j.rows.add(e, v)
	}
}

// detached copies facts whose errors may hold on to more than their text.
func detached(facts []pipeline.Fact) []pipeline.Fact {
	if !slices.ContainsFunc(facts, func(f pipeline.Fact) bool { return f.Err != nil }) {
		return facts
	}
	facts = slices.Clone(facts) // the trace is read by others too
	for i, f := range facts {
		if f.Err != nil {
			facts[i].Err = errors.New(f.Err.Error())
		}
	}
	return facts
}

// Remember keeps a request of before the start that was let in.
func (j *Journal) Remember(v *Visit) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.remember(v)
}

// remember needs the lock. Requests about no person are left out: nobody is locked out of them.
func (j *Journal) remember(v *Visit) {
	in := v.Input
	if !in.IsUser() || len(in.Payload.Raw()) > MaxPayload {
		return
	}
	who := visitor{in.Connector, in.Identity.UserID, in.Client}
	if known := j.people[who]; known != nil {
		if !v.At.Before(known.At) {
			j.people[who] = v
		}
		return
	}
	if len(j.order) == People {
		delete(j.people, j.order[0])
		j.order = slices.Delete(j.order, 0, 1)
	}
	j.people[who], j.order = v, append(j.order, who)
}

// LetIn returns the last request of each person that was let in within LetInAge, the people who came first first.
func (j *Journal) LetIn() (out []*Visit) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, who := range j.order {
		if v := j.people[who]; j.o.Now().Sub(v.At) <= LetInAge {
			out = append(out, v)
		}
	}
	return out
}

// Counters counts all decisions that were ever added.
func (j *Journal) Counters() Counters {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.counts
}

// Get returns the decision with an id, or nil.
func (j *Journal) Get(id string) *Entry {
	if found := j.Last(1, func(e *Entry) bool { return e.ID == id }); len(found) > 0 {
		return found[0]
	}
	return nil
}

// Last returns up to n decisions that are wanted, the newest first.
func (j *Journal) Last(n int, wanted func(*Entry) bool) (out []*Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.ring {
		e := j.ring[(j.next-1-i+2*len(j.ring))%len(j.ring)]
		if e == nil || len(out) == n {
			break
		}
		if wanted(e) {
			out = append(out, e)
		}
	}
	return out
}

// About returns the person that a decision was about; nil where nothing that is kept tells.
func (j *Journal) About(ctx context.Context, id string) (*Person, error) {
	if e := j.Get(id); e != nil && e.who != nil && !e.who.forgotten.Load() {
		return e.who, nil
	}
	if !j.Records() || j.o.Address == nil {
		return nil, nil
	}
	r, err := j.Request(ctx, id)
	if r == nil || err != nil {
		return nil, err
	}
	return r.person(j), nil
}
