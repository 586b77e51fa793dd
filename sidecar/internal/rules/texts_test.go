package rules

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// payloadOfGroups has the groups of both forms of Synology SSO Server, and what is odd.
const payloadOfGroups = `{"sub": "s", "groups": ["admins", "users@example.com", "users@EXAMPLE.com", "hr@other.org", "@example.com", "a*b"],
	"one": "admins@example.com", "mixed": ["a", 1], "none": [], "nothing": "", "n": 0, "no": false, "table": {"admins": "root"},
	"address": {"country": "de", "street": ""}, "sep": "a;b;;c"}`

// A share of all people is one whose size can be chosen, and who is in a small one is in a larger one too.
func TestBucketsAreAboutEqual(t *testing.T) {
	const people = 100_000
	var in [100]int
	for i := range people {
		in[bucket(fmt.Sprint("user-", i))]++
	}
	for n, got := range in {
		if got < people/100*8/10 || got > people/100*12/10 {
			t.Errorf("bucket %d has %d of %d", n, got, people)
		}
	}
}

func TestFunctionsOverTexts(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"the domain of an address", `emailDomain("Mum@Example.ORG")`, `"example.org"`},
		{"a local part keeps its case", `emailLocal("Mum@Example.ORG")`, `"Mum"`},
		{"only A to Z are made small", "emailDomain(\"mum@EXAMPLE.ORG\u212a\")", "\"example.org\u212a\""},
		{"an address with two @ is none", `emailDomain("a@b@c") + emailLocal("a@b@c") + emailDomain("@c") + emailLocal("a@") + emailDomain("")`, `""`},
		{"a domain off, in any case, and only this one", `stripDomain(claims.groups, "example.com")`, `["admins","users","users","hr@other.org","@example.com","a*b"]`},
		{"a domain on, where there is none", `addDomain(claims.groups, "example.com")`,
			`["admins@example.com","users@example.com","users@EXAMPLE.com","hr@other.org","@example.com","a*b@example.com"]`},
		{"one string stays one", `stripDomain(claims.one, "example.com")`, `"admins"`},
		{"globs", `keep(claims.groups, "users*", "?r@*")`, `["users@example.com","users@EXAMPLE.com","hr@other.org"]`},
		{"a glob is about the whole string", `keep(claims.groups, "user", "admins")`, `["admins"]`},
		{"a glob knows no other signs", `glob("a.b", "a[.]b") || glob("axb", "a.b") || glob("a*b", "a\\*b")`, `false`},
		{"what stays", `drop(claims.groups, "*@*")`, `["admins","a*b"]`},
		{"the stars of a pattern, the first as short as it can be", `replaceGlob(["a:b:c", "x"], "*:*", "*/*")`, `["a/b:c","x"]`},
		{"fewer stars than the pattern has", `replaceGlob("a:b:c", "*:*:*", "*-*")`, `"a-b"`},
		{"a question mark stands for one character", `replaceGlob(["Zürich", "Z1rich"], "Z?rich*", "z*")`, `["z","z"]`},
		{"a pattern without stars", `replaceGlob(["admins", "x"], "admins", "root")`, `["root","x"]`},
		{"all that a pattern finds", `replaceRegex("a-b-c", "[-]", "$$")`, `"a$b$c"`},
		{"groups by name", `replaceRegex(claims.groups, "^(?P<who>\\w+)@(\\w+).*$", "${2}/$who")[1]`, `"example/users"`},
		{"new names", `rename(claims.groups, {"a*b": "ab", "hr@other.org": "hr"})`, `["admins","users@example.com","users@EXAMPLE.com","hr","@example.com","ab"]`},
		{"a table from elsewhere", `rename(claims.groups, claims.table)[0] + rename("x", claims.table)`, `"rootx"`},
		{"one name to several, once each", `translate(["a", "b", "c", "a"], {a: ["x", "y"], b: "y"})`, `["x","y"]`},
		{"nothing to translate", `translate(claims.none, {a: "b"})`, `[]`},
		{"the first that holds in the order of the patterns", `firstMatch(["viewers", "admins"], "admins", "Admin", "*ers", "Viewer", "None")`, `"Admin"`},
		{"none holds", `firstMatch([], "admins", "Admin", "None")`, `"None"`},
		{"before and behind", `addPrefix(["a"], "x:") == ["x:a"] && addSuffix("a", "y") == "ay" && trimPrefix(["xa", "a"], "x") == ["a", "a"] && trimSuffix("ay", "y") == "a"`, `true`},
		{"sets keep the order of the first", `union(["b", "a"], ["c", "a"], ["d"])`, `["b","a","c","d"]`},
		{"what all have", `intersect(["b", "a", "c", "b"], ["c", "b"], ["b", "c", "d"])`, `["b","c"]`},
		{"what the others do not have, as often as it is there", `without(["b", "a", "b"], ["a"], [])`, `["b","b"]`},
		{"pipes", `claims.groups | stripDomain("example.com") | keep("users") | uniq() | addPrefix("nas-")`, `["nas-users"]`},
		{"what is there", `[has(claims.one), has(claims.n), has(claims.no), has(identity.email), has(claims.groups), has(claims.address.country)]`, `[true,true,true,true,true,true]`},
		{"what is not, or is empty", `[has(claims.nope), has(claims.nothing), has(claims.none), has(claims.address.street), has(claims.nope.deeper.still), has({}), has(nil)]`,
			`[false,false,false,false,false,false,false]`},
		{"the other where there is nothing", `[default(claims.nope, "x"), default(claims.nothing, "x"), default(claims.one, "x"), default(claims.nope.deeper, 1)]`, `["x","x","admins@example.com",1]`},
		{"what must be there", `required(claims.address.country)`, `"de"`},
		{"splitting and joining", `split(claims.sep, ";") | filter(# != "") | join("+")`, `"a+b+c"`},
		{"a result has a type", `addPrefix(keep(identity.groups, "g*"), "x")[0] startsWith "xg" && lower(default(identity.preferredUsername, "X")) == "x"`, `true`},
	}
	c := newCompiler(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := c.Claim("x", tt.src)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, tt.src))
			}
			s := newState(t)
			o, err := claims.Parse([]byte(payloadOfGroups))
			if err != nil {
				t.Fatal(err)
			}
			s.Claims = claims.NewDraft(o)
			if raw, err := v.JSON(t.Context(), s); string(raw) != tt.want || err != nil {
				t.Errorf("got %s, %v, want %s", raw, err, tt.want)
			}
		})
	}
}

func TestFunctionsOverTextsFail(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"a list with a number in it", `keep(claims.mixed, "*")`, "failed at 1:1: a list of strings is needed, and there is a number in it"},
		{"no list", `keep(claims.one, "*")`, "failed at 1:13: keep needs a list of strings, and this is a string"},
		{"nothing", `keep(claims.nope, "*")`, "failed at 1:13: keep needs a list of strings, and this is nil"},
		{"an address that is missing", `emailDomain(claims.nope)`, "failed at 1:20: emailDomain needs a string, and this is nil"},
		{"a table with a number in it", `rename("n", claims)`, "failed at 1:1: a string is needed, and this is a number"},
		{"what must be there is not", `required(claims.nope)`, "failed at 1:1: a required value is missing or empty"},
		{"what must be there is empty", `"x" + required(claims.nothing)`, "failed at 1:7: a required value is missing or empty"},
		{"strings that are much longer", `let a = join(map(1..500, "a"), ""); replaceRegex(a, "a", "` + strings.Repeat("b", 200) + `")`, "failed at 1:37: a string is longer than 65536 bytes"},
		{"a list of strings that are longer", `let a = join(map(1..1000, "aaaaaaaaaa"), ""); addPrefix(map(1..1000, "x"), a)`, "failed at 1:47: the strings of a list are longer than 1048576 bytes"},
		{"strings one by one", `let a = join(map(1..1000, "aaaaaaaaaa"), ""); map(1..9000, a + "b")`, "failed at 1:62: the expression makes strings of more than 16777216 bytes"},
	}
	c := newCompiler(t)
	c.late = true
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := c.Claim("x", tt.src)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, tt.src))
			}
			s := newState(t)
			o, err := claims.Parse([]byte(payloadOfGroups))
			if err != nil {
				t.Fatal(err)
			}
			s.Claims = claims.NewDraft(o)
			if raw, err := v.JSON(t.Context(), s); message(err) != tt.want {
				t.Errorf("got %s, %q, want %q", raw, message(err), tt.want)
			}
		})
	}
}

func TestCallsThatDoNotCompile(t *testing.T) {
	tests := []struct {
		name, src string
		want      Error
	}{
		{"a number instead of a list", `keep(1, "a")`, Error{5, "keep needs a list of strings, not an integer", ""}},
		{"a string instead of a list", `union(scopes, identity.email)`, Error{23, "union needs a list of strings, not a string", ""}},
		{"nil instead of a list", `without(scopes, nil)`, Error{16, "without needs a list of strings, not nil", ""}},
		{"a list of numbers", `keep([1, 2], "a")`, Error{5, "keep needs a list of strings, not a list with an integer in it", ""}},
		{"a list that is not all strings", `union(scopes, concat(scopes, [1]))`, Error{14, "union needs a list of strings, not a list with an integer in it", ""}},
		{"a list of numbers from a plugin", `addPrefix(nas.ids, "x")`, Error{14, "addPrefix needs a string or a list of strings, not a list of numbers", ""}},
		{"a boolean where one or more are wanted", `trimSuffix(true, "x")`, Error{11, "trimSuffix needs a string or a list of strings, not a boolean", ""}},
		{"a number as second", `trimPrefix("a", 1)`, Error{16, "trimPrefix needs a string, not an integer", ""}},
		{"too few", `addDomain("a")`, Error{0, "addDomain needs more arguments", ""}},
		{"too many", `addDomain("a", "b", "c")`, Error{0, "addDomain needs fewer arguments", ""}},
		{"one set", `union(scopes)`, Error{0, "union needs more arguments", ""}},
		{"no pattern", `keep(scopes)`, Error{0, "keep needs more arguments", ""}},
		{"a computed pattern", `keep(scopes, "a", identity.email)`, Error{27, "the patterns of keep must be constant strings", ""}},
		{"an empty pattern", `glob("a", "")`, Error{10, "the pattern of glob cannot be used: it is empty", ""}},
		{"a broken pattern", `replaceRegex("a", "(", "b")`, Error{18, "the pattern of replaceRegex cannot be used: missing closing )", ""}},
		{"a computed regular expression", `replaceRegex("a", grant, "b")`, Error{18, "the pattern of replaceRegex must be a constant string", ""}},
		{"a computed replacement", `replaceGlob("a", "*", grant)`, Error{22, "what replaceGlob writes must be a constant string", ""}},
		{"a group that there is not", `replaceRegex("a", "(a)", "$2")`, Error{25, `the pattern has no group "2"`, "a dollar sign is written $$"}},
		{"a group with letters behind it", `replaceRegex("a", "(a)", "$1x")`, Error{25, `the pattern has no group "1x"`, "write ${1}x"}},
		{"a star that the pattern has not", `replaceGlob("a", "a*", "*-*")`, Error{23, "2 * are written, and the pattern has 1", ""}},
		{"a pattern without a value", `firstMatch(scopes, "a", "b", "c", "d")`, Error{0, "firstMatch needs a value for each pattern, and one for when none holds", "write firstMatch(list, pattern, value, pattern, value, otherwise)"}},
		{"a table with numbers", `rename(scopes, {a: "b", c: 1})`, Error{27, "rename needs an object of strings, not an integer", ""}},
		{"a table with lists", `rename(scopes, {a: ["b"]})`, Error{19, "rename needs an object of strings, not a list of strings", ""}},
		{"a table with lists of numbers", `translate(scopes, {a: "x", b: ["b"], c: [1]})`, Error{40, "translate needs an object of strings and lists of strings, not a list with an integer in it", ""}},
		{"no table", `rename(scopes, "b")`, Error{15, "rename needs an object of strings, not a string", ""}},
		{"a name twice in an object", `rename(scopes, {a: "b", a: "c"})`, Error{24, `the name "a" is given twice`, ""}},
		{"a result that is used as something else", `default(identity.email, "x") + 1`, Error{29, "+ does not go between a string and an integer", ""}},
		{"an unknown fact that is asked for", `has(nas.nmae)`, Error{8, `unknown fact "nmae" of nas`, `did you mean "name"?`}},
		{"a misspelt function", `stripDomian(scopes, "x")`, Error{0, `unknown function "stripDomian"`, `did you mean "stripDomain"?`}},
	}
	c := newCompiler(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.Claim("x", tt.src)
			if diff := cmp.Diff(tt.want, compileError(t, err, tt.src)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGlobOfTheClientSeesEveryClientOfTheRequest(t *testing.T) {
	cond, err := newCompiler(t).Condition(`glob(client.id, "syno*")`)
	if err != nil {
		t.Fatal(err)
	}
	if yes, err := cond.Holds(t.Context(), newState(t)); !yes || err != nil {
		t.Errorf("got %v, %v", yes, err)
	}
}

// Groups keep their type: as far as elements are known when the expression is compiled, and always when it runs.
func TestElementsOfGroups(t *testing.T) {
	const want = `claim "groups" must be a list of strings`
	tests := []struct{ name, src, compile, run string }{
		{"strings", `["a", "b"]`, "", ""},
		{"a number among strings", `["a", 1]`, want + ", not a list with an integer in it", ""},
		{"numbers", `[1]`, want + ", not a list with an integer in it", ""},
		{"a list in a list", `[identity.groups]`, want + ", not a list with a list of strings in it", ""},
		{"lists one after the other", `concat(identity.groups, [1])`, want + ", not a list with an integer in it", ""},
		{"numbers of a plugin", `nas.ids`, want + ", not a list of numbers", ""},
		{"what map makes", `map(identity.groups, len(#))`, want + ", not a list with an integer in it", ""},
		{"a branch", `nas.found ? ["a"] : [true]`, want + ", not a list with a boolean in it", ""},
		{"otherwise", `default(claims.groups, [1])`, want + ", not a list with an integer in it", ""},
		{"a branch that is no list", `nas.found ? ["a"] : nas.name`, want + ", not a string", ""},
		{"the other branch that is no list", `nas.found ? nas.name : ["a"]`, want + ", not a string", ""},
		{"a branch that is nil", `nas.admin ? ["a"] : nil`, "", `claim "groups" would be null: use remove to take it away`},
		{"what is given instead of nil", `claims.groups ?? 1`, want + ", not an integer", ""},
		{"a claim of unknown type", `claims.groups`, "", ""},
		{"a claim that holds something else", `claims.mixed`, "", want},
		{"a claim that is missing", `claims.nope`, "", `claim "groups" would be null: use remove to take it away`},
		{"an element of unknown type that is a number", `["a", claims.big]`, "", want},
		{"lists of unknown type", `concat(["a"], claims.mixed)`, "", want},
		{"a function over strings", `union(identity.groups, claims.groups)`, "", ""},
		{"a string", `"admins"`, want + ", not a string", ""},
		{"a string by way of a function", `trimPrefix("admins", "x")`, want + ", not a string", ""},
	}
	c := newCompiler(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := c.Claim("groups", tt.src)
			if got := compileError(t, err, tt.src).Message; got != tt.compile {
				t.Fatalf("compile: got %q, want %q", got, tt.compile)
			}
			if err != nil {
				return
			}
			if _, err := v.JSON(t.Context(), newState(t)); message(err) != tt.run {
				t.Errorf("run: got %q, want %q", message(err), tt.run)
			}
		})
	}
}

// Facts and the request reach the outside only by what is on the list: no function writes an object as a string, reads by a
// computed name, or reaches what the machine is run with.
func TestWhatIsOff(t *testing.T) {
	c := newCompiler(t)
	for src, want := range map[string]string{
		`fromJSON("{}")`:                   `the function "fromJSON" is not available`,
		`get(nas, "name")`:                 `the function "get" is not available`,
		`get(claims, "exp")`:               `the function "get" is not available`,
		`nas | get("name")`:                `the function "get" is not available`,
		`$env`:                             `unknown name "$env"`,
		`$env["#get"]`:                     `unknown name "$env"`,
		`$env.nas`:                         `unknown name "$env"`,
		`let e = $env; e`:                  `unknown name "$env"`,
		`map([1], $env)`:                   `unknown name "$env"`,
		`now()`:                            `the function "now" is not available`,
		`duration("1h")`:                   `the function "duration" is not available`,
		`date("2020-01-01")`:               `the function "date" is not available`,
		`timezone("UTC")`:                  `the function "timezone" is not available`,
		`env("HOME")`:                      `unknown function "env"`,
		`readFile("/etc/passwd")`:          `unknown function "readFile"`,
		`http("https://x")`:                `unknown function "http"`,
		`toBase64("x")`:                    `unknown function "toBase64"`,
		`toPairs(nas)`:                     `unknown function "toPairs"`,
		`values(nas)`:                      `unknown function "values"`,
		`nas["na" + "me"]`:                 `nas is read by name`,
		`identity["unverified" + "Email"]`: `identity is read by name`,
		`reduce(scopes, #acc + #)`:         `unknown function "reduce"`,
		`string(nas)`:                      "only a string, a number or a boolean can be made a string, not an object",
	} {
		if _, err := c.Claim("x", src); compileError(t, err, src).Message != want {
			t.Errorf("%s: got %v, want %q", src, err, want)
		}
	}
}

// A function of ours looks at many elements in one go, so what calls it again and again is stopped between the calls.
func TestFunctionsOverTextsStopAtTheDeadline(t *testing.T) {
	for _, src := range []string{
		`all(identity.groups, all(identity.groups, len(union(identity.groups, identity.groups)) > 0))`,
		`all(identity.groups, all(identity.groups, len(replaceRegex(identity.groups, "(o+)", "$1")) > 0))`,
	} {
		cond, err := newCompiler(t).Condition(src)
		if err != nil {
			t.Fatal(err)
		}
		ctx := &passing{Context: t.Context(), left: 50}
		if _, err := cond.Holds(ctx, stateWithGroups(t, 400)); !errors.Is(err, context.DeadlineExceeded) || ctx.asked != ctx.left+1 {
			t.Errorf("%s: got %v after %d", src, err, ctx.asked)
		}
	}
	c := newCompiler(t)
	c.steps = 1 << 20
	cond, err := c.Condition(`all(identity.groups, all(identity.groups, len(union(identity.groups, identity.groups)) > 0))`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cond.Holds(t.Context(), stateWithGroups(t, 400)); !strings.HasSuffix(message(err), "the expression looks at too many elements") {
		t.Errorf("got %v", err)
	}
}
