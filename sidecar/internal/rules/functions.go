package rules

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/vm/runtime"
)

// Function is a function that expressions may call. No other is available.
type Function struct {
	Name      string
	Signature string
	Doc       string
	Example   string // an expression without variables
	Result    string // its value as JSON
}

// Functions returns all functions, for the documentation.
func Functions() []Function { return slices.Clone(functions) }

// functions is the allow-list. The functions of package expr that are not on it are off: they leak the clock, surprise, or
// can grow without bound. Those of ownFunctions replace expr's.
var functions = []Function{
	{"all", "all(list, test)", "whether the test holds for each element, which is called #", `all(["a", "ab"], # startsWith "a")`, `true`},
	{"any", "any(list, test)", "whether the test holds for some element", `any(["a", "b"], # == "b")`, `true`},
	{"none", "none(list, test)", "whether the test holds for no element", `none(["a", "b"], # == "c")`, `true`},
	{"one", "one(list, test)", "whether the test holds for exactly one element", `one(["a", "b"], # == "b")`, `true`},
	{"count", "count(list, test)", "for how many elements the test holds", `count([1, 2, 3], # > 1)`, `2`},
	{"filter", "filter(list, test)", "the elements for which the test holds", `filter(["dev-a", "ops"], # startsWith "dev-")`, `["dev-a"]`},
	{"map", "map(list, value)", "the value for each element", `map(["a", "b"], "nas:" + #)`, `["nas:a","nas:b"]`},
	{"find", "find(list, test)", "the first element for which the test holds, or nil", `find(["a", "ab"], # endsWith "b")`, `"ab"`},
	{"findLast", "findLast(list, test)", "the last element for which the test holds, or nil", `findLast([1, 2, 3], # < 3)`, `2`},
	{"findIndex", "findIndex(list, test)", "the place of the first such element, from 0, or nil", `findIndex(["a", "b"], # == "b")`, `1`},
	{"findLastIndex", "findLastIndex(list, test)", "the place of the last such element, or nil", `findLastIndex([1, 2, 1], # == 1)`, `2`},
	{"sortBy", "sortBy(list, value, order)", `the list sorted by a value; order is "asc" or "desc"`, `sortBy(["bb", "a"], len(#))`, `["a","bb"]`},
	{"len", "len(x)", "the number of elements, or of characters", `len("Jörg")`, `4`},
	{"first", "first(list)", "the first element, or nil", `first(["a", "b"])`, `"a"`},
	{"last", "last(list)", "the last element, or nil", `last(["a", "b"])`, `"b"`},
	{"take", "take(list, n)", "the first n elements", `take(["a", "b", "c"], 2)`, `["a","b"]`},
	{"concat", "concat(list, list, ...)", "the lists one after the other", `concat(["a"], ["b"])`, `["a","b"]`},
	{"reverse", "reverse(list)", "the list from the end", `reverse([1, 2])`, `[2,1]`},
	{"sort", "sort(list, order)", `the list sorted; order is "asc" or "desc"`, `sort(["b", "a"])`, `["a","b"]`},
	{"uniq", "uniq(list)", "the list without repetitions; its elements are strings, numbers or booleans", `uniq(["a", "b", "a"])`, `["a","b"]`},
	{"flatten", "flatten(list)", "the elements of the lists in a list", `flatten([["a"], ["b", "c"]])`, `["a","b","c"]`},
	{"join", "join(list, between)", "the strings of a list as one", `join(["a", "b"], ", ")`, `"a, b"`},
	{"split", "split(string, at, n)", "the parts of a string; at most n where n is given", `split("a,b", ",")`, `["a","b"]`},
	{"keys", "keys(object)", "the names of an object's members, sorted", `keys({b: 1, a: 2})`, `["a","b"]`},
	{"lower", "lower(string)", "the string in lower case", `lower("Mum")`, `"mum"`},
	{"upper", "upper(string)", "the string in upper case", `upper("mum")`, `"MUM"`},
	{"trim", "trim(string, characters)", "the string without spaces, or those characters, at both ends", `trim(" a ")`, `"a"`},
	{"trimPrefix", "trimPrefix(string, prefix)", "the string without the prefix", `trimPrefix("dev-a", "dev-")`, `"a"`},
	{"trimSuffix", "trimSuffix(string, suffix)", "the string without the suffix", `trimSuffix("a@example.org", "@example.org")`, `"a"`},
	{"hasPrefix", "hasPrefix(string, prefix)", "the same as startsWith", `hasPrefix("dev-a", "dev-")`, `true`},
	{"hasSuffix", "hasSuffix(string, suffix)", "the same as endsWith", `hasSuffix("dev-a", "-a")`, `true`},
	{"indexOf", "indexOf(string, part)", "where the part begins, in bytes from 0, or -1", `indexOf("a@b", "@")`, `1`},
	{"lastIndexOf", "lastIndexOf(string, part)", "where the part begins for the last time, or -1", `lastIndexOf("a.b.c", ".")`, `3`},
	{"replace", "replace(string, old, new)", "the string with each old replaced by new", `replace("a.b", ".", "-")`, `"a-b"`},
	{"string", "string(x)", "a string, number or boolean as string", `string(42)`, `"42"`},
	{"int", "int(x)", "a number, or a string that is one, as integer", `int("42")`, `42`},
	{"float", "float(x)", "a number, or a string that is one, as number", `float("0.5")`, `0.5`},
	{"type", "type(x)", "nil, bool, int, float, string, array or map", `type({})`, `"map"`},
}

// unavailable tells why functions of expr are off that people look for.
func unavailable(name string) string {
	switch name {
	case "now", "date", "duration", "timezone":
		return "rules cannot read the clock: they could not be tested"
	case "get":
		return "write x?.y, or x ?? y for what may be missing"
	case "toJSON", "fromJSON":
		return "a claim can be any JSON value as it is"
	case "repeat":
		return "strings could grow without bound"
	}
	return ""
}

func functionNames() []string {
	names := make([]string, len(functions))
	for i, f := range functions {
		names[i] = f.Name
	}
	return names
}

func functionKnown(name string) bool {
	return slices.ContainsFunc(functions, func(f Function) bool { return f.Name == name })
}

// ownFunctions returns the functions that replace expr's, because those grow without bound, are quadratic, or are wrong for
// some type of list.
func ownFunctions() conf.FunctionsTable {
	table := conf.FunctionsTable{}
	add := func(name string, fn func(args ...any) (any, error), types ...any) {
		f := &builtin.Function{Name: name, Func: fn}
		for _, t := range types {
			f.Types = append(f.Types, reflect.TypeOf(t))
		}
		table[name] = f
	}
	type (
		texts   = []string
		numbers = []int64
		floats  = []float64
	)
	// Of a call that fits none, the last type is what the error is about.
	add("join", join, func([]any) string { return "" }, func(texts) string { return "" },
		func([]any, string) string { return "" }, func(texts, string) string { return "" })
	add("replace", replace, func(string, string, string) string { return "" })
	add("string", toString, func(any) string { return "" })
	add("keys", keys, func(map[string]any) texts { return nil })
	add("flatten", flatten, func([]any) []any { return nil }, func([]map[string]any) []any { return nil }, func(texts) []any { return nil })
	add("uniq", uniq, func(texts) texts { return nil }, func(numbers) []any { return nil }, func(floats) []any { return nil }, func([]any) []any { return nil })
	add("sort", sort, func(texts, string) texts { return nil }, func(texts) texts { return nil },
		func(numbers, string) []any { return nil }, func(numbers) []any { return nil },
		func(floats, string) []any { return nil }, func(floats) []any { return nil },
		func([]any, string) []any { return nil }, func([]any) []any { return nil })
	return table
}

func join(args ...any) (any, error) {
	between := ""
	if len(args) == 2 {
		between = text(args[1])
	}
	list := elements(args[0])
	parts := make([]string, len(list))
	size := 0
	for i, e := range list {
		parts[i] = text(e)
		size += len(parts[i]) + len(between)
		checkString(size)
	}
	return strings.Join(parts, between), nil
}

func replace(args ...any) (any, error) {
	s, from, to := text(args[0]), text(args[1]), text(args[2])
	if len(to) > len(from) {
		checkString(len(s) + strings.Count(s, from)*(len(to)-len(from)))
	}
	return strings.ReplaceAll(s, from, to), nil
}

func toString(args ...any) (any, error) {
	switch v := args[0].(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	return nil, failuref("only a string, a number or a boolean can be made a string")
}

func keys(args ...any) (any, error) {
	m, ok := args[0].(map[string]any)
	if !ok {
		return nil, failuref("an object is missing")
	}
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

func flatten(args ...any) (any, error) {
	f := flattener{out: []any{}}
	f.add(args[0])
	return f.out, nil
}

// flattener counts lists and elements: lists that hold the same list twice can be larger than the memory that holds them.
type flattener struct {
	out   []any
	steps int
}

func (f *flattener) add(list any) {
	for _, e := range elements(list) {
		if f.steps++; f.steps > maxList {
			panic(failuref("a list has more than %d elements", maxList))
		}
		if reflect.ValueOf(e).Kind() == reflect.Slice {
			f.add(e)
		} else {
			f.out = append(f.out, e)
		}
	}
}

func uniq(args ...any) (any, error) {
	list := elements(args[0])
	seen := make(map[any]bool, len(list))
	kept := make([]any, 0, len(list))
	for _, e := range list {
		if kind := reflect.ValueOf(e).Kind(); kind == reflect.Slice || kind == reflect.Map {
			return nil, failuref("uniq goes through strings, numbers and booleans only")
		}
		if i, ok := e.(int); ok {
			e = int64(i)
		}
		if !seen[e] {
			seen[e] = true
			kept = append(kept, e)
		}
	}
	return sameList(args[0], kept), nil
}

func sort(args ...any) (any, error) {
	list := slices.Clone(elements(args[0]))
	down := false
	if len(args) == 2 {
		switch text(args[1]) {
		case "asc":
		case "desc":
			down = true
		default:
			return nil, failuref(`an order is "asc" or "desc"`)
		}
	}
	slices.SortStableFunc(list, func(a, b any) int {
		if down {
			a, b = b, a
		}
		switch {
		case runtime.Less(a, b):
			return -1
		case runtime.Less(b, a):
			return 1
		}
		return 0
	})
	return sameList(args[0], list), nil
}

// sameList returns list as []string where was is one.
func sameList(was any, list []any) any {
	if _, ok := was.([]string); !ok {
		return list
	}
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = e.(string)
	}
	return texts
}

// elements returns the elements of a list, of which there may be maxList.
func elements(v any) []any {
	if l, ok := v.([]any); ok && len(l) <= maxList {
		return l
	}
	l := reflect.ValueOf(v)
	if l.Kind() != reflect.Slice {
		panic(failuref("a list is missing"))
	}
	if l.Len() > maxList {
		panic(failuref("a list has more than %d elements", maxList))
	}
	out := make([]any, l.Len())
	for i := range out {
		out[i] = l.Index(i).Interface()
	}
	return out
}

func text(v any) string {
	s, ok := v.(string)
	if !ok {
		panic(failuref("a string is missing"))
	}
	return s
}
