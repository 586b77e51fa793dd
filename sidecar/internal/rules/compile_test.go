package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

func TestConditionsThatDoNotCompile(t *testing.T) {
	plugins := "plugins declared here: nas, other"
	tests := []struct {
		name, src string
		want      Error
	}{
		{"nothing", "", Error{0, "the expression is empty", ""}},
		{"spaces", " \n ", Error{0, "the expression is empty", ""}},
		{"only a comment", "// nas.found", Error{12, "the expression ends too early", ""}},
		{"bad UTF-8", "nas.name == \"\xff\"", Error{13, "not valid UTF-8", ""}},
		{"an unknown name", `nsa.found`, Error{0, `unknown name "nsa"`, plugins}},
		{"an unknown name that is near a name of ours", `identiy.isUser`, Error{0, `unknown name "identiy"`, `did you mean "identity"?`}},
		{"a field without what it belongs to", `groups == []`, Error{0, `unknown name "groups"`, "write identity.groups, or claims.groups for what is in the token"}},
		{"a fact without its lookup", `found`, Error{0, `unknown name "found"`, "write nas.found or other.found"}},
		{"null", `claims.x == null`, Error{12, `unknown name "null"`, "write nil"}},
		{"True", `nas.found == True`, Error{13, `unknown name "True"`, "write true"}},
		{"capital letters", `nas.found AND nas.admin`, Error{10, `unexpected "AND"`, "operators are written in small letters"}},
		{"an operator as a function", `contains(nas.name, "x")`, Error{0, `unexpected "contains"`, "it goes between two strings: a contains b; for an element of a list write x in list"}},
		{"contains for a list", `nas.groups contains "x"`, Error{11, "contains does not go between a list of strings and a string", `for an element write "x" in list; for a part of one write any(list, # contains "x")`}},
		{"lists with a plus", `nas.groups + scopes == []`, Error{11, "+ does not go between a list of strings and a list of strings", "lists are put together by concat or union"}},
		{"dollar and brace", `${nas.found}`, Error{1, `unexpected "{"`, "${ } is for messages: here the expression stands alone"}},
		{"an unknown name behind a character of two bytes", `"é" == "é" && nsa.found`, Error{16, `unknown name "nsa"`, plugins}},
		{"an unknown name in a predicate", `any(scopes, # == foo)`, Error{17, `unknown name "foo"`, plugins + `; a text is written "foo"`}},
		{"an unknown name in let", `let a = foo; a`, Error{8, `unknown name "foo"`, plugins + `; a text is written "foo"`}},
		{"an unknown name in an object", `{a: [foo]} == {}`, Error{5, `unknown name "foo"`, plugins + `; a text is written "foo"`}},
		{"a name of let outside", `(let a = 1; a == 1) && a == 2`, Error{23, `unknown name "a"`, plugins + `; a text is written "a"`}},
		{"the environment", `$env.nas.found`, Error{0, `unknown name "$env"`, plugins}},
		{"the environment by index", `$env["nas"].found`, Error{0, `unknown name "$env"`, plugins}},
		{"an unknown fact", `nas.nmae == ""`, Error{4, `unknown fact "nmae" of nas`, `did you mean "name"?`}},
		{"an unknown fact by index", `nas["nmae"] == ""`, Error{4, `unknown fact "nmae" of nas`, `did you mean "name"?`}},
		{"an unknown fact after a question mark", `nas?.nmae == ""`, Error{5, `unknown fact "nmae" of nas`, `did you mean "name"?`}},
		{"an unknown fact that is near none", `nas.zzz`, Error{4, `unknown fact "zzz" of nas`,
			"facts of nas: admin, groups, home, home-dir, ids, name, phone, quota, shares, tags, uid, asked, failed, found, problem, stale, age"}},
		{"an unknown fact of nested facts", `nas.home.pth == ""`, Error{9, `unknown field "pth"`, `did you mean "path"?`}},
		{"an unknown fact in a list of objects", `any(nas.shares, .nam == "")`, Error{17, `unknown field "nam"`, `did you mean "name"?`}},
		{"an unknown field of facts as a value", `let n = nas; n.nmae == ""`, Error{15, `unknown field "nmae"`, `did you mean "name"?`}},
		{"an unknown field of the identity", `identity.emial == ""`, Error{9, `unknown field "emial" of identity`, `did you mean "email"?`}},
		{"an unknown field of the client", `client.name == ""`, Error{7, `unknown field "name" of client`, "fields of client: id"}},
		{"the client as a value", `client == nil`, Error{0, "client is not a value", "write client.id"}},
		{"the client as a value of let", `let c = client; c.id == "x"`, Error{8, "client is not a value", "write client.id"}},
		{"the connector as a value", `connector == nil`, Error{0, "connector is not a value", "write connector.id"}},
		{"a fact by a computed name", `nas["na" + "me"] == ""`, Error{9, "nas is read by name", "write nas.NAME"}},
		{"a fact by number", `nas[0] == ""`, Error{4, "nas is read by name", "write nas.NAME"}},
		{"the identity by a computed name", `identity[grant] == ""`, Error{9, "identity is read by name", "write identity.NAME"}},
		{"a claim by number", `claims[0] == ""`, Error{7, "claims are read by name", "write claims.NAME"}},
		{"a claim that may still change", `claims.exp > 0`, Error{7, `the claim "exp" cannot be read: it may still change before the token is signed`, ""}},
		{"the same by index", `claims["AT_HASH"] == ""`, Error{7, `the claim "AT_HASH" cannot be read: it may still change before the token is signed`, ""}},
		{"a string as condition", `nas.name`, Error{0, "must be true or false, not a string", ""}},
		{"a list as condition", `nas.groups`, Error{0, "must be true or false, not a list of strings", ""}},
		{"nil as condition", `nil`, Error{0, "must be true or false, not nil", ""}},
		{"a claim as condition", `claims.admin`, Error{0, "it is not known whether this is true or false", "compare it, for example with == true"}},
		{"a computed value of unknown type as condition", `first(claims.groups)`, Error{0, "it is not known whether this is true or false", "compare it, for example with == true"}},
		{"one equals sign", `nas.name = "x"`, Error{9, `unexpected "="`, "compare with =="}},
		{"one ampersand", `nas.found & nas.admin`, Error{10, `unexpected "&"`, "write && or and"}},
		{"words", `nas.name is "x"`, Error{9, `unexpected "is"`, ""}},
		{"a string where an operator is wanted", `nas.name "secret"`, Error{9, `unexpected string`, ""}},
		{"the end", `nas.name ==`, Error{11, "the expression ends too early", ""}},
		{"an open bracket", `(nas.found`, Error{10, "the expression ends too early", ""}},
		{"too many brackets", `nas.found)`, Error{9, `unexpected ")"`, ""}},
		{"an open string", `nas.name == "x`, Error{14, "a string is not closed", ""}},
		{"an open comment", `nas.found /* x`, Error{14, "a comment is not closed", ""}},
		{"curly quotes", `nas.name == “x”`, Error{12, "unexpected character U+201C", "use straight quotes"}},
		{"a stray character", `nas.found § 1`, Error{10, "unexpected character U+00A7", ""}},
		{"an unknown escape", `nas.name == "\q"`, Error{14, "unknown escape in a string", `a backslash is written \\`}},
		{"a dot without name", `nas. == 1`, Error{8, "a name is missing after the dot", ""}},
		{"a long number", `nas.uid == 99999999999999999999`, Error{30, "the number is too large", ""}},
		{"a number with letters", `nas.uid == 1x`, Error{12, "this is not a number", ""}},
		{"the element outside of a predicate", `# == 1`, Error{0, `unexpected "#"`, "# is the element inside filter, map, any ..."}},
		{"an unknown name of a predicate", `any(scopes, #foo == 1)`, Error{12, "unknown name #foo", "# is the element, #index its place"}},
		{"a number and a string", `nas.uid == "7"`, Error{8, "== does not go between an integer and a string", ""}},
		{"a list and a string", `nas.groups == "a"`, Error{11, "== does not go between a list of strings and a string", ""}},
		{"adding a number to a string", `nas.name + 1 == ""`, Error{9, "+ does not go between a string and an integer", ""}},
		{"a number in a list of strings", `1 in nas.groups`, Error{2, "in cannot find an integer in a list whose elements are each a string", ""}},
		{"in of a string", `"a" in nas.name`, Error{4, "in does not go between a string and a string", ""}},
		{"not of a string", `not nas.name`, Error{0, "not does not go before a string", ""}},
		{"a string and a boolean", `nas.name && nas.found`, Error{9, "&& does not go between a string and a boolean", "a choice is written condition ? a : b; whether there is something is has(x)"}},
		{"a string as condition of ?", `nas.name ? true : false`, Error{4, "the condition must be true or false, not a string", ""}},
		{"a predicate over a string", `any(nas.name, true)`, Error{8, "any needs a list, not a string", ""}},
		{"a predicate that is no test", `any(nas.groups, "x")`, Error{16, "the test must be true or false, not a string", ""}},
		{"a function with a wrong argument", `lower(nas.uid) == ""`, Error{10, "lower needs a string, not an integer", ""}},
		{"a function with nil", `lower(nil) == ""`, Error{6, "lower needs a string, not nil", ""}},
		{"a function with too few arguments", `lower() == ""`, Error{0, "lower needs more arguments", ""}},
		{"a function with too many arguments", `lower("a", "b") == ""`, Error{0, "lower needs fewer arguments", ""}},
		{"len of a boolean", `len(nas.found) == 1`, Error{0, "len does not go with a boolean", ""}},
		{"len of two", `len("a", "b") == 1`, Error{0, "2 arguments where 1 are needed", ""}},
		{"join of numbers", `join(nas.ids, "") == ""`, Error{9, "join needs a list of strings, not a list of numbers", ""}},
		{"a field of a string", `nas.name.x == ""`, Error{9, `a string has no field "x"`, ""}},
		{"a field of a list", `nas.groups.x == ""`, Error{11, `elements of a list are read by number, not by a string`, ""}},
		{"a function as a value", `lower == nil`, Error{0, `"lower" is a function`, "write lower(...)"}},
		{"an unknown function", `lowr("x") == ""`, Error{0, `unknown function "lowr"`, `did you mean "lower"?`}},
		{"a method", `nas.name.lower() == ""`, Error{9, "values have no functions of their own", "write lower(string)"}},
		{"a method of another language", `nas.groups.exists(g, g == "x")`, Error{11, "values have no functions of their own", "write any(list, test), or x in list; a part of a text is found by text contains \"part\""}},
		{"a method that nobody knows", `nas.name.frob() == ""`, Error{9, "values have no functions of their own", "write frob(x)"}},
		{"a function of another language", `size(nas.groups) > 0`, Error{0, `unknown function "size"`, "write len(x)"}},
		{"a default of another language", `(nas.name || "x") == "x"`, Error{10, "|| does not go between a string and a string", "the first that is there is default(a, b); a choice is written condition ? a : b"}},
		{"a choice of another language", `(nas.found && "x") == "x"`, Error{11, "&& does not go between a boolean and a string", "a choice is written condition ? a : b; whether there is something is has(x)"}},
		{"optional fields of CEL", `claims.?name == "x"`, Error{8, "a name is missing after the dot", "what may be missing is read by x?.y, or default(x.y, otherwise)"}},
		{"contains of JMESPath", `contains(nas.groups, "x")`, Error{0, `unexpected "contains"`, "it goes between two strings: a contains b; for an element of a list write x in list"}},
		{"a projection", `nas.groups[*] == []`, Error{11, `unexpected "*"`, "for each element write map(list, value); all of them are the list itself"}},
		{"a filter of JMESPath", `nas.groups[?true] == []`, Error{11, `unexpected "?"`, "for some elements write filter(list, test)"}},
		{"a template", `{{ .Values.x }}`, Error{1, "a key is a name, a string, a number, or an expression in parentheses", "{{ }} is of templates: here the expression stands alone"}},
		{"the clock", `now() != nil`, Error{0, `the function "now" is not available`, "write now.day or now.minute, or from: and until: on a step"}},
		{"a date", `date("2020-01-01") != nil`, Error{0, `the function "date" is not available`, "write now.day or now.minute, or from: and until: on a step"}},
		{"a time zone", `timezone("UTC") != nil`, Error{0, `the function "timezone" is not available`, "write now.day or now.minute, or from: and until: on a step"}},
		{"get", `get(nas, "name") == ""`, Error{0, `the function "get" is not available`, "write x?.y, or default(x.y, otherwise) for what may be missing"}},
		{"get by its full name", `::get(nas, "name") == ""`, Error{2, `the function "get" is not available`, "write x?.y, or default(x.y, otherwise) for what may be missing"}},
		{"fromJSON", `fromJSON("1") == 1`, Error{0, `the function "fromJSON" is not available`, "text that somebody else wrote would become values of any type"}},
		{"repeat", `repeat("x", 5) == ""`, Error{0, `the function "repeat" is not available`, "strings could grow without bound"}},
		{"a function of expr that is not on the list", `sum([1]) == 1`, Error{0, `unknown function "sum"`, ""}},
		{"a pipe into nothing", `nas.name | foo() == ""`, Error{11, `unknown function "foo"`, ""}},
		{"byte strings", `nas.name == b"x"`, Error{12, "byte strings are not supported", "leave out the b"}},
		{"chained comparisons", `1 < nas.uid < 5`, Error{8, "comparisons cannot be chained", "write a < b && b < c"}},
		{"the short conditional", `nas.found ?: nas.admin`, Error{4, "?: is not supported", "write x ? x : y, or x ?? y for what may be missing"}},
		{"a computed pattern", `nas.name matches claims.pattern`, Error{24, "the pattern of matches must be a constant string", ""}},
		{"a large pattern", `nas.name matches "((a?){30}){30}b"`, Error{17, "the pattern of matches is too large", "a pattern that repeats repetitions is large; write a smaller number"}},
		{"a large pattern to replace", `replaceRegex(nas.name, "((a?){30}){30}b", "x") == ""`, Error{23, "the pattern of replaceRegex is too large", "a pattern that repeats repetitions is large; write a smaller number"}},
		{"a large glob", `glob(nas.name, "` + strings.Repeat("*a", 200) + `")`, Error{15, "the pattern of glob cannot be used: it is too large", ""}},
		{"a broken pattern", `nas.name matches "("`, Error{17, "the pattern of matches cannot be used: missing closing )", ""}},
		{"a computed beginning of the client", `client.id startsWith nas.name`, Error{25, "client.id startsWith needs a constant string", ""}},
		{"a stage that there is not", `stage == "logn"`, Error{9, `stage is never "logn"`, `it is "login" or "token"`}},
		{"a token that there is not", `"acces" != token`, Error{0, `token is never "acces"`, `it is "id" or "access"`}},
		{"a connector in another case", `connector.id == "Kit"`, Error{16, `"Kit" differs from the connector "kit" only in case`, "write it as in connectors, and there as in Dex"}},
		{"a connector that is equal under folding, in a list", "connector.id in [\"kit\", \"\u212ait\"]", Error{24, "\"\u212ait\" differs from the connector \"kit\" only in case", "write it as in connectors, and there as in Dex"}},
		{"a stage that there is not, in a list", `stage in ["login", "x"]`, Error{19, `stage is never "x"`, `it is "login" or "token"`}},
		{"let with a name of ours", `let nas = 1; nas == 1`, Error{4, `the name "nas" is taken`, "choose another name"}},
		{"let with the name of claims", `let claims = {}; claims.x == nil`, Error{4, `the name "claims" is taken`, "choose another name"}},
		{"let with the name of a function", `let lower = 1; lower == 1`, Error{4, `the name "lower" is taken`, "choose another name"}},
		{"let twice", `let a = 1; let a = 2; a == 2`, Error{15, `the name "a" is taken`, "choose another name"}},
		{"mixed ??", `claims.x ?? true || nas.found`, Error{17, "?? needs parentheses beside other operators", ""}},
		{"a bad key", `{[1]: 1} == {}`, Error{1, "a key is a name, a string, a number, or an expression in parentheses", ""}},
		{"deep brackets", strings.Repeat("(", 40) + "true" + strings.Repeat(")", 40), Error{32, "brackets are nested deeper than 32", ""}},
		{"deep predicates", strings.Repeat("any(scopes, ", 5) + "true" + strings.Repeat(")", 5), Error{60, "filter, map, any ... are nested deeper than 4", ""}},
		{"a long expression", `nas.name == "` + strings.Repeat("x", 5000) + `"`, Error{4096, "the expression is longer than 4096 bytes", ""}},
		{"a large expression", "true" + strings.Repeat("||true", 600), Error{3004, "the expression has more than 1000 parts", ""}},
	}
	c := newCompiler(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.Condition(tt.src)
			if diff := cmp.Diff(tt.want, compileError(t, err, tt.src)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHintsWithoutPlugins(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Condition(`nas.found`)
	want := Error{0, `unknown name "nas"`, "known here: identity, client, connector, now, claims, scopes, audience, grant, stage, token"}
	if diff := cmp.Diff(want, compileError(t, err, "nas.found")); diff != "" {
		t.Error(diff)
	}
}

func TestNewRefuses(t *testing.T) {
	taken := func(name string) string {
		return fmt.Sprintf("a lookup cannot be called %q: rules use the name for something else", name)
	}
	tests := map[string]string{
		"claims": taken("claims"), "identity": taken("identity"), "token": taken("token"), "filter": taken("filter"), "now": taken("now"),
		"in": taken("in"), "true": taken("true"), "": "a lookup has no name",
		"my-nas": `a lookup cannot be called "my-nas": rules can only spell letters, digits and _`,
		"1nas":   `a lookup cannot be called "1nas": rules can only spell letters, digits and _`,
	}
	for alias, want := range tests {
		if _, err := New(Options{Facts: map[string]*facts.Type{alias: schema(t)}}); message(err) != want {
			t.Errorf("got %q, want %q", message(err), want)
		}
	}
	bad, err := facts.Parse([]byte(`{"type": "object", "properties": {"found": {"type": "boolean"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(Options{Facts: map[string]*facts.Type{"nas": bad}})
	if want := "facts of nas: schema: properties.found: the name belongs to the host"; message(err) != want {
		t.Errorf("got %q, want %q", message(err), want)
	}
}

func TestReads(t *testing.T) {
	tests := []struct {
		name, src string
		want      pipeline.Reads
	}{
		{"nothing", `true`, pipeline.Reads{}},
		{"facts, sorted and once", `nas.name == "" && nas.asked && nas["name"] != "x" && nas.home.path == ""`,
			pipeline.Reads{Facts: []string{"nas.asked", "nas.home", "nas.name"}}},
		{"facts of two lookups", `nas.found && other.found`, pipeline.Reads{Facts: []string{"nas.found", "other.found"}}},
		{"facts as a whole", `let n = nas; n.name == ""`, pipeline.Reads{Facts: []string{"nas"}}},
		{"claims", `claims.b == 1 && claims["a"] == 2 && "c" in claims`, pipeline.Reads{Claims: []string{"a", "b", "c"}}},
		{"claims as a value", `len(claims) == 1`, pipeline.Reads{AllClaims: true}},
		{"a claim by a computed name", `claims[grant] == 1`, pipeline.Reads{AllClaims: true, Grant: true}},
		{"the claim with the address", `claims?.email == ""`, pipeline.Reads{Claims: []string{"email"}}},
		{"the identity", `identity == nil || identity.email == ""`, pipeline.Reads{}},
		{"the kind of token", `token == "id"`, pipeline.Reads{Token: true}},
		{"clients", `client.id == "b" || client.id in ["a", "c"]`, pipeline.Reads{Clients: []string{"a", "b", "c"}}},
		{"clients by a pattern", `client.id startsWith "nas-"`, pipeline.Reads{AnyClient: true}},
		{"a client and clients by a pattern", `client.id == "b" || client.id endsWith "-nas"`, pipeline.Reads{Clients: []string{"b"}, AnyClient: true}},
		{"a client that the request names", `client.id in claims.clients`, pipeline.Reads{Claims: []string{"clients"}, AnyClient: true}},
		{"clients of which one is computed", `client.id in ["a", connector.id]`, pipeline.Reads{Clients: []string{"a"}, AnyClient: true}},
	}
	c := newCompiler(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cond, err := c.Condition(tt.src)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, tt.src))
			}
			if diff := cmp.Diff(tt.want, cond.Reads()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
