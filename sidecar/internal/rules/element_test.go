package rules

import "testing"

// TestItIsTheElement: it is # in every predicate, and nothing elsewhere.
func TestItIsTheElement(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"a test", `filter(identity.groups, it != "g1")`, `["g2"]`},
		{"a field", `map(nas.shares, it.name + (it?.writable ? "+" : ""))`, `["music+","video"]`},
		{"beside the sign", `map(identity.groups, it == # and not (it != #))`, `[true,true]`},
		{"the inner one", `map([["a"], ["b", "c"]], map(it, it + "x"))`, `[["ax"],["bx","cx"]]`},
		{"the outer one by a variable", `map(["a", "b"], let outer = it; map(["c"], outer + it))`, `[["ac"],["bc"]]`},
		{"its type is known", `map(identity.groups, it + 1)`, `+ does not go between a string and an integer`},
		{"outside", `it == "a"`, `there is no element here`},
		{"in a list outside", `filter([it], true)`, `there is no element here`},
		{"as a variable", `let it = 1; it`, `the name "it" is taken`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			v, err := newCompiler(t).Claim("x", tt.src)
			if err != nil {
				got = compileError(t, err, tt.src).Message
			} else {
				raw, err := v.JSON(t.Context(), newState(t))
				got = string(raw) + message(err)
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	if err := checkAlias("it"); err == nil {
		t.Error("a lookup can be called it")
	}
	o := newCompiler(t).Origin(`none(["a@b.example"], it == identity.unverifiedEmail)`, World{})
	if !o.Unverified {
		t.Error("an element that is compared with an address decides nothing")
	}
}
