package rules

import (
	"strings"
	"testing"
)

// TestWhatMayBeMissing compiles claims after steps: one that always sets level, tags and picked, one that sets admin and roles for some clients,
// and one that removes shell.
func TestWhatMayBeMissing(t *testing.T) {
	c := newCompiler(t).After()
	always := func(c *Compiler, name, src string) *Compiler {
		t.Helper()
		v, err := c.Claim(name, src)
		if err != nil {
			t.Fatalf("%s: %+v", src, err)
		}
		return c.After(Made{name, v})
	}
	c = always(always(c, "level", `1`), "tags", `{"a": identity.groups}`)
	c = always(c, "picked", `optional(first(identity.groups))`).After(Made{Name: "shell"})
	when := `client.id == "x"`
	c = c.Or(always(always(c.Where(when, true), "admin", `true`), "roles", `identity.groups`), when)

	for _, tt := range []struct{ src, want string }{
		{`claims.level + 1`, ""},
		{`claims.sub`, ""},
		{`claims.roles`, "claims.roles may be missing: it is only made when client.id == \"x\""},
		{`default(claims.roles, [])`, ""},
		{`claims.roles ?? []`, ""},
		{`has(claims.roles) ? claims.roles : []`, ""},
		{`claims.roles != nil ? claims.roles[0] : "x"`, "nothing may be there to read"},
		{`has(claims.roles) ? claims.roles[0] : "x"`, ""},
		{`not has(claims.roles) ? "x" : first(claims.roles)`, ""},
		{`"roles" in claims ? len(claims.roles) : 0`, ""},
		{`has(claims.roles) or len(claims.roles) == 0`, "claims.roles may be missing: it is only made when client.id == \"x\""},
		{`has(claims.roles) and len(claims.roles) == 0`, ""},
		{`claims.admin ? 1 : 2`, "claims.admin may be missing: it is only made when client.id == \"x\""},
		{`claims.admin == true ? 1 : 2`, ""},
		{`claims.name`, "claims.name may be missing: Dex writes it with the scope profile, where the connector gave one"},
		{`claims.groups + "x"`, "+ does not go between a list of strings and a string"},
		{`claims.roles + "x"`, "+ does not go between a list of strings and a string"},
		{`claims.shell`, "claims.shell may be missing: a step before this one takes it away"},
		{`claims.picked`, "claims.picked may be missing: the step that sets it may leave it out"},
		{`claims.address ?? "x"`, `nobody makes a claim "address": neither Dex nor a step before this one`},
		{`claims.tags.a`, "claims.tags.a may be missing"},
		{`identity.username ?? "x"`, "identity.username is never nil, so what follows ?? is never used"},
		{`identity.groups == nil`, "identity.groups is never nil, only empty"},
		{`has(identity.username)`, ""},
		{`has(identity.isUser)`, "identity.isUser is always there, so has says nothing"},
		{`default(nas.uid, 5)`, "nas.uid is always there, so default says nothing"},
		{`claims.level ?? 5`, "claims.level is never nil, so what follows ?? is never used"},
		{`first(identity.groups)`, "first gives nil where there is nothing"},
		{`optional(first(identity.groups))`, ""},
		{`optional(first(identity.groups)) + "x"`, "optional(x) stands alone: as the value of a claim, or of a member or element in it"},
		{`{a: first(identity.groups)}`, "first gives nil where there is nothing"},
		{`{a: optional(first(identity.groups)), b: nil, c: [optional(claims.name)]}`, ""},
		{`[claims.name]`, "claims.name may be missing: Dex writes it with the scope profile, where the connector gave one"},
		{`map(identity.groups, last(split(it, "/")))`, ""},
		{`map(identity.groups, split(it, "/")[0])`, ""},
		{`map(identity.groups, split(it, "/")[1])`, "nothing may be there to read"},
		{`map(nas.shares, it.name)`, ""},
		{`nas.phone`, "nas.phone may be missing: the plugin does not always know it"},
		{`nas.phone == "1" or claims.roles == [] or claims.name == claims.name`, ""},
		{`any(nas.shares, it.name == "a") ? find(nas.shares, it.name == "a").writable : false`, ""},
		{`any(nas.shares, it.name == "a") ? find(nas.shares, it.name == "b").writable : false`, "find gives nil where there is nothing"},
		{`find(nas.shares, it.name == "b")?.name`, "find gives nil where there is nothing"},
		{`find(nas.shares, it.name == "b")?.name ?? "x"`, ""},
		{`let s = find(nas.shares, it.name == "b"); s == nil ? "x" : s.name`, ""},
		{`filter(identity.groups, it != nil)`, "it is never nil, only empty"},
		{`join(map(identity.groups, find(nas.groups, it == "x")))`, "find gives nil where there is nothing"},
	} {
		_, err := c.Claim("out", tt.src)
		if got := message(err); got != tt.want {
			t.Errorf("%s\n got %q\nwant %q", tt.src, got, tt.want)
		}
	}
}

// TestWhatAConditionSays is about steps: those that are only done where a condition holds.
func TestWhatAConditionSays(t *testing.T) {
	c := newCompiler(t).After()
	for _, tt := range []struct{ when, src, want string }{
		{`has(claims.groups)`, `first(claims.groups)`, ""},
		{`any(claims.groups ?? [], it == "a")`, `len(claims.groups)`, "claims.groups may be missing: Dex writes it with the scope groups, where the connector gave some"},
		{`claims.email_verified == true`, `claims.email_verified`, ""},
		{`"a" in claims.groups`, `len(claims.groups)`, ""},
		{`claims.name in ["a", "b"]`, `claims.name + "x"`, ""},
		{`claims.name startsWith "x"`, `upper(claims.name)`, ""},
		{`len(nas.groups) > 0`, `nas.groups[0]`, ""},
		{`nas.groups != []`, `first(nas.groups)`, ""},
	} {
		_, err := c.Where(tt.when, true).Claim("out", tt.src)
		if got := message(err); got != tt.want {
			t.Errorf("%s, %s\n got %q\nwant %q", tt.when, tt.src, got, tt.want)
		}
	}
	// What a condition says of a claim is over when a step sets it.
	after := c.Where(`claims.name != nil`, true).After(Made{Name: "name"})
	if _, err := after.Claim("out", `claims.name`); !strings.Contains(message(err), "may be missing") {
		t.Error(err)
	}
	// The same condition again: what was made under it is there.
	made, err := c.Where(`client.id == "x"`, true).Claim("role", `"a"`)
	if err != nil {
		t.Fatal(err)
	}
	again := c.Or(c.After(Made{"role", made}), `client.id == "x"`)
	if _, err := again.Where(`client.id  ==  "x"`, true).Claim("out", `claims.role`); err != nil {
		t.Error(err)
	}
}
