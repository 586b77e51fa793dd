package compile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/rules"
)

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

// steps compiles a list of steps. whens are the conditions of the groups around it.
func (b *builder) steps(list []config.Step, whens []*config.Condition) []pipeline.Step {
	out := make([]pipeline.Step, 0, len(list))
	before := len(b.asked)
	for i := range list {
		s := b.conditional(&list[i], whens)
		if s.When == nil && s.Deny != nil && s.Deny.If != nil {
			b.asked = append(b.asked, b.askedBy(s.Deny.If.Reads())...)
		}
		out = append(out, s)
	}
	b.asked = b.asked[:before]
	return out
}

// conditional compiles a step. What is in it knows that its when holds, and what comes after it only that it may have.
func (b *builder) conditional(s *config.Step, whens []*config.Condition) pipeline.Step {
	before := b.rules
	out := b.step(s, whens)
	if s.From != nil || s.Until != nil {
		b.rules = before.Or(b.rules, "it is the time of this step")
	} else if s.When != nil && s.When.Expr != nil {
		b.rules = before.Or(b.rules, s.When.Expr.Value)
	}
	return out
}

func (b *builder) step(s *config.Step, whens []*config.Condition) pipeline.Step {
	out := pipeline.Step{Pos: pipeline.Pos(s.Pos), Path: s.Path, Name: s.Name}
	b.timed = b.timed || s.From != nil || s.Until != nil
	if s.From != nil {
		out.From = s.From.Time
	}
	if s.Until != nil {
		out.Until = s.Until.End()
	}
	var reads []pipeline.Reads
	note := func(r pipeline.Reads) {
		b.reads(r)
		reads = append(reads, r)
	}
	if s.When != nil {
		whens = append(whens[:len(whens):len(whens)], s.When)
		if out.When = b.condition(s.When); out.When != nil {
			note(out.When.Reads())
		}
		if s.When.Expr != nil {
			b.rules = b.rules.Where(s.When.Expr.Value, true)
		}
	}
	switch {
	case s.Lookup != "":
		out.Lookup = b.lookup(s, note)
	case len(s.Set) > 0:
		for i := range s.Set {
			out.Set = append(out.Set, b.claim(&s.Set[i], note))
		}
		b.rules = b.rules.After(made(out.Set)...)
	case s.Deny != nil:
		out.Deny = b.deny(s, note)
		if s.Deny.Expr != nil {
			b.rules = b.rules.Where(s.Deny.Expr.Value, false)
		}
	case s.Steps != nil:
		out.Steps = b.steps(s.Steps, whens)
	default:
		out.Remove = s.Remove
		var gone []rules.Made
		for _, name := range s.Remove {
			gone = append(gone, rules.Made{Name: name})
		}
		b.rules = b.rules.After(gone...)
	}
	for _, r := range reads {
		b.covered(s, whens, r)
		b.withheld(s, whens, r)
	}
	return out
}

// made are the claims that a step sets. One that does not compile counts as there, so that what reads it is not wrong as well.
func made(set []pipeline.Assignment) []rules.Made {
	out := make([]rules.Made, len(set))
	for i, a := range set {
		out[i] = rules.Made{Name: a.Name, Value: a.Value}
		if a.Value == nil {
			out[i].Value = rules.Unknown
		}
	}
	return out
}

// in is a compiler for an expression of the file: failures say where in it they were, and of a list or a map which key.
func (b *builder) in(s *config.Scalar, c *rules.Compiler) *rules.Compiler {
	composed := len(s.Parts()) > 0
	return c.In(func(offset int) string {
		at := s.At(offset)
		where := fmt.Sprintf("%s:%d:%d", at.File, at.Line, at.Col)
		if composed {
			where += " (" + s.PathAt(offset) + ")"
		}
		return where
	}, composed)
}

func (b *builder) condition(c *config.Condition) pipeline.Condition {
	if c.Expr == nil {
		return rules.Bool(c.Const)
	}
	cond, err := b.in(c.Expr, b.rules).Condition(c.Expr.Value)
	if err != nil {
		b.located(c.Expr, err)
		return nil
	}
	return cond
}

func (b *builder) deny(s *config.Step, note func(pipeline.Reads)) *pipeline.Deny {
	out := &pipeline.Deny{If: b.condition(s.Deny)}
	if out.If != nil {
		note(out.If.Reads())
	}
	if s.Message == nil {
		return out // a problem that the loader reported
	}
	compiler := b.rules
	if s.Deny.Expr != nil {
		compiler = compiler.Where(s.Deny.Expr.Value, true)
	}
	text, err := b.in(s.Message, compiler).Text(s.Message.Value)
	if err != nil {
		b.located(s.Message, err)
		return out
	}
	said := text.Reads()
	said.AnyClient = false // naming the client to the person decides nothing
	note(said)
	out.Message = text
	return out
}

func (b *builder) claim(v *config.Value, note func(pipeline.Reads)) pipeline.Assignment {
	out := b.assignment(v, note, func(c any) (pipeline.Value, error) { return rules.ConstantClaim(v.Name, c) },
		func(src string) (pipeline.Value, error) { return b.in(v.Expr, b.rules).Claim(v.Name, src) })
	if e := rules.Twofold(out.Value); e != nil {
		b.warn(v.Expr.Problem(e.Offset, e.Message, e.Hint))
	}
	return out
}

func (b *builder) assignment(v *config.Value, note func(pipeline.Reads), constant func(any) (pipeline.Value, error), compile func(string) (pipeline.Value, error)) pipeline.Assignment {
	out := pipeline.Assignment{Pos: pipeline.Pos(v.Pos), Path: v.Path, Name: v.Name}
	var err error
	if v.Expr == nil {
		if v.Const == nil {
			return out // a problem that the loader reported
		}
		if out.Value, err = constant(v.Const); err != nil {
			b.add(b.src.Problem(v.Path, err.Error(), ""))
		}
		return out
	}
	whole := true
	for _, part := range v.Expr.Parts() {
		if err := b.rules.CheckPart(part.Value); err != nil {
			b.located(part, err)
			whole = false
		}
	}
	if !whole {
		return out
	}
	value, err := compile(v.Expr.Value)
	if err != nil {
		b.located(v.Expr, err)
		return out
	}
	note(value.Reads())
	out.Value = value
	return out
}

func (b *builder) lookup(s *config.Step, note func(pipeline.Reads)) *pipeline.Lookup {
	out := &pipeline.Lookup{Alias: s.Alias(), Plugin: s.Lookup, Grants: s.Grants}
	if s.OnError == config.Continue {
		out.OnError = pipeline.Continue
	}
	plugin := b.plugins[s.Lookup]
	if plugin == nil {
		return out
	}
	read := func(r pipeline.Reads) {
		note(r)
		out.After = append(out.After, aliases(r)...)
	}
	for i := range s.With {
		out.With = append(out.With, b.param(s, &s.With[i], plugin, read))
	}
	slices.SortStableFunc(out.With, func(a, b pipeline.Assignment) int { return strings.Compare(a.Name, b.Name) })
	for _, required := range plugin.params.Required {
		if !slices.ContainsFunc(s.With, func(v config.Value) bool { return v.Name == required }) {
			b.add(b.src.Problem(s.Path, fmt.Sprintf("the plugin %s needs the parameter %q", s.Lookup, required), "add it below with:"))
		}
	}
	if s.When != nil && s.When.Expr != nil {
		if cond, err := b.rules.Loose().Condition(s.When.Expr.Value); err == nil {
			out.After = append(out.After, aliases(cond.Reads())...)
		}
	}
	if s.Pin != nil {
		out.Pin = b.pin(s, plugin, note)
	}
	out.Asker = plugin.asker(s.Cache)
	return out
}

func (b *builder) param(s *config.Step, v *config.Value, p *described, note func(pipeline.Reads)) pipeline.Assignment {
	want, known := p.params.Fields[v.Name]
	if !known {
		b.add(b.src.KeyProblem(v.Path, fmt.Sprintf("the plugin %s has no parameter %q", s.Lookup, v.Name), paramHint(v.Name, p.params)))
	}
	return b.assignment(v, note, func(c any) (pipeline.Value, error) { return rules.ConstantParam(c, want) },
		func(src string) (pipeline.Value, error) { return b.in(v.Expr, b.rules).Param(src, want) })
}

// aliases returns the lookups whose facts are read.
func aliases(r pipeline.Reads) []string {
	var out []string
	for _, fact := range r.Facts {
		alias, _, _ := strings.Cut(fact, ".")
		if !slices.Contains(out, alias) {
			out = append(out, alias)
		}
	}
	return out
}

// covered warns of a step that reads facts although their lookup may not have been made: reading them is a failure then.
func (b *builder) covered(s *config.Step, whens []*config.Condition, r pipeline.Reads) {
	for _, alias := range aliases(r) {
		i := slices.IndexFunc(b.lookups, func(l *lookupStep) bool { return l.alias == alias })
		if i < 0 || guarded(r, alias) {
			continue
		}
		for _, needed := range b.lookups[i].whens {
			if needed.Expr == nil || slices.ContainsFunc(whens, func(w *config.Condition) bool { return w == needed || sameText(w, needed) || b.guards(w, alias) }) {
				continue
			}
			b.warn(b.src.Problem(s.Path, fmt.Sprintf("reads %s, which is only asked when %s", alias, needed.Expr.Value),
				"put the same when on this step, or read "+alias+".asked first"))
		}
	}
}

// withheld takes note of a step that reads facts which are not asked for in some grants, and of the clients that it is about. A lookup that says
// its grants is meant so.
func (b *builder) withheld(s *config.Step, whens []*config.Condition, r pipeline.Reads) {
	about := []pipeline.Reads{r}
	for _, w := range whens {
		if w.Expr == nil {
			continue
		}
		if cond, err := b.rules.Loose().Condition(w.Expr.Value); err == nil {
			about = append(about, cond.Reads())
		}
	}
	b.neverAsked(s, about, r)
	var clients []string
	for _, r := range about {
		if r.Grant {
			return
		}
		clients = append(clients, r.Clients...)
	}
	if len(clients) == 0 {
		clients = []string{""}
	}
	for _, alias := range aliases(r) {
		i := slices.IndexFunc(b.lookups, func(l *lookupStep) bool { return l.alias == alias })
		if i < 0 || b.lookups[i].step == s || b.lookups[i].step.Grants != nil || slices.Contains(b.asked, alias) || slices.ContainsFunc(about, func(r pipeline.Reads) bool { return guarded(r, alias) }) {
			continue
		}
		if l := b.lookups[i]; l.reader == "" {
			l.reader = s.Path
		}
		b.lookups[i].clients = append(b.lookups[i].clients, clients...)
	}
}

// neverAsked warns of a step that is about a grant in which the facts that it reads are not asked for: it fails each time.
func (b *builder) neverAsked(s *config.Step, about []pipeline.Reads, r pipeline.Reads) {
	i := slices.IndexFunc(about, func(r pipeline.Reads) bool { return r.Only.Grant != "" })
	if i < 0 {
		return
	}
	grant := about[i].Only.Grant
	for _, alias := range aliases(r) {
		at := slices.IndexFunc(b.lookups, func(l *lookupStep) bool { return l.alias == alias })
		if at < 0 || b.lookups[at].step == s || pipeline.AskedIn(b.lookups[at].step.Grants, grant) ||
			slices.ContainsFunc(about, func(r pipeline.Reads) bool { return guarded(r, alias) }) {
			continue
		}
		b.warn(b.src.Problem(s.Path, fmt.Sprintf("reads %s, which is never asked for the grant %q", alias, grant),
			fmt.Sprintf("add it to grants: of the lookup (%s), or do not read %s here", b.lookups[at].step.Path, alias)))
	}
}

// advise warns of the lookups that withheld found.
func (b *builder) advise() {
	for _, l := range b.lookups {
		if l.reader == "" {
			continue
		}
		slices.Sort(l.clients)
		who := strings.Join(slices.Compact(l.clients), ", ")
		if l.clients[0] == "" {
			who = "every client"
		}
		p := b.src.Problem(l.step.Path, fmt.Sprintf("%s is not asked for in the grants %s, and %s reads it: they are refused then, to %s, as unauthorized_client",
			l.alias, strings.Join(pipeline.WithheldGrants(), " and "), l.reader, who),
			"write grants: here, with these to ask then too, without them to leave it so; or look at "+l.alias+".asked first")
		p.Warning = true
		b.advice = append(b.advice, p)
	}
}

// askedBy are the aliases of which an expression reads whether they were asked.
func (b *builder) askedBy(r pipeline.Reads) (out []string) {
	for _, alias := range aliases(r) {
		if guarded(r, alias) {
			out = append(out, alias)
		}
	}
	return out
}

// guarded reports whether an expression looks at asked before it reads anything else.
func guarded(r pipeline.Reads, alias string) bool { return slices.Contains(r.Facts, alias+".asked") }

// guards reports whether a condition looks at asked.
func (b *builder) guards(c *config.Condition, alias string) bool {
	if c.Expr == nil {
		return false
	}
	cond, err := b.rules.Loose().Condition(c.Expr.Value)
	return err == nil && guarded(cond.Reads(), alias)
}

func sameText(a, b *config.Condition) bool {
	return a.Expr != nil && b.Expr != nil && strings.Join(strings.Fields(a.Expr.Value), " ") == strings.Join(strings.Fields(b.Expr.Value), " ")
}

func paramHint(name string, params *facts.Type) string {
	names := fieldNames(params)
	if near := facts.Closest(name, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "parameters: " + strings.Join(names, ", ")
}

func fieldNames(t *facts.Type) []string {
	names := make([]string, 0, len(t.Fields))
	for name := range t.Fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
