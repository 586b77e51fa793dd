package rules

import (
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// What may be of another type than is wanted is a problem, and the spelling that a hint names is none.
func TestTypesAreKnown(t *testing.T) {
	roles, err := NewTable(map[string][]string{"dev": {"d"}, "a": {"x", "y"}}, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{Facts: map[string]*facts.Type{"nas": schema(t)}, Tables: map[string]*Table{"roles": roles}})
	if err != nil {
		t.Fatal(err)
	}
	c = c.After()
	tests := []struct{ claim, src, want string }{
		{"x", `lower(tables.roles[identity.username] ?? "")`, "lower needs a string, and this may be a list"},
		{"x", `lower(string(tables.roles[identity.username] ?? ""))`, ""},
		{"name", `tables.roles[identity.username] ?? ""`, `claim "name" must be a string, and this may be a list`},
		{"groups", `flatten([tables.roles[identity.userId] ?? "", 1])`, `claim "groups" must be a list of strings, and this may hold something else`},
		{"groups", `map(flatten([tables.roles[identity.userId] ?? "", 1]), string(it))`, ""},
		{"x", `lower(claims.aud)`, "lower needs a string, and this may be a list"},
		{"x", `join(flatten([identity.groups, [1]]), "-")`, "join needs a list of strings, and an element of this may be an integer"},
		{"x", `rename(identity.groups, tables.roles)`, "rename needs an object of strings, not a table with lists in it"},
		{"x", `translate(identity.groups, tables.roles)`, ""},
		{"x", `default(merge({a: 1}, {b: "x"}).a, 0) + 1`, ""},
		{"x", `default(merge({a: 1}, {a: "x"}).a, 0) + 1`, "+ needs a number, and this may be a string"},
		{"x", `lower(default(fromPairs(map(identity.groups, [it, it])).dev, ""))`, ""},
		{"x", `fromPairs(map(identity.groups, split(it, ":")))`, "fromPairs needs lists of a name and a value, and these may be something else"},
		{"x", `join(default(groupBy(identity.groups, it[0:1]).d, []), "-")`, ""},
		{"x", `map(nas.shares, lower(it.name))`, ""},
		{"x", `sortBy(nas.shares, it.writable)`, "sortBy needs numbers, or strings, and these may be something else"},
		{"x", `map(identity.groups, ({a: first(split(it, ","))}))`, ""},
		{"x", `map(identity.groups, ({a: split(it, ",")[1]}))`, "a member or an element may be null"},
		{"x", `map(identity.groups, compact({a: split(it, ",")[1]}))`, ""},
		{"x", `let parts = split(identity.username, "-"); {a: parts[0]}`, ""},
		{"x", `[1, identity.username][1] + "x"`, ""},
		{"x", `filter([true, "x"], it)`, "the test of filter needs true or false, and this may be a string"},
	}
	for _, test := range tests {
		_, err := c.Claim(test.claim, test.src)
		if got := compileError(t, err, test.src).Message; got != test.want {
			t.Errorf("%s: got %q, want %q", test.src, got, test.want)
		}
	}
}

// A claim that a step sets is known to later steps, also what is in it.
func TestTypesOfClaimsAreKnown(t *testing.T) {
	c := newCompiler(t).After()
	var made []pipeline.Value
	before := c
	for _, set := range []struct{ name, src string }{{"o", `{a: "x", l: [{b: 1.5}], n: nas.uid}`}, {"o", `{a: claims.o.n ?? 1}`}} {
		v, err := c.Claim(set.name, set.src)
		if err != nil {
			t.Fatal(err)
		}
		after := c.After(Made{set.name, v})
		if c = after; len(made) > 0 {
			c = before.Or(after, `stage == "login"`)
		}
		made, before = append(made, v), after
	}
	for src, want := range map[string]string{
		`lower(default(claims.o.a, ""))`:         "lower needs a string, and this may be an integer",
		`lower(string(default(claims.o.a, "")))`: "",
		`map(default(claims.o.l, []), it.b + 1)`: "it.b may be missing",
	} {
		if _, err := c.Claim("x", src); compileError(t, err, src).Message != want {
			t.Errorf("%s: got %v, want %q", src, err, want)
		}
	}
}
