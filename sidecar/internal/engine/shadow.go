package engine

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// shadowQueue is how many decisions wait for the candidate. More are left out: a decision never waits.
const shadowQueue = 16

// shadow runs candidates beside the rules in use: one request at a time, in a goroutine of its own, which changes nothing and
// asks nobody.
type shadow struct {
	log  *slog.Logger
	jobs chan shadowJob
}

// shadowJob is a decision that was made, with what it was made from.
type shadowJob struct {
	candidate *candidate
	*call
}

// shadowTally counts what became of the decisions since a candidate was loaded.
type shadowTally struct {
	same, notAsked, dropped atomic.Int64

	mu      sync.Mutex
	changes map[replay.Change]int64
	told    map[string]bool // lookups of which the log said that they are not asked
}

// ShadowReport is how a candidate compares with the rules in use since it was loaded. It holds no values.
type ShadowReport struct {
	File     string                  `json:"file"`
	Digest   string                  `json:"digest"`
	Loaded   time.Time               `json:"loaded"`
	Same     int64                   `json:"same"`
	Changes  map[replay.Change]int64 `json:"changes"`  // decisions that came out otherwise
	NotAsked int64                   `json:"notAsked"` // not compared: the candidate asks what the rules in use do not
	Dropped  int64                   `json:"dropped"`  // not compared: too many at once
}

// Shadow reports on the candidate. It is nil when none is run.
func (s *Server) Shadow() *ShadowReport {
	c := s.Active.Load().candidate.Load()
	if c == nil {
		return nil
	}
	return c.report()
}

func (c *candidate) report() *ShadowReport {
	r := &ShadowReport{
		File: c.file, Digest: c.digest, Loaded: c.loaded, Changes: map[replay.Change]int64{},
		Same: c.tally.same.Load(), NotAsked: c.tally.notAsked.Load(), Dropped: c.tally.dropped.Load(),
	}
	c.tally.mu.Lock()
	defer c.tally.mu.Unlock()
	for change, n := range c.tally.changes {
		r.Changes[change] = n
	}
	return r
}

func newShadow(log *slog.Logger) shadow {
	return shadow{log: log, jobs: make(chan shadowJob, shadowQueue)}
}

// offer hands a decision to the candidate, if it has time.
func (s *shadow) offer(j shadowJob) {
	select {
	case s.jobs <- j:
	default:
		j.candidate.tally.dropped.Add(1)
	}
}

// work runs candidates until ctx ends.
func (s *shadow) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-s.jobs:
			s.guarded(ctx, &j)
		}
	}
}

// guarded keeps a candidate from taking the sidecar with it. What a panic says may hold values, so only its place is named.
func (s *shadow) guarded(ctx context.Context, j *shadowJob) {
	defer func() {
		if recover() != nil {
			s.log.ErrorContext(ctx, "this is a bug in claimsmith, please report it", "decision_id", j.ID, "at", panicked())
		}
	}()
	in := *j.Input // a run notes its trusted address in it
	given := replay.Frozen{Asked: j.Asked, Usable: j.candidate.usable}
	given.Freeze(&in)
	result, err := j.candidate.set.Pipeline.Run(ctx, &in)
	if missing := given.NotAsked(); len(missing) > 0 {
		j.candidate.tally.notAsked.Add(1)
		s.tellNotAsked(ctx, j.candidate, missing)
		return
	}
	d := replay.RequestDifference{Old: replay.OutcomeOf(j.Input, j.result, j.Err), New: replay.OutcomeOf(&in, result, err)}
	if d.Judge(); d.Change == replay.NoChange {
		j.candidate.tally.same.Add(1)
		return
	}
	j.candidate.tally.differs(d.Change)
	s.tell(ctx, j, &d, result, err)
}

func (t *shadowTally) differs(c replay.Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.changes == nil {
		t.changes = make(map[replay.Change]int64)
	}
	t.changes[c]++
}

// tellNotAsked says once for each lookup why decisions are not compared.
func (s *shadow) tellNotAsked(ctx context.Context, c *candidate, missing []string) {
	c.tally.mu.Lock()
	var fresh []string
	for _, alias := range missing {
		if !c.tally.told[alias] {
			if c.tally.told == nil {
				c.tally.told = make(map[string]bool)
			}
			c.tally.told[alias] = true
			fresh = append(fresh, alias)
		}
	}
	c.tally.mu.Unlock()
	if len(fresh) > 0 {
		s.log.WarnContext(ctx, "the shadow asks what the rules in use do not: such decisions are not compared", "lookups", fresh)
	}
}

// shadowClaim is a claim that comes out otherwise, with the rules that decide it.
type shadowClaim struct {
	Claim     string `json:"claim"`
	Does      string `json:"does"` // appears, vanishes or changes
	Token     string `json:"token,omitempty"`
	Rule      string `json:"rule,omitempty"`      // in use
	Candidate string `json:"candidate,omitempty"` // of the candidate
}

// tell logs a difference: names and places, never values.
func (s *shadow) tell(ctx context.Context, j *shadowJob, d *replay.RequestDifference, other *pipeline.Result, otherErr error) {
	outcome, rule := journal.Ended(other, otherErr)
	attrs := []slog.Attr{
		slog.String("decision_id", j.ID), slog.String("client_id", j.Client), slog.String("connector_id", j.Connector),
		slog.String("stage", j.Stage), slog.String("change", string(d.Change)),
		slog.String("outcome", string(j.Outcome)), slog.String("candidate_outcome", string(outcome)),
	}
	if j.Rule != "" {
		attrs = append(attrs, slog.String("rule", j.Rule))
	}
	if rule != "" {
		attrs = append(attrs, slog.String("candidate_rule", rule))
	}
	if otherErr != nil {
		attrs = append(attrs, slog.String("err", otherErr.Error()))
	}
	if len(d.Claims) > 0 {
		list := make([]shadowClaim, len(d.Claims))
		for i, c := range d.Claims {
			list[i] = shadowClaim{Claim: c.Claim, Does: c.Does(), Token: c.Token, Rule: decides(&j.result.Trace, c.Claim), Candidate: decides(&other.Trace, c.Claim)}
		}
		attrs = append(attrs, slog.Any("claims", list))
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "shadow differs", attrs...)
}

// decides is the place of the rule that gave or took a claim.
func decides(t *pipeline.Trace, claim string) string {
	for _, c := range t.Changes {
		if strings.EqualFold(c.Claim, claim) {
			return c.Pos.String()
		}
	}
	return ""
}
