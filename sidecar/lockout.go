package sidecar

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/tally"
)

const (
	recentVisits  = 200                 // people and clients that are remembered; more push out the oldest
	recentAge     = 30 * 24 * time.Hour // and how long
	recentPayload = 16 << 10            // longer payloads are not remembered: they would be kept in memory
)

// decided is told of every decision: it remembers who was let in and who was turned away, and hands the decision to the candidate.
func (s *Server) decided(g *generation, id string, in *pipeline.Input, result *pipeline.Result, err error) {
	if err == nil && result.Denial == nil {
		s.lifetimes.note(in.Payload)
		s.recent.add(visit{id: id, in: in, asked: result.Asked, sources: g.sources, at: time.Now()})
	}
	s.noteRefused(id, in, result, err)
	if s.tally != nil && err == nil && in.IsUser() {
		v := tally.Visit{Client: in.Client, Connector: in.Connector, User: in.Identity.UserID, LetIn: result.Denial == nil, At: time.Now()}
		if result.Denial != nil {
			v.Rule = result.Denial.Rule
		}
		s.tally.Note(v)
	}
	if c := g.candidate.Load(); c != nil && !late(err) {
		s.shadow.offer(shadowJob{candidate: c, id: id, in: in, result: result, err: err})
	}
}

// late reports whether a run ended because its time was over, which says nothing about its rules.
func late(err error) bool {
	var e *pipeline.Error
	return errors.As(err, &e) && e.Class == pipeline.Deadline
}

// visitor is somebody at a client.
type visitor struct{ connector, user, client string }

// visit is a request that was let in, with what the plugins said to it. It is kept in memory and written nowhere.
type visit struct {
	id      string // of the decision; empty: it was made before the start
	who     visitor
	in      *pipeline.Input
	asked   []pipeline.Asked
	sources map[string]*facts.Type // what asked is typed by
	at      time.Time
}

// recent remembers who was let in: the last request of each.
type recent struct {
	mu    sync.Mutex
	index map[visitor]int // into ring
	ring  []visit
	next  int // the oldest, once the ring is full
}

// add remembers a request that was let in. Requests about no person are not counted: nobody is locked out of them.
func (r *recent) add(v visit) {
	if !v.in.IsUser() || len(v.in.Payload.Raw()) > recentPayload {
		return
	}
	v.who = visitor{v.in.Connector, v.in.Identity.UserID, v.in.Client}
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, known := r.index[v.who]; known {
		if !v.at.Before(r.ring[at].at) {
			r.ring[at] = v
		}
		return
	}
	if r.index == nil {
		r.index = make(map[visitor]int)
	}
	if len(r.ring) < recentVisits {
		r.index[v.who] = len(r.ring)
		r.ring = append(r.ring, v)
		return
	}
	delete(r.index, r.ring[r.next].who)
	r.ring[r.next], r.index[v.who] = v, r.next
	r.next = (r.next + 1) % recentVisits
}

// since returns what is remembered from a moment on.
func (r *recent) since(t time.Time) []visit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.ring), func(v visit) bool { return v.at.Before(t) })
}

// find returns the request of a decision, if it is remembered.
func (r *recent) find(id string) (visit, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range r.ring {
		if v.id == id {
			return v, true
		}
	}
	return visit{}, false
}

// forget drops what is remembered of somebody, and returns how many requests that were.
func (r *recent) forget(who func(*pipeline.Input) bool) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.ring)
	r.ring = slices.DeleteFunc(slices.Concat(r.ring[r.next:], r.ring[:r.next]), func(v visit) bool { return who(v.in) })
	r.next, r.index = 0, make(map[visitor]int, len(r.ring))
	for i := range r.ring {
		r.index[r.ring[i].who] = i
	}
	return before - len(r.ring)
}

// LockedOut is the error for a configuration that keeps out everybody who was let in recently. It holds no values.
type LockedOut struct {
	Recent  int // people at clients that were let in within 30 days, since the start, and that the new rules can be tried on
	Refused int
	Failed  int
	Rules   []string // where, with how many
	Unknown int      // could not be tried: the new rules ask what was not asked before
}

func (e *LockedOut) Error() string {
	return fmt.Sprintf("it would keep out everybody who was let in recently (%s: %s)", e.counts(), strings.Join(e.Rules, ", "))
}

func (e *LockedOut) counts() string {
	return fmt.Sprintf("%d refused and %d failed of %d", e.Refused, e.Failed, e.Recent)
}

// everybody reports whether nobody would be let in any more.
func (e *LockedOut) everybody() bool { return e.Recent > 0 && e.Refused+e.Failed == e.Recent }

// lockout tries a configuration on those who were let in recently, with the facts that were found for them then.
func (r *recent) lockout(ctx context.Context, now *ruleSet) *LockedOut {
	out := &LockedOut{}
	rules := make(map[string]int)
	types := now.sources()
	for _, v := range r.since(time.Now().Add(-recentAge)) {
		in, given := *v.in, frozen{asked: v.asked, usable: alike(v.sources, types)}
		given.freeze(&in)
		d := &decision{}
		d.denial, d.err = now.again(ctx, &in)
		switch {
		case len(given.notAsked()) > 0 || ctx.Err() != nil:
			out.Unknown++
			continue
		case d.err != nil:
			out.Failed++
			rules[d.rule()]++
		case d.denial != nil:
			out.Refused++
			rules[d.rule()]++
		}
		out.Recent++
	}
	for rule, n := range rules {
		out.Rules = append(out.Rules, fmt.Sprintf("%d by %s", n, rule))
	}
	slices.Sort(out.Rules)
	return out
}

// letsIn refuses a configuration that would lock everybody out, unless it is forced, and warns of one that keeps out some.
func (s *Server) letsIn(ctx context.Context, now *generation, force bool) error {
	out := s.recent.lockout(ctx, now.set)
	switch {
	case out.everybody() && !force:
		return out
	case out.Refused+out.Failed > 0:
		s.log.WarnContext(ctx, "the new configuration keeps out some who were let in recently", "of", out.Recent,
			"refused", out.Refused, "failed", out.Failed, "unknown", out.Unknown, "rules", out.Rules)
	}
	return nil
}

// again decides a request once more.
func (set *ruleSet) again(ctx context.Context, in *pipeline.Input) (*pipeline.Denial, error) {
	result, err := set.pipeline.Run(ctx, in)
	return result.Denial, err
}
