package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// stateWithGroups has n groups in the identity and in the claims.
func stateWithGroups(t testing.TB, n int) *pipeline.State {
	t.Helper()
	s := newState(t)
	groups := make([]string, n)
	for i := range groups {
		groups[i] = fmt.Sprintf("group-%d", i)
	}
	raw, err := json.Marshal(map[string]any{"groups": groups})
	if err != nil {
		t.Fatal(err)
	}
	o, err := claims.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	s.In.Identity.Groups, s.In.Payload, s.Claims = groups, o, claims.NewDraft(o)
	return s
}

// runaways are expressions that look at 400 groups for each of 400 groups for each of 400 groups, or more.
func runaways() map[string]string {
	g := "identity.groups"
	return map[string]string{
		"three predicates": `all(` + g + `, all(` + g + `, all(` + g + `, # != "x")))`,
		"four predicates":  `none(` + g + `, any(` + g + `, count(` + g + `, len(filter(claims.groups, # == "x")) > 0) > 0))`,
		"sorting":          `len(sortBy(` + g + `, len(sortBy(` + g + `, len(sortBy(` + g + `, #)))))) == 0`,
		"equality":         `any(` + g + `, any(` + g + `, [` + g + `, 1] == [` + g + `, 2]))`,
		"replacements":     `any(` + g + `, len(replaceRegex(` + g + `, "(x+)+y", "z")) == 0)`,
		"globs":            `any(` + g + `, len(replaceGlob(` + g + `, "*-*-*-*-x", "z")) == 0)`,
		"choices":          `any(` + g + `, len(drop(` + g + `, "*-*-*-*-x")) == 0)`,
		"a first match":    `any(` + g + `, firstMatch(` + g + `, "*-*-*-*-x", "a", "*x", "b", "c") == "a")`,
		"matches":          `any(` + g + `, any(` + g + `, # matches "(a|b)+x"))`,
		"membership":       `let m = map(` + g + `, [[]]); any(` + g + `, any(` + g + `, [#] in m))`,
	}
}

// passing is a context whose time is over after Err was asked a number of times: a deadline without a clock.
type passing struct {
	context.Context
	left, asked int
}

func (p *passing) Err() error {
	if p.asked++; p.asked > p.left {
		return context.DeadlineExceeded
	}
	return nil
}

func TestAnExpressionLooksAtNothingAfterItsDeadline(t *testing.T) {
	for name, src := range runaways() {
		t.Run(name, func(t *testing.T) {
			cond, err := newCompiler(t).Condition(src)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, src))
			}
			ctx := &passing{Context: t.Context(), left: 5000}
			if _, err := cond.Holds(ctx, stateWithGroups(t, 400)); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("got %v", err)
			}
			if ctx.asked != ctx.left+1 {
				t.Errorf("went on for %d elements", ctx.asked-ctx.left)
			}
		})
	}
}

func TestARunawayExpressionStopsAtItsDeadline(t *testing.T) {
	const deadline = 10 * time.Millisecond // the quickest of them takes 40 ms
	for name, src := range runaways() {
		t.Run(name, func(t *testing.T) {
			cond, err := newCompiler(t).Condition(src)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, src))
			}
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			start := time.Now()
			_, err = cond.Holds(ctx, stateWithGroups(t, 400))
			took := time.Since(start)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("got %v after %v", err, took)
			}
			if want := "stopped before it was finished: context deadline exceeded"; err.Error() != want {
				t.Errorf("got %q, want %q", err, want)
			}
			t.Logf("stopped after %v", took) // a measure, not a gate: on a busy machine the deadline itself comes late
		})
	}
}

func TestAnExpressionWhoseContextIsDoneDoesNotBegin(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cond, err := newCompiler(t).Condition(`true || identity.isUser`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cond.Holds(ctx, newState(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestLimitsWithoutADeadline(t *testing.T) {
	doubled := func(first, next, last string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "let a0 = %s; ", first)
		for i := range 40 {
			fmt.Fprintf(&b, "let a%d = %s; ", i+1, strings.ReplaceAll(next, "X", fmt.Sprintf("a%d", i)))
		}
		return b.String() + strings.ReplaceAll(last, "X", "a40")
	}
	g := "identity.groups"
	tests := []struct{ name, src, want string }{
		{"a range", `1..1000000`, "failed at 1:2: too much memory is needed"},
		{"lists of lists of lists", `map(` + g + `, map(` + g + `, map(` + g + `, 1)))`, "failed at 1:43: too much memory is needed"},
		{"many loops in loops", `all(` + g + `, all(` + g + `, all([], true)))`, "failed at 1:47: the expression begins more than 32768 loops"},
		{"many elements", `let r = 1..9000; all(r, all(r, # > 0))`, "failed at 1:34: the expression looks at too many elements"},
		{"a long list", `map(1..10001, #)`, "failed at 1:6: a list has more than 10000 elements"},
		{"a list that holds itself twice, again and again, compared", doubled(`[1]`, `[X, X]`, `X == [X, X][0]`), "failed at 1:LAST: the expression looks at too many elements"},
		{"the same made flat", doubled(`[1]`, `[X, X]`, `flatten(X)`), "failed at 1:LAST: a list has more than 10000 elements"},
		{"the same as a value", doubled(`[1]`, `[X, X]`, `X`), "the value is nested deeper than 32"},
		{"a wide one as a value", `let a = map(1..1000, "aaaaaaaaaa"); map(1..1000, a)`, "the value is larger than 1048576 bytes"},
		{"one that is only just nested enough", doubled(`[]`, `{a: X}`, `X.a.a.a.a.a.a.a.a.a.a`), ""},
		{"a string that doubles", doubled(`"x"`, `X + X`, `X`), "failed at 1:LAST: a string is longer than 65536 bytes"},
		{"a string with long replacements", `let a = join(map(1..1000, "aaaaaaaaaa"), ""); replace(a, "a", a)`, "failed at 1:47: a string is longer than 65536 bytes"},
		{"a string from a long list", `let a = join(map(1..1000, "aaaaaaaaaa"), ""); join(map(1..1000, a))`, "failed at 1:47: a string is longer than 65536 bytes"},
		{"a long text for a pattern", `let a = join(map(1..1000, "aaaaaaaaaa"), ""); a matches "((a?){5}){15}b"`, "failed at 1:LAST: a string is too long for this pattern"},
		{"a long text for a replacement", `let a = join(map(1..1000, "aaaaaaaaaa"), ""); replaceRegex([a], "((a?){5}){15}b", "x")`, "failed at 1:LAST: a string is too long for this pattern"},
		{"a text that is looked through again and again", `let a = join(map(1..100, "aaaaaaaaaa"), ""); replaceRegex(a, "a.*b|a", "x")`, "failed at 1:LAST: a string is too long for this pattern"},
		{"a long text for a glob", `let a = join(map(1..1000, "aaaaaaaaaa"), ""); keep([a], "` + strings.Repeat("*a", 40) + `")`, "failed at 1:LAST: a string is too long for this pattern"},
		{"long texts sorted", `let a = join(map(1..1000, "aaaaaaaaaa"), ""); sort(map(1..9000, a[#:]))`, "failed at 1:LAST: the strings of a list are longer than 4194304 bytes"},
		{"long texts sorted by a value", `let a = join(map(1..1000, "aaaaaaaaaa"), ""); sortBy(1..9000, a[#:])`, "failed at 1:LAST: the strings of a list are longer than 4194304 bytes"},
		{"long texts once each", `let a = join(map(1..1000, "aaaaaaaaaa"), ""); uniq(map(1..9000, a))`, "failed at 1:LAST: the strings of a list are longer than 4194304 bytes"},
		{"long texts in sets", `let a = join(map(1..1000, "aaaaaaaaaa"), ""); union(map(1..9000, a), [])`, "failed at 1:LAST: the strings of a list are longer than 4194304 bytes"},
		{"many characters to trim", `let a = join(map(1..1000, "ä"), ""); trim(a, a)`, "failed at 1:LAST: more than 256 bytes are to be trimmed"},
		{"lists put together", `let a = 1..9000; concat(` + strings.Repeat("a, ", 99) + `a)`, "failed at 1:LAST: too much memory is needed"},
		{"elements that are lists", `uniq([[1]])`, "failed at 1:1: uniq goes through strings, numbers and booleans only"},
		{"a list that cannot be sorted", `sort([1, "a"])`, "failed at 1:1: < does not go between a string and an integer"},
	}
	c := newCompiler(t)
	c.steps, c.late = 1<<20, true
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := c.Claim("x", tt.src)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, tt.src))
			}
			_, err = v.JSON(t.Context(), stateWithGroups(t, 400))
			if before, after, ok := strings.Cut(tt.want, "LAST"); ok {
				if !strings.HasPrefix(message(err), before) || !strings.HasSuffix(message(err), after) {
					t.Errorf("got %q, want %q", message(err), tt.want)
				}
				return
			}
			if message(err) != tt.want {
				t.Errorf("got %q, want %q", message(err), tt.want)
			}
		})
	}
}

func TestAllFunctions(t *testing.T) {
	c := newCompiler(t)
	for _, f := range Functions() {
		t.Run(f.Name, func(t *testing.T) {
			v, err := c.Claim("x", f.Example)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, f.Example))
			}
			raw, err := v.JSON(t.Context(), newState(t))
			if string(raw) != f.Result || err != nil {
				t.Errorf("%s gives %s, %v; want %s", f.Example, raw, err, f.Result)
			}
			if f.Doc == "" || !strings.HasPrefix(f.Signature, f.Name+"(") {
				t.Errorf("not documented: %+v", f)
			}
		})
	}
}

func TestAllVariables(t *testing.T) {
	table, err := NewTable(nil, []string{"a"}, false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{Facts: map[string]*facts.Type{"nas": schema(t)}, Tables: map[string]*Table{"name": table}})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range Variables() {
		src := strings.NewReplacer("ALIAS", "nas", "NAME", "name").Replace(v.Name)
		t.Run(src, func(t *testing.T) {
			value, err := c.Claim("x", src)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, src))
			}
			if _, err := value.JSON(t.Context(), newState(t)); err != nil {
				t.Error(err)
			}
			if v.Doc == "" || v.Type == "" {
				t.Errorf("not documented: %+v", v)
			}
		})
	}
}
