package rules

import (
	"reflect"

	"github.com/expr-lang/expr/vm/runtime"
)

// variableOp reads a variable.
type variableOp struct{ v *variable }

func (o *variableOp) eval(r *run, _ any) any { return r.variable(o.v) }

// identityOp reads the identity as one value.
type identityOp struct{}

func (*identityOp) eval(r *run, _ any) any { return r.identity() }

// factOp reads a fact of a lookup.
type factOp struct {
	alias, name string
	always      bool
	nullable    bool // it may be nil
}

func (o *factOp) eval(r *run, _ any) any { return r.fact(o.alias, o.name, o.always) }

// factsOp reads all facts of a lookup as one value.
type factsOp struct{ alias string }

func (o *factsOp) eval(r *run, _ any) any { return r.facts(o.alias) }

// claimOp reads a claim.
type claimOp struct{ name string }

func (o *claimOp) eval(r *run, _ any) any { return r.claim(o.name) }

// hasClaimOp tells whether there is a claim.
type hasClaimOp struct{ name string }

func (o *hasClaimOp) eval(r *run, _ any) any { return r.hasClaim(o.name) }

// claimsOp reads all claims as one value.
type claimsOp struct{}

func (*claimsOp) eval(r *run, _ any) any { return r.allClaims() }

// claimAtOp reads the claim whose name is the argument.
type claimAtOp struct{}

func (*claimAtOp) eval(r *run, arg any) any {
	name, ok := arg.(string)
	if !ok {
		panic(failuref("the name of a claim is a string, and this is %s", kindOf(arg)))
	}
	return r.claim(name)
}

// concernsOp tells whether the request concerns the client that is the argument.
type concernsOp struct{}

func (*concernsOp) eval(r *run, arg any) any {
	client, ok := arg.(string)
	return ok && r.in.Concerns(client)
}

// concernsAnyOp tells whether the request concerns a client that is in the list which is the argument.
type concernsAnyOp struct{}

func (*concernsAnyOp) eval(r *run, arg any) any {
	return r.anyClient(func(client string) bool { return r.contains(client, arg) })
}

// concernsMatchOp tells whether the request concerns a client whose id passes a test.
type concernsMatchOp struct{ test pattern }

func (o *concernsMatchOp) eval(r *run, _ any) any {
	test := o.test
	test.run = r
	return r.anyClient(test.matches)
}

func (r *run) anyClient(test func(string) bool) bool {
	if test(r.in.Client) {
		return true
	}
	for _, client := range r.in.Audience {
		if test(client) {
			return true
		}
	}
	return false
}

// setOp tells whether the argument is one of constant texts.
type setOp struct{ set map[string]struct{} }

func (o *setOp) eval(_ *run, arg any) any {
	s, ok := arg.(string)
	if !ok {
		return false
	}
	_, in := o.set[s]
	return in
}

// stepOp goes before the body of each predicate.
type stepOp struct{}

func (*stepOp) eval(r *run, _ any) any {
	r.step()
	return nil
}

// listOp goes around what a predicate goes through.
type listOp struct{ name string }

func (o *listOp) eval(r *run, arg any) any {
	if r.loops++; r.loops > maxLoops {
		panic(unfitf("the expression begins more than %d loops", maxLoops))
	}
	n := 0
	switch l := arg.(type) {
	case []string:
		n = len(l)
	case []any:
		n = len(l)
	default:
		v := reflect.ValueOf(arg)
		if v.Kind() != reflect.Slice {
			panic(failuref("%s needs a list, and this is %s", o.name, kindOf(arg)))
		}
		n = v.Len()
	}
	if n > maxList {
		panic(unfitf("a list has more than %d elements", maxList))
	}
	return arg
}

// textsOp goes around the lists that a function of ours goes through. Each sorts, compares or writes all of their strings before
// anybody looks at the deadline again.
type textsOp struct{}

func (*textsOp) eval(r *run, arg any) any {
	size := 0
	switch l := arg.(type) {
	case []string:
		r.steps(len(l))
		for _, s := range l {
			size += len(s)
		}
	case []any:
		r.steps(len(l))
		for _, e := range l {
			s, _ := e.(string)
			size += len(s)
		}
	}
	checkTexts(size)
	return arg
}

// keyOp goes around the values that sortBy sorts by.
type keyOp struct{}

func (*keyOp) eval(r *run, arg any) any {
	if s, ok := arg.(string); ok {
		r.keys += len(s)
		checkTexts(r.keys)
	}
	return arg
}

func checkTexts(size int) {
	if size > maxTexts {
		panic(unfitf("the strings of a list are longer than %d bytes", maxTexts))
	}
}

// cutsetOp goes around the characters that trim takes away: it looks at all of them for each of the text.
type cutsetOp struct{}

func (*cutsetOp) eval(_ *run, arg any) any {
	if s, ok := arg.(string); ok && len(s) > maxCutset {
		panic(unfitf("more than %d bytes are to be trimmed", maxCutset))
	}
	return arg
}

// wholeOp goes around what becomes an integer: Go makes any integer of a number that does not fit.
type wholeOp struct{}

func (*wholeOp) eval(_ *run, arg any) any {
	if f, ok := arg.(float64); ok && !(f >= -1<<63 && f < 1<<63) {
		panic(unfitf("the number does not fit into 64 bits"))
	}
	return arg
}

// stringOp goes around what makes a text longer.
type stringOp struct{}

func (*stringOp) eval(r *run, arg any) any {
	switch made := arg.(type) {
	case string:
		checkString(len(made))
		r.write(len(made))
	case []string:
		for _, s := range made {
			r.write(len(s))
		}
	}
	return arg
}

func checkString(n int) {
	if n > maxString {
		panic(unfitf("a string is longer than %d bytes", maxString))
	}
}

// equal is the == of expr for values of any size: a list of lists can be larger than the memory that holds it, so that each
// element counts.
func (r *run) equal(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if x.Kind() == reflect.Slice && y.Kind() == reflect.Slice {
		if x.Len() != y.Len() {
			return false
		}
		for i := range x.Len() {
			r.step()
			if !r.equal(x.Index(i).Interface(), y.Index(i).Interface()) {
				return false
			}
		}
		return true
	}
	m, isMap := a.(map[string]any)
	n, isToo := b.(map[string]any)
	if isMap && isToo {
		return r.equalMaps(m, n)
	}
	if composite(x) || composite(y) {
		return false
	}
	if x.CanFloat() != y.CanFloat() {
		if n, whole := asWhole(a); whole && y.CanFloat() {
			return sameFloat(n, y.Float())
		}
		if n, whole := asWhole(b); whole && x.CanFloat() {
			return sameFloat(n, x.Float())
		}
	}
	return runtime.Equal(a, b)
}

func composite(v reflect.Value) bool { return v.Kind() == reflect.Slice || v.Kind() == reflect.Map }

func (r *run) equalMaps(m, n map[string]any) bool {
	if len(m) != len(n) {
		return false
	}
	for name, value := range m {
		r.step()
		other, ok := n[name]
		if !ok || !r.equal(value, other) {
			return false
		}
	}
	return true
}

// contains is the in of expr for values of any size. Nothing is in what is not there.
func (r *run) contains(a, list any) bool {
	switch l := list.(type) {
	case nil:
		return false
	case []string:
		s, ok := a.(string)
		if !ok {
			return false
		}
		for _, e := range l {
			if e == s {
				return true
			}
		}
		return false
	case map[string]any, *Table:
		s, ok := a.(string)
		_, in := entry(l, s)
		return ok && in
	}
	v := reflect.ValueOf(list)
	if v.Kind() != reflect.Slice {
		panic(failuref("in needs a list or an object, and this is %s", kindOf(list)))
	}
	for i := range v.Len() {
		r.step()
		if r.equal(v.Index(i).Interface(), a) {
			return true
		}
	}
	return false
}
