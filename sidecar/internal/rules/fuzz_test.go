package rules

import (
	"context"
	"encoding/json"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// seeds are expressions that reach much of the language.
func seeds() []string {
	return []string{
		`nas.asked && nas.found`, `client.id in ["a", "b"] || client.id != claims.x`, `filter(identity.groups, {# startsWith "g"})`,
		`let a = nas; a.home.path ?? "x"`, `if nas.found { 1 } else { 2 }`, `map(nas.shares, .name) | join(", ")`, `"a" in claims`,
		`claims?.address?.country ?: "x"`, `1 < 2 < 3`, `nas["name"][0:1]`, `{a: [1, -2.5e3, nil], "b": {}}`, `b"x" + $env`, `::len(1..3)`,
		`sortBy(nas.ids, -#, "desc")`, `nas.name matches "^a+$"`, `not not (true and false or 0x1F == 31)`, "nas.name /* x */ // y\n == `r`",
		`reduce(1..9, #acc + #)`, `a; b; c`, `nas?.["x"]`, `identity.groups[-1]`, `"\u{1F600}"`, `first(sort(uniq(concat([1], ["a"]))))`,
		`((((((((1 ?: 2) ?: 3) ?: 4) ?: 5)`, `1 < (1 < (1 < (1 < 2) < 2) < 2) < 2`, `groupBy(claims, #)`, `"x" * 2`, `-"a"`, `!1`,
		`claims.groups | stripDomain("x") | keep("a*", "?b") | addPrefix("c")`, `replaceRegex(claims.groups, "(a)|b", "${1}$$")`, `replaceGlob("a:b", "*:*", "*/*")`,
		`firstMatch(claims.mixed, "a", "b", "c")`, `translate(scopes, {a: ["b"], c: "d"})`, `rename(claims, claims)`, `has(claims.a.b?.c["d"])`,
		`default(nas.home.path, required(first(scopes)))`, `union(without(scopes, nas.groups), intersect(scopes, [emailDomain("a@b")]))`, `1 ** 2 ^ 3 % 0`,
	}
}

// FuzzCompile compiles any text as everything there is. Nothing panics, errors are inside the source, and what compiles stops
// at its deadline and gives JSON or a failure.
func FuzzCompile(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	c := newCompiler(f)
	f.Fuzz(func(t *testing.T, src string) {
		_, err := c.Condition(src)
		compileError(t, err, src)
		_, err = c.Claim("groups", src)
		compileError(t, err, src)
		v, err := c.Claim("x", src)
		if compileError(t, err, src) != (Error{}) {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		raw, err := v.JSON(ctx, newState(t))
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%q took %v", src, took)
		}
		if err == nil && !json.Valid(raw) {
			t.Errorf("%q gives %s", src, raw)
		}
	})
}

// FuzzText compiles any text as a message. What comes out is one line that shows nothing odd.
func FuzzText(f *testing.F) {
	for _, s := range seeds() {
		f.Add("x ${" + s + "} y")
		f.Add("$${" + s + "} ${nas.name} $ }")
	}
	c := newCompiler(f)
	f.Fuzz(func(t *testing.T, src string) {
		text, err := c.Text(src)
		if compileError(t, err, src) != (Error{}) {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		got, err := text.Text(ctx, newState(t))
		if err != nil {
			return
		}
		if n := utf8.RuneCountInString(got); n > maxMessage || !utf8.ValidString(got) {
			t.Errorf("%q gives %d characters: %q", src, n, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Errorf("%q gives %U", src, r)
			}
		}
	})
}
