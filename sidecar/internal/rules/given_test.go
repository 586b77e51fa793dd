package rules

import (
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// TestEachFunctionSaysWhatItWasGiven calls each function and operator with one to three values of each type. What is not refused when it is compiled
// works, or fails with a place and words that are about types.
func TestEachFunctionSaysWhatItWasGiven(t *testing.T) {
	values := []string{`claims.nope`, `claims.yes`, `claims.zero`, `claims.least`, `claims.ratio`, `claims.text`, `claims.mixed`, `claims.texts`, `claims.object`, `"a"`, `-1`, `[]`, `nil`, `{}`}
	var sources []string
	for _, f := range Functions() {
		call := func(args ...string) { sources = append(sources, f.Name+"("+strings.Join(args, ", ")+")") }
		call()
		for _, a := range values {
			call(a)
			for _, b := range values {
				call(a, b)
				call(a, b, `"asc"`)
				call(a, b, `claims.mixed`)
			}
		}
	}
	for _, op := range []string{"+", "-", "*", "/", "%", "**", "..", "<", "<=", ">", ">=", "==", "in", "contains", "startsWith", "and", "??"} {
		for _, a := range values {
			for _, b := range values {
				sources = append(sources, "("+a+") "+op+" ("+b+")")
			}
		}
	}
	for _, a := range values {
		for _, b := range values {
			sources = append(sources, a+"["+b+"]", a+"?.["+b+"]", a+"["+b+":]", a+"[:"+b+"]", a+" ? "+b+" : 1", "not "+a, "-("+a+")", a+".x", "any("+a+", it.x == "+b+")", "map("+a+", lower(it))")
		}
	}
	o, err := claims.Parse([]byte(`{"yes": true, "zero": 0, "least": -9223372036854775808, "ratio": 0.5, "text": "Zoë", "mixed": [1, "b", null, {"x": 1}], "texts": ["b", "a"], "object": {"x": 1}}`))
	if err != nil {
		t.Fatal(err)
	}
	c, ran := newCompiler(t), 0
	for _, src := range sources {
		v, err := c.Claim("x", "["+src+"]")
		if err != nil {
			if e := compileError(t, err, "["+src+"]"); strings.Contains(e.Message, "cannot be compiled") {
				t.Errorf("%s: %s", src, e.Message)
			}
			continue
		}
		s := newState(t)
		s.In.Payload, s.Claims = o, claims.NewDraft(o)
		ran++
		if _, err := v.JSON(t.Context(), s); err != nil {
			switch m := err.Error(); {
			case !strings.HasPrefix(m, "failed at 1:"),
				strings.Contains(m, "does not fit") && !strings.Contains(m, "the number does not fit into 64 bits"),
				strings.Contains(m, "interface"), strings.Contains(m, "%!"), strings.Contains(m, "Zoë"):
				t.Errorf("%s: %s", src, m)
			}
		}
	}
	if ran < 5000 {
		t.Errorf("%d ran", ran)
	}
}

// TestIntegersThatDoNotFit is about sums that Go makes other numbers of.
func TestIntegersThatDoNotFit(t *testing.T) {
	const beyond = "failed at 1:%: the number does not fit into 64 bits"
	for _, tt := range []struct{ src, want string }{
		{`nas.uid + 9223372036854775807`, beyond},
		{`-9223372036854775807 - nas.uid`, beyond},
		{`nas.uid * nas.uid`, beyond},
		{`nas.uid * -nas.uid`, beyond},
		{`-(-9223372036854775807 - 1)`, beyond},
		{`10 ** 400`, beyond},
		{`9223372036854775807 + 0`, "9223372036854775807"},
		{`-9223372036854775807 - 1`, "-9223372036854775808"},
		{`9223372036854775807 * -1`, "-9223372036854775807"},
		{`(-9223372036854775807 - 1) * 1`, "-9223372036854775808"},
		{`4611686018427387904 * -2`, "-9223372036854775808"},
		{`-9000000000000000000..9000000000000000000`, "failed at 1:%: the number is too large for .."},
		{`2..0`, "[]"},
	} {
		c := newCompiler(t)
		c.late = true
		v, err := c.Claim("x", tt.src)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := v.JSON(t.Context(), newState(t))
		before, after, _ := strings.Cut(tt.want, "%")
		if got := string(raw) + message(err); !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) {
			t.Errorf("%s: %s", tt.src, got)
		}
	}
}
