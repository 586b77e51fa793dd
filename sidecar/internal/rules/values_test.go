package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

func TestClaims(t *testing.T) {
	tests := []struct {
		name, claim, src, want string // JSON, or the failure
	}{
		{"a string", "username", `nas.name`, `"mum"`},
		{"a list of strings", "groups", `nas.groups`, `["users","family"]`},
		{"a filtered list", "groups", `filter(claims.groups, # startsWith "dev-")`, `["dev-a"]`},
		{"a mapped list", "groups", `map(nas.groups, "nas:" + #)`, `["nas:users","nas:family"]`},
		{"lists together", "groups", `concat(["all"], claims.groups, nas.groups)`, `["all","dev-a","ops","users","family"]`},
		{"an empty list", "groups", `[]`, `[]`},
		{"an empty list of a claim", "groups", `claims.empty`, `[]`},
		{"no groups at the connector", "groups", `filter(identity.groups, false)`, `[]`},
		{"false", "email_verified", `nas.admin`, `false`},
		{"the trusted address", "email", `identity.email`, `"mum@gmail.com"`},
		{"an integer beyond 2^53 of a fact", "uid", `nas.uid`, `9007199254740993`},
		{"an integer beyond 2^53 of a claim", "uid", `claims.big`, `9007199254740993`},
		{"a number", "quota", `nas.quota`, `0`},
		{"a small number", "x", `0.1`, `0.1`},
		{"a very small number", "x", `1.5e-9`, `1.5e-09`},
		{"integers of facts", "x", `nas.ids`, `[3,1,2]`},
		{"nested facts", "x", `nas.home`, `{"path":"/home/mum"}`},
		{"a list of objects", "x", `nas.shares`, `[{"name":"music","writable":true},{"name":"video","writable":false}]`},
		{"all facts", "x", `keys(nas)`, `["admin","age","asked","failed","found","groups","home","home-dir","ids","name","phone","problem","quota","shares","stale","tags","uid"]`},
		{"an object with sorted names", "x", `{b: 1, a: [true, nil]}`, `{"a":[true,null],"b":1}`},
		{"sorted strings", "groups", `sort(claims.groups, "desc")`, `["ops","dev-a"]`},
		{"sorted integers", "x", `sort(nas.ids)`, `[1,2,3]`},
		{"sorted values of several kinds of number", "x", `sort([2, 0.5, nas.age], "asc")`, `[0.5,2,90]`},
		{"no repetitions among strings", "groups", `uniq(concat(nas.groups, nas.groups))`, `["users","family"]`},
		{"no repetitions among integers", "x", `uniq([1, nas.ids[1], true, true])`, `[1,true]`},
		{"no repetitions among numbers", "x", `uniq([nas.ids[1], 1.0, "1", 1.5, 1])`, `[1,"1",1.5]`},
		{"no repetitions in a claim", "groups", `uniq(claims.groups)`, `["dev-a","ops"]`},
		{"one string of many", "x", `join(nas.groups, "+") + join(claims.groups) + join(["a"])`, `"users+familydev-aopsa"`},
		{"flat lists", "x", `flatten([nas.groups, [nas.ids, ["a"]]])`, `["users","family",3,1,2,"a"]`},
		{"any claim as it is", "x", `claims.mixed`, `["a",1,null,{"x":2}]`},
		{"nothing is escaped that need not be", "x", `claims.text`, `"café \"x\" <b>"`},
		{"what must be escaped", "x", `"a\\\n\t\x01\u2028"`, "\"a\\\\\\u000a\\u0009\\u0001\u2028\""},
		{"booleans of a list", "x", `map(nas.shares, .writable)`, `[true,false]`},
		{"a range", "x", `1..3`, `[1,2,3]`},
		{"an empty string elsewhere", "x", `nas.problem`, `""`},
		{"null", "x", `claims.nothing`, `claim "x" would be null: use remove to take it away`},
		{"null of a list", "x", `first(claims.empty)`, `claim "x" would be null: use remove to take it away`},
		{"an empty user name", "username", `trim(" ")`, `claim "username" would be empty`},
		{"an empty preferred user name", "preferred_username", `identity.preferredUsername`, `claim "preferred_username" would be empty`},
		{"groups that are a string", "groups", `claims.name`, `claim "groups" must be a list of strings`},
		{"groups with a number", "groups", `claims.mixed`, `claim "groups" must be a list of strings`},
		{"groups with null", "groups", `[first(claims.empty)]`, `claim "groups" must be a list of strings`},
		{"groups that are an object", "groups", `claims.address`, `claim "groups" must be a list of strings`},
		{"a name that is a boolean", "name", `claims.admin`, `claim "name" must be a string`},
		{"email_verified that is a string", "email_verified", `claims.name`, `claim "email_verified" must be true or false`},
		{"an integer of a number", "x", `[int(1.9), int(-1.9), int("7"), int(9007199254740992.0)]`, `[1,-1,7,9007199254740992]`},
		{"an integer of a number that is too large", "x", `int(1e30)`, `failed at 1:5: the number does not fit into 64 bits`},
		{"an integer of a number just too large", "x", `int(9223372036854775808.0)`, `failed at 1:5: the number does not fit into 64 bits`},
		{"an integer that a number cannot hold", "x", `nas.uid + 0.5`, `failed at 1:9: the integer has more digits than a number with a fraction can hold`},
		{"an integer that a number cannot hold, divided", "x", `nas.uid / 2`, `failed at 1:9: the integer has more digits than a number with a fraction can hold`},
		{"an integer that a number cannot hold, as one", "x", `float(nas.uid)`, `failed at 1:11: the integer has more digits than a number with a fraction can hold`},
		{"an integer that a number holds", "x", `[(nas.uid - 1) / 2, float(nas.uid - 1), nas.ids[0] + 0.5]`, `[4503599627370496,9007199254740992,3.5]`},
		{"an integer of no number", "x", `int(float("NaN"))`, `failed at 1:5: the number does not fit into 64 bits`},
		{"infinity", "x", `1 / 0`, `failed at 1:3: division by zero`},
		{"not a number", "x", `[0 / 0]`, `failed at 1:4: division by zero`},
		{"a number that is too large", "x", `claims.huge`, `failed at 1:8: claim "huge" holds a number that does not fit in 64 bits`},
		{"a list that is missing", "x", `filter(claims.nothing, true)`, `failed at 1:15: filter needs a list, and this is nil`},
		{"a list that is a string", "x", `map(claims.name, #)`, `failed at 1:12: map needs a list, and this is a string`},
		{"a missing field", "x", `claims.nothing.x`, `failed at 1:16: a field is read of nil`},
		{"a missing string", "x", `lower(claims.nothing)`, `failed at 1:14: lower needs a string, and this is nil`},
		{"a missing object", "x", `keys(claims.nothing)`, `failed at 1:13: keys needs an object, and this is nil`},
		{"a missing list of a function", "x", `sort(claims.nothing)`, `failed at 1:13: sort needs a list, and this is nil`},
		{"an order that there is not", "x", `sort(claims.groups, claims.name)`, `failed at 1:28: sort needs the order "asc" or "desc", and this text is neither`},
		{"joining what is no string", "x", `join(claims.mixed)`, `failed at 1:1: a string is needed, and this is a number`},
		{"no text in a number", "x", `int(claims.name)`, `failed at 1:12: int needs a number, and this text is none`},
		{"adding what does not add", "x", `claims.name + claims.big`, `failed at 1:13: + does not go between a string and a number`},
		{"a place outside", "x", "nas.groups\n [ 7 ]", `claim "x" would be null: use remove to take it away`},
		{"a division by zero", "x", `"é" + string(1 % (nas.age - 90))`, `failed at 1:16: division by zero`},
		{"a condition that is no boolean", "x", `claims.name ? 1 : 2`, `failed at 1:8: a boolean is needed, and this is a string`},
		{"in of a string", "x", `"a" in claims.name`, `failed at 1:5: in needs a list or an object, and this is a string`},
		{"a claim whose name is a number", "x", `claims[claims.big]`, `failed at 1:7: the name of a claim is a string, and this is a number`},
		{"a lookup that was not asked", "x", `other.name`, `other was not asked`},
	}
	c := newCompiler(t)
	c.late = true
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := c.Claim(tt.claim, tt.src)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, tt.src))
			}
			s := newState(t)
			s.Claims.Set("huge", []byte(`[92233720368547758080]`))
			raw, err := v.JSON(t.Context(), s)
			if diff := cmp.Diff(tt.want, string(raw)+message(err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAClaimThatIsTooLarge(t *testing.T) {
	v, err := newCompiler(t).Claim("x", "claims.big")
	if err != nil {
		t.Fatal(err)
	}
	s := newState(t)
	s.Claims.Set("big", []byte(`"`+strings.Repeat("x", maxResult)+`"`))
	raw, err := v.JSON(t.Context(), s)
	if want := "the value is larger than 1048576 bytes"; message(err) != want || raw != nil {
		t.Errorf("got %d bytes, %v", len(raw), err)
	}
}

func TestClaimsThatDoNotCompile(t *testing.T) {
	tests := []struct {
		name, claim, src string
		want             Error
	}{
		{"nil", "x", `nil`, Error{0, "nil cannot be set", "to take the claim away write remove: [x]"}},
		{"a constant empty user name", "username", `""`, Error{0, `claim "username" cannot be empty`, "to take it away write remove: [username]"}},
		{"groups that are a string", "groups", `nas.name`, Error{0, `claim "groups" must be a list of strings, not a string`, ""}},
		{"groups that are integers", "groups", `nas.ids`, Error{0, `claim "groups" must be a list of strings, not a list of numbers`, ""}},
		{"a list with a number", "groups", `["a", 1]`, Error{0, `claim "groups" must be a list of strings, not a list with an integer in it`, ""}},
		{"lists together with a number", "groups", `concat(nas.groups, [1])`, Error{0, `claim "groups" must be a list of strings, not a list with an integer in it`, ""}},
		{"a map that gives numbers", "groups", `map(nas.groups, len(#))`, Error{0, `claim "groups" must be a list of strings, not a list with an integer in it`, ""}},
		{"a list without repetitions of numbers", "groups", `uniq(sort(nas.ids))`, Error{0, `claim "groups" must be a list of strings, not a list`, ""}},
		{"one branch of two", "groups", `nas.admin ? ["a"] : [1]`, Error{0, `claim "groups" must be a list of strings, not a list with an integer in it`, ""}},
		{"let", "groups", `let a = 1; [a]`, Error{0, `claim "groups" must be a list of strings, not a list with an integer in it`, ""}},
		{"a name that is a list", "name", `nas.groups`, Error{0, `claim "name" must be a string, not a list of strings`, ""}},
		{"an address that is a boolean", "email", `nas.found`, Error{0, `claim "email" must be a string, not a boolean`, ""}},
		{"email_verified that is a string", "email_verified", `"false"`, Error{0, `claim "email_verified" must be true or false, not a string`, ""}},
		{"a misspelt fact", "x", `nas.nmae`, Error{4, `unknown fact "nmae" of nas`, `did you mean "name"?`}},
	}
	c := newCompiler(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.Claim(tt.claim, tt.src)
			if diff := cmp.Diff(tt.want, compileError(t, err, tt.src)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParams(t *testing.T) {
	str, list := &facts.Type{Kind: facts.String}, &facts.Type{Kind: facts.List, Elem: &facts.Type{Kind: facts.String}}
	num, integer := &facts.Type{Kind: facts.Float}, &facts.Type{Kind: facts.Int}
	object := &facts.Type{Kind: facts.Object, Fields: map[string]*facts.Type{"a": integer}}
	tests := []struct {
		name, src string
		typ       *facts.Type
		want      string // JSON, what does not compile, or the failure
	}{
		{"a string", `identity.email`, str, `"mum@gmail.com"`},
		{"an empty string", `nas.problem`, str, `""`},
		{"a claim", `claims.name`, str, `"Mum"`},
		{"a claim of another type", `claims.groups`, str, `the parameter does not fit: must be a string, not a list`},
		{"a claim that is missing", `claims.nothing`, str, `the parameter would be null`},
		{"nil", `nil`, str, `a parameter cannot be nil`},
		{"a number for a string", `nas.uid`, str, `the parameter must be a string, not an integer`},
		{"a list", `scopes`, list, `["openid","groups"]`},
		{"a list of integers for one of strings", `nas.ids`, list, `the parameter must be a list of strings, not a list of numbers`},
		{"a list with an integer", `claims.mixed`, list, `the parameter does not fit: [1]: must be a string, not a number`},
		{"an integer", `nas.uid`, integer, `9007199254740993`},
		{"a number for an integer", `0.5`, integer, `the parameter must be an integer, not a number`},
		{"an integer for a number", `nas.age`, num, `90`},
		{"an object", `{a: 1}`, object, `{"a":1}`},
		{"an object with another member", `{b: 1}`, object, `the parameter does not fit: b: not in the schema`},
		{"anything", `nas.groups`, nil, `["users","family"]`},
	}
	c := newCompiler(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			v, err := c.Param(tt.src, tt.typ)
			if err == nil {
				raw, failed := v.JSON(t.Context(), newState(t))
				got, err = string(raw), failed
			}
			if diff := cmp.Diff(tt.want, got+message(err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTexts(t *testing.T) {
	tests := []struct {
		name, src, want string
	}{
		{"a sentence", `No account on this NAS has the address ${identity.email}.`, `No account on this NAS has the address mum@gmail.com.`},
		{"nothing but an expression", `${nas.name}`, `mum`},
		{"numbers and booleans", `${nas.uid} ${nas.quota + 0.5} ${nas.found} ${nas.age}`, `9007199254740993 0.5 true 90`},
		{"a brace in a string", `a${"}" + '}' + "{"}b`, `a}}{b`},
		{"braces of an object", `${{a: {b: "x"}}.a.b}`, `x`},
		{"braces of a predicate", `${len(filter(nas.groups, {# != "}"}))}`, `2`},
		{"a brace in a comment", `${nas.name /* } */}`, `mum`},
		{"a dollar sign", `5 $ or $$ or $x`, `5 $ or $$ or $x`},
		{"an escaped dollar sign", `$${nas.name} is ${nas.name}`, `${nas.name} is mum`},
		{"characters of several bytes", `ä ${"ö"} ü ${nas.name}`, `ä ö ü mum`},
		{"lines become one", "one\n  two\t${\"three\\r\\n\"}\n", `one two three`},
		{"control characters go", `a${"\x00\x1b[31m\x7f"}b`, `a[31mb`},
		{"characters that turn the direction go", `a${"\u202e\u2066\u200f\u061c"}b`, `ab`},
		{"other line ends become a space", "a${\"\\u2028\"}b", `a b`},
		{"a long text is cut", `${join(map(1..100, "äöü."), "")}`, strings.Repeat("äöü.", 74) + "äöü…"},
		{"exactly 300 characters are not cut", `${join(map(1..75, "äöü."), "")}`, strings.Repeat("äöü.", 75)},
		{"nothing", ``, ``},
		{"a list of a claim", `${claims.groups}`, `a message can only hold a string, a number or a boolean`},
		{"a missing claim", `${claims.nothing}`, `a message can only hold a string, a number or a boolean`},
		{"a lookup that was not asked", `x ${other.name}`, `other was not asked`},
		{"a failure has its place in the whole text", "ä\nö ${1 + len(nas.name) % 0}", `failed at 2:23: division by zero`},
	}
	c := newCompiler(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, err := c.Text(tt.src)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, tt.src))
			}
			got, err := text.Text(t.Context(), newState(t))
			if diff := cmp.Diff(tt.want, got+message(err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTextsThatDoNotCompile(t *testing.T) {
	tests := []struct {
		name, src string
		want      Error
	}{
		{"a misspelt fact", `ä ${nas.nmae}`, Error{9, `unknown fact "nmae" of nas`, `did you mean "name"?`}},
		{"the second of two", `${nas.name} ${nas.nmae}`, Error{18, `unknown fact "nmae" of nas`, `did you mean "name"?`}},
		{"a list", `x ${nas.groups}`, Error{4, "a message can only hold a string, a number or a boolean, not a list of strings", ""}},
		{"an object", `x ${nas.home}`, Error{4, "a message can only hold a string, a number or a boolean, not an object", ""}},
		{"nil", `x ${nil}`, Error{4, "a message can only hold a string, a number or a boolean, not nil", ""}},
		{"nothing", `x ${}`, Error{4, "the expression is empty", ""}},
		{"no end", `x ${nas.name`, Error{2, "${ has no }", "write $${ for ${ itself"}},
		{"no end because of a string", `x ${"}`, Error{6, "a string is not closed", ""}},
		{"a wrong character", `x ${nas @}`, Error{8, `unexpected "@"`, "the element of a list is called it"}},
		{"a half expression", `x ${nas.name +} y`, Error{14, "the expression ends too early", ""}},
		{"a long text", strings.Repeat("x", 20000), Error{16384, "the message is longer than 16384 bytes", ""}},
	}
	c := newCompiler(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.Text(tt.src)
			if diff := cmp.Diff(tt.want, compileError(t, err, tt.src)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestATextReadsWhatItsExpressionsRead(t *testing.T) {
	text, err := newCompiler(t).Text(`${nas.name} ${identity.unverifiedEmail} ${token} ${claims.b} ${nas.found} ${nas.name}`)
	if err != nil {
		t.Fatal(err)
	}
	want := newReads()
	want.facts = map[string]bool{"nas.name": true, "nas.found": true}
	want.claims = map[string]bool{"b": true}
	want.token = true
	if diff := cmp.Diff(want.sorted(), text.Reads()); diff != "" {
		t.Error(diff)
	}
}
