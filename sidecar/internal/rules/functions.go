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
	add("indexOf", indexOf, func(string, string) int { return 0 })
	add("lastIndexOf", lastIndexOf, func(string, string) int { return 0 })
	add("string", toString, func(any) string { return "" })
	add("keys", keys, func(map[string]any) texts { return nil }, func(map[any][]any) texts { return nil })
	add("take", take, func([]any, int) []any { return nil }, func(texts, int) texts { return nil }, func([]map[string]any, int) []map[string]any { return nil },
		func(numbers, int) numbers { return nil }, func(floats, int) floats { return nil })
	add("flatten", flatten, func([]any) []any { return nil }, func([]map[string]any) []any { return nil }, func(texts) []any { return nil })
	add("uniq", uniq, func(texts) texts { return nil }, func(numbers) []any { return nil }, func(floats) []any { return nil }, func([]any) []any { return nil })
	add("sort", sort, func(texts, string) texts { return nil }, func(texts) texts { return nil },
		func(numbers, string) []any { return nil }, func(numbers) []any { return nil },
		func(floats, string) []any { return nil }, func(floats) []any { return nil },
		func([]any, string) []any { return nil }, func([]any) []any { return nil })
	addOwn(table, textFunctions)
	addOwn(table, objectFunctions)
	addOwn(table, presenceFunctions)
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
	case nil:
		return "", nil
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
	return asJSON(args[0]), nil // what may be anything is one in some way
}

func keys(args ...any) (any, error) {
	m := object(args[0])
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

// take is that of expr, for which a negative number of elements is none.
func take(args ...any) (any, error) {
	n, _ := asWhole(args[1])
	list := reflect.ValueOf(args[0])
	return list.Slice(0, int(min(max(n, 0), int64(list.Len())))).Interface(), nil
}

// flattener counts lists and elements: lists that hold the same list twice can be larger than the memory that holds them.
type flattener struct {
	out   []any
	steps int
}

func (f *flattener) add(list any) {
	for _, e := range elements(list) {
		if f.steps++; f.steps > maxList {
			panic(unfitf("a list has more than %d elements", maxList))
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
		key := e
		switch n := e.(type) {
		case int:
			key = float64(n)
		case int64:
			if key = float64(n); int64(float64(n)) != n {
				key = n // no float64 is the same
			}
		}
		if !seen[key] {
			seen[key] = true
			kept = append(kept, e)
		}
	}
	return sameList(args[0], kept), nil
}

func sort(args ...any) (any, error) {
	list := slices.Clone(elements(args[0]))
	down := len(args) == 2 && args[1] == "desc"
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
		panic(failuref("a list is needed, and this is %s", kindOf(v)))
	}
	if l.Len() > maxList {
		panic(unfitf("a list has more than %d elements", maxList))
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
		panic(failuref("a string is needed, and this is %s", kindOf(v)))
	}
	return s
}
