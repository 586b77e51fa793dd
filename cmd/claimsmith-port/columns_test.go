package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

// abroad holds an expression of each other language for each function that has a name there, which gives what the function's example
// gives. A language that gives something else on purpose has its own value.
var abroad = map[string]struct {
	cel, jmespath           string
	celGives, jmespathGives string
}{
	"all":         {cel: `["a", "ab"].all(x, x.startsWith("a"))`},
	"any":         {cel: `["a", "b"].exists(x, x == "b")`, jmespath: "contains(['a', 'b'], 'b')"},
	"one":         {cel: `["a", "b"].exists_one(x, x == "b")`},
	"filter":      {cel: `["dev-a", "ops"].filter(x, x.startsWith("dev-"))`, jmespath: "['dev-a', 'ops'][?starts_with(@, 'dev-')]"},
	"map":         {cel: `["a", "b"].map(x, "nas:" + x)`, jmespath: "['a', 'b'][*].join('', ['nas:', @])"},
	"find":        {jmespath: "['a', 'ab'][?ends_with(@, 'b')] | [0]"},
	"sortBy":      {cel: `["bb", "a"].sortBy(x, size(x))`, jmespath: "sort_by(['bb', 'a'], &length(@))"},
	"len":         {cel: `size("Jörg")`, jmespath: "length('Jörg')"},
	"first":       {cel: `["a", "b"].first().value()`, jmespath: "['a', 'b'] | [0]"},
	"last":        {cel: `["a", "b"].last().value()`, jmespath: "['a', 'b'] | [-1]"},
	"take":        {cel: `["a", "b", "c"].slice(0, 2)`, jmespath: "['a', 'b', 'c'] | [:2]"},
	"concat":      {cel: `["a"] + ["b"]`, jmespath: "[['a'], ['b']][]"},
	"reverse":     {cel: `[1, 2].reverse()`, jmespath: "reverse([`1`, `2`])"},
	"sort":        {cel: `["b", "a"].sort()`, jmespath: "sort(['b', 'a'])"},
	"uniq":        {cel: `["a", "b", "a"].distinct()`},
	"flatten":     {cel: `[["a"], ["b", "c"]].flatten()`, jmespath: "[['a'], ['b', 'c']][]"},
	"join":        {cel: `["a", "b"].join(", ")`, jmespath: "join(', ', ['a', 'b'])"},
	"split":       {cel: `"a,b".split(",")`, jmespath: "split('a,b', ',')"},
	"keys":        {jmespath: "sort(keys({b: `1`, a: `2`}))"},
	"lower":       {cel: `"Mum".lowerAscii()`, jmespath: "lower('Mum')"},
	"upper":       {cel: `"mum".upperAscii()`, jmespath: "upper('mum')"},
	"trim":        {cel: `" a ".trim()`, jmespath: "trim(' a ')"},
	"hasPrefix":   {cel: `"dev-a".startsWith("dev-")`, jmespath: "starts_with('dev-a', 'dev-')"},
	"hasSuffix":   {cel: `"dev-a".endsWith("-a")`, jmespath: "ends_with('dev-a', '-a')"},
	"indexOf":     {cel: `"Zoë@b".indexOf("@")`, jmespath: "find_first('Zoë@b', '@')", jmespathGives: "4"}, // which counts bytes
	"lastIndexOf": {cel: `"a.b.c".lastIndexOf(".")`, jmespath: "find_last('a.b.c', '.')"},
	"replace":     {cel: `"a.b".replace(".", "-")`, jmespath: "replace('a.b', '.', '-')"},
	"string":      {cel: `string(42)`, jmespath: "to_string(`42`)"},
	"int":         {cel: `int("42")`, jmespath: "to_number('42')"},
	"float":       {cel: `double("0.5")`, jmespath: "to_number('0.5')"},
	"firstMatch": {cel: `"admins" in ["ops", "dev-a"] ? "Admin" : ["ops", "dev-a"].exists(x, x.startsWith("dev-")) ? "Editor" : "Viewer"`,
		jmespath: "contains(['ops', 'dev-a'], 'admins') && 'Admin' || ['ops', 'dev-a'][?starts_with(@, 'dev-')] && 'Editor' || 'Viewer'"},
	"groupBy":   {jmespath: "group_by(['dev:a', 'ops:b', 'dev:c'], &split(@, ':')[0])"},
	"fromPairs": {jmespath: "from_items([['a', `1`], ['b', `1`]])"},
	"merge":     {jmespath: "merge({a: `1`, b: `1`}, {b: `2`})"},
	"compact":   {jmespath: "['', null, 'x'][?@]", jmespathGives: `["x"]`}, // of lists alone
	"toJSON":    {jmespath: "to_string({a: ['x']})"},
	"quote":     {cel: `"{" + ["a", "b"].map(x, strings.quote(x)).join(",") + "}"`},
	"has":       {cel: `has({"a": ""}.b)`},
	"default":   {cel: `{"b": ""}.?a.orValue("none")`, jmespath: "{a: ''}.a || 'none'"},
	"type":      {cel: `type({}) == map ? "map" : ""`, jmespath: "type(`{}`)", jmespathGives: `"object"`},
}

// TestTheColumnsOfTheFunctionsPage holds the names that the page gives for other languages against the libraries of these.
func TestTheColumnsOfTheFunctionsPage(t *testing.T) {
	page, err := os.ReadFile("../../examples/rules/FUNCTIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, functions, _ := strings.Cut(string(page), "\n## Functions\n")
	language, err := newCEL()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(functions) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), " | ")
		if len(cells) != 6 || !strings.HasPrefix(line, "| `") {
			continue
		}
		for i := range cells {
			cells[i] = strings.Trim(strings.ReplaceAll(strings.Trim(cells[i], "| \n"), "\x00", "|"), "`")
		}
		function, _, _ := strings.Cut(cells[0], "(")
		e := abroad[function]
		found++
		holds(t, function, "CEL", cells[4], e.cel, cells[3], e.celGives, language.parse)
		holds(t, function, "JMESPath", cells[5], e.jmespath, cells[3], e.jmespathGives, parseJMESPath)
	}
	if found < len(abroad) {
		t.Errorf("only %d functions were found", found)
	}
}

// holds runs an expression with a name of another language.
func holds(t *testing.T, function, language, name, src, ours, theirs string, parse func(string) (original, error)) {
	t.Helper()
	if name == "" && src == "" {
		return
	}
	for _, part := range strings.Fields(strings.NewReplacer("...", " ", "[:n]", "[:", "]", " ", "?@", "? @").Replace(name)) {
		if !strings.Contains(src, part) || src == "" {
			t.Errorf("%s is %s in %s, and the expression for it is %q", function, name, language, src)
		}
	}
	from, err := parse(src)
	if err != nil {
		t.Errorf("%s: %s: %v", function, src, err)
		return
	}
	got, err := from.run(map[string]any{})
	if err != nil {
		t.Errorf("%s: %s: %v", function, src, err)
		return
	}
	var want any
	if theirs == "" {
		theirs = ours
	}
	if err := json.Unmarshal([]byte(theirs), &want); err != nil {
		t.Fatalf("%s: %s: %v", function, theirs, err)
	}
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(plain, want) {
		t.Errorf("%s: %s gives %s in %s, and the page says %s", function, src, raw, language, theirs)
	}
}
