package record

import (
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// Decision is what is kept of a decision: names, places and times, never values. It does not change once it is added.
type Decision struct {
	ID, RequestID     string
	Client, Connector string
	Stage, Grant      string
	Outcome           Outcome
	Rule              string // where it was denied or failed
	Refused           string // path of the step or the pin that denied it
	Err               string // why it failed
	At                time.Time
	Took              time.Duration
	Digest            string // of the configuration that decided

	Changes []pipeline.Change // none where there is no token
	Facts   []pipeline.Fact
	Visits  []pipeline.Visit
	Outline []pipeline.About // what Visits count in
}

// Outcome is how a decision ended.
type Outcome string

const (
	Patched   Outcome = "patched"
	Unchanged Outcome = "unchanged"
	Denied    Outcome = "denied"
	Failed    Outcome = "failed"
)

// Counters count decisions by their outcome.
type Counters struct{ Patched, Unchanged, Denied, Failed int64 }

// Ring holds the last decisions. It is safe for concurrent use.
type Ring struct {
	mu     sync.Mutex
	ring   []*Decision
	next   int // where the next one goes; the oldest, once the ring is full
	counts Counters
}

// NewRing makes a ring for n decisions.
func NewRing(n int) *Ring { return &Ring{ring: make([]*Decision, n)} }

// Add keeps d in the place of the oldest.
func (r *Ring) Add(d *Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ring[r.next] = d
	if r.next++; r.next == len(r.ring) {
		r.next = 0
	}
	switch d.Outcome {
	case Patched:
		r.counts.Patched++
	case Unchanged:
		r.counts.Unchanged++
	case Denied:
		r.counts.Denied++
	case Failed:
		r.counts.Failed++
	}
}

// Counters counts all that were ever added.
func (r *Ring) Counters() Counters {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

// Get returns the decision with an id, or nil.
func (r *Ring) Get(id string) *Decision {
	found := r.Last(1, func(d *Decision) bool { return d.ID == id })
	if len(found) == 0 {
		return nil
	}
	return found[0]
}

// Last returns up to n decisions that are wanted, the newest first.
func (r *Ring) Last(n int, wanted func(*Decision) bool) []*Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*Decision
	for i := range r.ring {
		d := r.ring[(r.next-1-i+2*len(r.ring))%len(r.ring)]
		if d == nil || len(out) == n {
			break
		}
		if wanted(d) {
			out = append(out, d)
		}
	}
	return out
}
