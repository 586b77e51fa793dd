package rules

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
)

// rewrittenFor is the version of expr whose messages the tables of rewrites were made for. With another one: run this test, mend what it
// says, and look through the golden messages of the rules.
const rewrittenFor = "v1.17.8"

// expr gives its errors as text only. Each pattern is held against what the library says to a real expression, so that a new wording of it
// is noticed here and not by an operator.
func TestEveryRewriteMatchesWhatExprSays(t *testing.T) {
	mod, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if v := regexp.MustCompile(`github.com/expr-lang/expr (\S+)`).FindSubmatch(mod); v == nil || string(v[1]) != rewrittenFor {
		t.Errorf("the messages are those of expr %s, and go.mod has %s", rewrittenFor, v)
	}
	type group struct{ Name string }
	env := map[string]any{
		"s": "", "n": 0, "l": []string{}, "ints": []int{}, "m": map[string]int{}, "g": group{}, "b": true,
		"f": func(string) bool { return true }, "two": func(string, string) bool { return true },
	}
	expressions := []string{
		`s ==`, `s = "a"`, `b & b`, `b AND b`, `contains("a", "b")`, `s "a"`, `s s`, `{[s]: 1}`, `"a`, `"\q"`, "s == \u201ca\u201d", "s == \u00a7", `s.`,
		`filter(l, b; b)`, `s ; s`, `b ?? b || b`, `0x`, `99999999999999999999`, `1.2.3`, `/* a`, `#`, `max()`, strings.Repeat("n + ", 20000) + "n",
		`l + l`, `l contains "a"`, `s + n`, `not n`, `n in l`, `n in m`, `filter(s, true)`, `filter(l, n)`, `f(nil)`, `f(n)`, `f()`, `two("")`, `f("", "")`,
		`take(l)`, `len(n)`, `first(n)`, `take(n, 1)`, `concat(n)`, `reverse(n)`, `n ? 1 : 2`, `sortBy(l, #, n)`, `map(l, #foo)`, `l["a"]`, `nil.a`, `g.nope`,
		`n[0]`, `n[1:2]`, `l["a":]`, `m[n]`, `g[n]`, `let s = 1; s`, `last(n)`, `sum(l, )`, `any(l)`, `trim(n)`, `map(l, )`, `let len = 1; len`, `sortBy(l, #, "x")`,
		`1__2`, `s.(a)`, `s.+`, `(nil).a`, `(b ? nil : nil).a`, `0b12`, `1e999999`, `'\xZZ'`, `s.1`, `get(l, "a")`, `all(l, ())`, `reduce(ints)`, `#.a`, `split(s)`, `s matches n`, `map(l, {})`, `now(1)`, `abs("a")`,
		`matches(s, "a")`, `s if b else s`, `l[@]`, `s || "a"`, `s && "a"`,
	}
	matched := make(map[*rewrite]bool)
	for _, e := range expressions {
		_, err := expr.Compile(e, expr.Env(env), expr.AsAny())
		var said *file.Error
		if !errors.As(err, &said) {
			continue // it is an expression, or said of no place
		}
		found := false // in our words
		for _, table := range [][]rewrite{tokenRewrites, typeRewrites} {
			for i := range table {
				if table[i].pattern.MatchString(said.Message) {
					matched[&table[i]], found = true, true
					break
				}
			}
		}
		if !found {
			t.Errorf("%s: expr says %q, which no rewrite knows", e, said.Message)
		}
	}
	for _, table := range [][]rewrite{tokenRewrites, typeRewrites} {
		for i := range table {
			if !matched[&table[i]] {
				t.Errorf("no expression here makes expr say %s", table[i].pattern)
			}
		}
	}
}
