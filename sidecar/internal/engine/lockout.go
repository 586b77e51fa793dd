package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/wire"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// noted hands a call that is over to what remembers it: the numbers, the candidate, the journal.
func (s *Server) noted(c *call) {
	s.answered.Add(1)
	s.metrics.count(&c.Entry)
	if c.Outcome.LetIn() {
		s.Lifetimes.note(c.Input.Payload)
	}
	if c.result != nil && !late(c.Err) {
		if candidate := c.active.candidate.Load(); candidate != nil {
			s.shadow.offer(shadowJob{candidate, c})
		}
	}
	entry, values := c.Entry, c.Values // kept longer than the call
	s.Kept.Journal.Add(&entry, &values)
}

// late reports whether a run ended because its time was over, which says nothing about its rules.
func late(err error) bool {
	if err == nil {
		return false
	}
	var e *pipeline.Error
	return errors.As(err, &e) && e.Class == pipeline.Deadline
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
func lockout(ctx context.Context, j *journal.Journal, now *compile.Set) *LockedOut {
	out := &LockedOut{}
	rules := make(map[string]int)
	types := now.Sources()
	for _, v := range j.LetIn() {
		in, given := *v.Input, replay.Frozen{Asked: v.Asked, Usable: replay.Alike(v.Sources, types)}
		given.Freeze(&in)
		result, err := now.Pipeline.Run(ctx, &in)
		if len(given.NotAsked()) > 0 || ctx.Err() != nil {
			out.Unknown++
			continue
		}
		switch _, rule := journal.Ended(result, err); {
		case err != nil:
			out.Failed++
			rules[rule]++
		case result.Denial != nil:
			out.Refused++
			rules[rule]++
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
func (s *Server) letsIn(ctx context.Context, now *Generation, force bool) error {
	out := lockout(ctx, s.Kept.Journal, now.Set)
	switch {
	case out.everybody() && !force:
		return out
	case out.Refused+out.Failed > 0:
		s.Log.WarnContext(ctx, "the new configuration keeps out some who were let in recently", "of", out.Recent,
			"refused", out.Refused, "failed", out.Failed, "unknown", out.Unknown, "rules", out.Rules)
	}
	return nil
}

// recall remembers who was let in before this start, as far as requests are recorded. A start is not refused as a reload is, so it
// says if the configuration keeps them all out.
func (s *Server) recall(ctx context.Context) {
	kept, active := s.Kept.Journal, s.Active.Load()
	if !kept.Records() {
		return
	}
	list, err := kept.Requests(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.Log.WarnContext(ctx, "who was let in before this start is not known", "err", err)
		return
	}
	for _, r := range slices.Backward(list) { // the oldest first
		in, err := wire.Input(r.Request)
		if err != nil || !r.Outcome.LetIn() {
			continue // or it was of another version
		}
		in.Now = r.At
		asked, _ := r.Found(active.sources)
		kept.Remember(&journal.Visit{At: r.At, Values: journal.Values{Request: r.Request, Input: in, Asked: asked, Sources: active.sources}})
	}
	out := lockout(ctx, kept, active.Set)
	if out.Recent == 0 {
		return
	}
	level := s.Log.InfoContext
	said := "people were let in before this start"
	if out.everybody() {
		level, said = s.Log.ErrorContext, "the configuration keeps out everybody who was let in before this start"
	}
	attrs := []any{"of", out.Recent, "refused", out.Refused, "failed", out.Failed, "unknown", out.Unknown}
	if len(out.Rules) > 0 {
		attrs = append(attrs, "rules", out.Rules)
	}
	level(ctx, said, attrs...)
}
