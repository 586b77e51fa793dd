package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// StepTrace is what one step did, with the values it saw.
type StepTrace struct {
	Kind  Kind // the kind of token of this pass
	Pos   Pos
	Path  string
	Name  string
	What  string // lookup nas, set, remove, deny or steps; trim for CLIENT, which is no step
	Ran   bool   // the step's when held, and a lookup may be made for this request
	Note  string // why it did not run, or what it decided
	Why   []Part // the parts of when, deny and set, each once
	Took  time.Duration
	Asked json.RawMessage // the parameters of a lookup
	Found *Answer         // what it found; nil when it failed or was not made
	Err   error
	Moved []Moved // claims that changed
}

// Moved is a claim before and after a step. Nil means that it is not there.
type Moved struct {
	Claim         string
	Before, After json.RawMessage
}

// explain begins the trace of a step that is no lookup. What it returns ends it.
func (r *run) explain(ctx context.Context, s *Step) func(*Denial, error) {
	at := len(r.trace.Steps) // groups are listed before what is in them
	r.trace.Steps = append(r.trace.Steps, r.begun(ctx, s))
	before, start := r.now(), time.Now()
	return func(denial *Denial, err error) {
		t := &r.trace.Steps[at]
		t.Took, t.Err, t.Moved = time.Since(start), err, r.moved(before)
		switch {
		case s.Steps != nil:
			t.Moved = nil // said by the steps in it
			if n := len(r.trace.Steps); err != nil && n > at+1 {
				t.Err = nil // the same
			}
		case denial != nil:
			t.Note = "refused"
		case s.Deny != nil && t.Ran && err == nil:
			t.Note = "not refused"
		}
	}
}

// begun is a trace with what is known before the step runs.
func (r *run) begun(ctx context.Context, s *Step) StepTrace {
	t := StepTrace{Kind: r.state.Kind, Pos: s.Pos, Path: s.Path, Name: s.Name, What: s.What(), Ran: true}
	if outside := s.outside(r.in.Now); outside != "" {
		t.Ran, t.Note = false, outside
		return t
	}
	if s.When != nil {
		r.explainParts(ctx, &t, s.When)
		// An error is that of the step itself, which evaluates the same condition.
		if holds, err := s.When.Holds(ctx, &r.state); err == nil && !holds {
			t.Ran, t.Note = false, "when is false"
		}
	}
	if s.Deny != nil && t.Ran {
		r.explainParts(ctx, &t, s.Deny.If)
	}
	if t.Ran {
		for _, a := range s.Set {
			r.explainParts(ctx, &t, a.Value)
		}
	}
	return t
}

// What names the action of a step in a word or two: lookup nas, set, remove, deny or steps.
func (s *Step) What() string {
	switch {
	case s.Lookup != nil:
		return "lookup " + s.Lookup.Alias
	case s.Deny != nil:
		return "deny"
	case s.Steps != nil:
		return "steps"
	case s.Remove != nil:
		return "remove"
	}
	return "set"
}

// explainParts adds the parts of a Condition or a Value that are not there yet: what was told already comes to the same.
func (r *run) explainParts(ctx context.Context, t *StepTrace, expression any) {
	e, ok := expression.(Explainer)
	if !ok {
		return
	}
	for _, p := range e.Explain(ctx, &r.state) {
		if !slices.ContainsFunc(t.Why, func(told Part) bool { return told.Source == p.Source }) {
			t.Why = append(t.Why, p)
		}
	}
}

// now is a copy of the claims as they are.
func (r *run) now() map[string]json.RawMessage {
	m := make(map[string]json.RawMessage)
	for _, name := range r.state.Claims.Names() {
		m[name], _ = r.state.Claims.Get(name)
	}
	return m
}

func (r *run) moved(before map[string]json.RawMessage) (out []Moved) {
	after := r.now()
	for _, name := range r.names(before) {
		if string(before[name]) != string(after[name]) {
			out = append(out, Moved{Claim: name, Before: before[name], After: after[name]})
		}
	}
	return out
}

// names are those of the claims before and after, in the order of the token.
func (r *run) names(before map[string]json.RawMessage) []string {
	names := r.in.Payload.Names()
	for _, name := range append(r.state.Claims.Names(), claims.Patch{Set: before}.Names()...) {
		known := false
		for _, n := range names {
			known = known || n == name
		}
		if !known {
			names = append(names, name)
		}
	}
	return names
}

// explainTrim is the trace of what a contract takes away.
func (r *run) explainTrim(client string, pos Pos, before, after json.RawMessage) {
	if r.in.Explain {
		r.trace.Steps = append(r.trace.Steps, StepTrace{
			Kind: r.state.Kind, Pos: pos, Path: "clients." + client + ".trim", What: "trim for " + client, Ran: true,
			Moved: []Moved{{Claim: "groups", Before: before, After: after}},
		})
	}
}

// explainQuestion begins the trace of a lookup.
func (r *run) explainQuestion(ctx context.Context, s *Step, call *asked, err error) {
	if !r.in.Explain {
		return
	}
	t := r.begun(ctx, s)
	switch {
	case err != nil:
		t.Err = err
	case call != nil:
		t.Asked = call.question.Params
	case !r.in.IsUser():
		t.Ran, t.Note = false, "not made: the request is about no person"
	case !r.mayAsk(s.Lookup):
		t.Ran, t.Note = false, "not made for the grant "+r.in.Grant
	}
	r.trace.Steps = append(r.trace.Steps, t)
}

// explainAnswer ends the trace of a lookup that was made.
func (r *run) explainAnswer(c *asked) {
	for i := range r.trace.Steps {
		t := &r.trace.Steps[i]
		if r.in.Explain && t.Path == c.step.Path && t.Kind == r.state.Kind {
			t.Found, t.Err, t.Took = c.answer, c.err, c.took
		}
	}
}
