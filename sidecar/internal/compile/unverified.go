package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/rules"
)

// taint follows an address that nobody verified through the steps, in the order in which they run, and reports where it decides. It
// takes for granted that the connector does not call the address verified: a step that does not run then, and what comes after
// a refusal that always holds then, is left out. What it cannot follow counts as such an address.
type taint struct {
	*builder
	required []string // claims that some client requires

	world  rules.World
	over   bool         // the request was refused before
	chosen rules.Origin // of the conditions around a step, where the address decides them
}

// unverified looks at a pipeline, and marks the values that it could not tell from an address.
func (b *builder) unverified(steps []config.Step, built []pipeline.Step) {
	t := &taint{builder: b, required: []string{"groups", "username", "preferred_username"}}
	for _, c := range b.cfg.Clients {
		for _, r := range c.Require {
			t.required = append(t.required, r.Name)
		}
	}
	t.steps(steps, built)
}

func (t *taint) steps(steps []config.Step, built []pipeline.Step) {
	for i := range steps {
		t.step(&steps[i], &built[i])
	}
}

// step goes through one step, and then knows what is known whether it ran or not.
func (t *taint) step(s *config.Step, built *pipeline.Step) {
	before := taint{world: t.world.Clone(), over: t.over, chosen: t.chosen}
	when := rules.Origin{Is: rules.True}
	if s.When != nil {
		when = t.condition(s, s.When, "when")
	}
	if (s.From != nil || s.Until != nil) && when.Is == rules.True {
		when.Is = rules.Any
	}
	if when.Unverified {
		t.chosen = when
	}
	t.over = t.over || when.Is == rules.False || when.Is == rules.NotTrue
	t.do(s, built)
	t.chosen = before.chosen
	switch {
	case when.Is == rules.True:
	case t.over:
		t.world, t.over = before.world, before.over
	case !before.over:
		t.world = t.world.Or(before.world)
	}
}

func (t *taint) do(s *config.Step, built *pipeline.Step) {
	switch {
	case s.Lookup != "":
		t.lookup(s, built.Lookup)
	case s.Deny != nil:
		t.over = t.condition(s, s.Deny, "deny").Is == rules.True || t.over
	case s.Steps != nil:
		t.steps(s.Steps, built.Steps)
	case s.Set != nil:
		t.set(s, built.Set)
	default:
		for _, name := range s.Remove {
			t.world.Set(name, t.written(name, s.Pos, rules.Origin{Is: rules.False}))
		}
	}
}

func (t *taint) condition(s *config.Step, c *config.Condition, key string) rules.Origin {
	if c.Expr == nil {
		if c.Const {
			return rules.Origin{Is: rules.True}
		}
		return rules.Origin{Is: rules.False}
	}
	o := t.rules.Origin(c.Expr.Value, t.world)
	if o.Unverified {
		t.decides(s, c.Expr, o)
	}
	return o
}

func (t *taint) lookup(s *config.Step, built *pipeline.Lookup) {
	for i := range s.With {
		v := &s.With[i]
		if v.Expr == nil {
			continue
		}
		o := t.rules.Origin(v.Expr.Value, t.world)
		if o.Unverified || o.Asserted && strings.Contains(strings.ToLower(v.Name), "mail") {
			t.decides(s, v.Expr, o)
		}
		if i < len(built.With) {
			built.With[i].Asserted = o.Asserted && !s.AllowUnverifiedEmail
		}
	}
	if s.Pin == nil {
		return
	}
	for _, part := range []*config.Scalar{s.Pin.Subject, s.Pin.Account, s.Pin.ID, s.Pin.Explicit} {
		if part == nil {
			continue
		}
		if o := t.rules.Origin(part.Value, t.world); o.Unverified {
			t.add(part.Problem(o.Offset, "this links by "+o.By+", an address that nobody verified", "use identity.userId"))
		}
	}
}

func (t *taint) set(s *config.Step, built []pipeline.Assignment) {
	values := make([]rules.Origin, len(s.Set))
	flagged := slices.ContainsFunc(s.Set, func(v config.Value) bool { return v.Name == "email_verified" })
	for i := range s.Set {
		v := &s.Set[i]
		if v.Name == "email" && v.Expr != nil && !flagged && !t.rules.Verified(v.Expr.Value) {
			t.warn(v.Expr.Problem(0, "email_verified becomes false where this is another address than identity.email",
				"write identity.email or lower(identity.email), or give the address to a claim of another name; email_verified: false beside it says that it is meant"))
		}
		switch {
		case v.Expr != nil:
			values[i] = t.rules.Origin(v.Expr.Value, t.world)
		case v.Const == false:
			values[i].Is = rules.False
		}
		if slices.Contains(t.required, v.Name) && v.Expr != nil {
			if values[i].Unverified {
				t.decides(s, v.Expr, values[i])
			}
			built[i].Asserted = values[i].Asserted && !s.AllowUnverifiedEmail
		}
	}
	for i := range s.Set {
		t.world.Set(s.Set[i].Name, t.written(s.Set[i].Name, s.Set[i].Pos, values[i]))
	}
}

// written is the origin of a claim that was set, which comes also from what chose that it was.
func (t *taint) written(name string, at config.Pos, o rules.Origin) rules.Origin {
	o.Unverified = o.Unverified || t.chosen.Unverified
	if o.Unverified || o.Asserted {
		o.By = fmt.Sprintf("claims.%s (of line %d)", name, at.Line)
	}
	return o
}

// decides reports that an address decides something, unless it may.
func (t *taint) decides(s *config.Step, at *config.Scalar, o rules.Origin) {
	if t.over || s.AllowUnverifiedEmail {
		return
	}
	t.add(at.Problem(o.Offset, o.By+" may be an address that nobody verified, and decides here",
		"use identity.email; or ask for claims.email_verified == true first; or write allowUnverifiedEmail: true on this step"))
}
