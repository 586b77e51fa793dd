package rules

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// run is what the expressions of one request share; it lives in State.Memo. It belongs to one goroutine.
type run struct {
	runs *sync.Pool // where it came from
	in   *pipeline.Input
	env  map[string]any // what the machine sees: nothing but the functions that reach back here

	// Only while an expression runs. The machine has no place for a context, and its functions need one.
	ctx     context.Context
	state   *pipeline.State
	left    int // how many elements it may still look at
	loops   int
	written int // bytes of the strings that it has made
	keys    int // bytes of the strings that it sorts by

	measured   string // the last string that was cut, and how many characters it has
	characters int

	vars map[*variable]any
	who  map[string]any

	// Claims are decoded when they are first read and kept while their bytes stay the same. The generation grows when the
	// claims may have changed.
	generation int
	version    int
	draft      *claims.Draft
	claims     map[string]*claimValue
	all        map[string]any
	allOf      int // the generation of all; 0 when there is none
}

type claimValue struct {
	generation int
	raw        []byte // nil when the claim is not there
	value      any
}

// The names of the functions in env. No expression can spell them.
const (
	fnGet    = "#get"   // the value of an op
	fnCall   = "#call"  // the value of an op with an argument
	fnEqual  = "#equal" // a == b for values of any size
	fnIn     = "#in"    // a in b for values of any size
	fnTo     = "#to"    // x[:b], of which fnFrom makes x[a:b]
	fnFrom   = "#from"
	fnAt     = "#at"     // x[i]
	fnPair   = "#pair"   // the operands of an operator
	fnHaving = "#having" // x where it has an i
)

// Types of the functions in env. They are among those that the machine calls without reflection.
var (
	getType   = reflect.TypeFor[func(any) any]()
	callType  = reflect.TypeFor[func(any, any) any]()
	equalType = reflect.TypeFor[func(any, any) bool]()
)

// op is something that an expression asks its run. Ops are constants of a program; they do not change.
type op interface {
	eval(r *run, arg any) any
}

// newRun makes a run that is of no request yet.
func newRun() *run {
	r := &run{vars: map[*variable]any{}, claims: map[string]*claimValue{}}
	r.env = map[string]any{
		fnGet:    func(o any) any { return o.(op).eval(r, nil) },
		fnCall:   func(o, arg any) any { return o.(op).eval(r, arg) },
		fnEqual:  r.equal,
		fnIn:     r.contains,
		fnTo:     sliceTo,
		fnFrom:   r.sliceFrom,
		fnAt:     elementAt,
		fnHaving: having,
		fnPair:   pair,
	}
	return r
}

// Release implements pipeline.Memo: the run is of the next request then. Values that an expression gave are copies, or do not change.
func (r *run) Release() {
	clear(r.vars)
	clear(r.claims)
	*r = run{runs: r.runs, env: r.env, vars: r.vars, claims: r.claims}
	r.runs.Put(r)
}

// runOf returns the run that belongs to s, ready to evaluate the expression.
func (p *program) runOf(ctx context.Context, s *pipeline.State) *run {
	r, ok := s.Memo.(*run)
	if !ok || r.in != s.In {
		r = p.runs.Get().(*run)
		r.runs, s.Memo = p.runs, r
	}
	r.begin(ctx, s, p.steps)
	return r
}

// begin makes r ready to evaluate one expression in a number of steps.
func (r *run) begin(ctx context.Context, s *pipeline.State, steps int) {
	r.in, r.ctx, r.state, r.left, r.loops, r.written, r.keys = s.In, ctx, s, steps, 0, 0, 0
	if r.generation == 0 || r.version != s.Version || r.draft != s.Claims {
		r.generation++
		r.version, r.draft = s.Version, s.Claims
	}
}

// end lets go of what belonged to one evaluation.
func (r *run) end() { r.ctx, r.state, r.measured, r.characters = nil, nil, "", 0 }

// step counts one element that an expression looks at, and stops it when it has looked at too many or its time is over.
func (r *run) step() {
	if r.left--; r.left < 0 {
		panic(unfitf("the expression looks at too many elements"))
	}
	if err := r.ctx.Err(); err != nil {
		panic(stopped(err))
	}
}

// steps counts n elements.
func (r *run) steps(n int) {
	r.left -= n
	r.step()
}

// write counts bytes of strings that an expression makes: a list of long ones is larger than the elements it has.
func (r *run) write(n int) {
	if r.written += n; r.written > maxWritten {
		panic(unfitf("the expression makes strings of more than %d bytes", maxWritten))
	}
}

// stopped is the failure of an expression whose context is done.
func stopped(err error) *failure {
	return &failure{text: "stopped before it was finished: " + err.Error(), complete: true, cause: err}
}

func (r *run) variable(v *variable) any {
	if v.Name == tokenKind {
		return v.value(r) // differs between the kinds of token of one request
	}
	value, ok := r.vars[v]
	if !ok {
		value = v.value(r)
		r.vars[v] = value
	}
	return value
}

// identity returns the identity as one value.
func (r *run) identity() map[string]any {
	if r.who == nil {
		r.who = map[string]any{}
		for _, field := range fieldsOf("identity") {
			r.who[field] = r.variable(variableOf("identity." + field))
		}
	}
	return r.who
}

// fact returns a fact of a lookup. Not to know is neither yes nor no: a lookup that was not asked, or failed, has none.
func (r *run) fact(alias, name string, always bool) any {
	answer := r.state.Facts[alias]
	if !always {
		r.known(alias, answer)
	}
	switch name {
	case "asked":
		return answer != nil
	case "failed":
		return answer != nil && answer.Failed
	case "found":
		return answer.Found
	case "problem":
		return answer.Problem
	case "stale":
		return answer.Stale
	case "age":
		return int64(answer.Age / time.Second)
	}
	return answer.Facts[name]
}

// facts returns all that is known of a lookup as one value.
func (r *run) facts(alias string) map[string]any {
	answer := r.state.Facts[alias]
	r.known(alias, answer)
	all := make(map[string]any, len(answer.Facts)+len(hostFacts))
	for name, value := range answer.Facts {
		all[name] = value
	}
	for _, f := range hostFacts {
		all[f.name] = r.fact(alias, f.name, true)
	}
	return all
}

func (r *run) known(alias string, answer *pipeline.Answer) {
	switch {
	case answer == nil:
		panic(&failure{text: alias + " was not asked", complete: true, cause: &pipeline.NotAsked{Alias: alias}})
	case answer.Failed:
		panic(&failure{text: alias + " failed", complete: true, cause: pipeline.ErrLookupFailed})
	}
}

// claim returns a claim as it is before the step; nil when it is not there.
func (r *run) claim(name string) any {
	c := r.claims[name]
	if c != nil && c.generation == r.generation {
		return c.value
	}
	raw, ok := r.state.Claims.Get(name)
	if !ok || unreadable(name) {
		raw = nil
	}
	switch {
	case c == nil:
		c = &claimValue{}
		r.claims[name] = c
		c.raw, c.value = raw, decodeClaim(name, raw)
	case !sameBytes(c.raw, raw):
		c.raw, c.value = raw, decodeClaim(name, raw)
	}
	c.generation = r.generation
	return c.value
}

// sameBytes reports whether two values are the same piece of memory: a claim that no rule touched.
func sameBytes(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 && (a == nil) == (b == nil) || len(a) > 0 && &a[0] == &b[0])
}

func (r *run) hasClaim(name string) bool {
	_, ok := r.state.Claims.Get(name)
	return ok && !unreadable(name)
}

// allClaims returns the claims as one value.
func (r *run) allClaims() map[string]any {
	if r.allOf != r.generation {
		names := r.state.Claims.Names()
		r.all = make(map[string]any, len(names))
		for _, name := range names {
			if !unreadable(name) {
				r.all[name] = r.claim(name)
			}
		}
		r.allOf = r.generation
	}
	return r.all
}
