package rules

import (
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/vm/runtime"
)

// The machine of expr cuts a string between bytes, and takes a byte of one for an element. Here a string is a row of characters.

// slice makes a slice of a string one of its characters; one of a list is left as it is.
func (i *instrument) slice(p *ast.Node, n *ast.SliceNode) {
	if n.Node.Nature().IsArray() {
		return
	}
	at := n.Location()
	ends := [...]ast.Node{n.From, n.To}
	for i, end := range ends {
		if end == nil {
			ends[i] = constant(at, noEnd{})
		} else {
			ends[i] = wrap(&givenOp{"x[a:b]", aWhole}, end)
		}
	}
	to := callNode(at, fnTo, callType, nature.Nature{}, n.Node, ends[1])
	*p = callNode(at, fnFrom, callType, *n.Nature(), to, ends[0])
}

// element makes an element that there is not nil, as first and last do.
func (i *instrument) element(p *ast.Node, n *ast.MemberNode) {
	at := n.Node.Location()
	table := isTable(n.Node)
	n.Node = lookedUp(n.Node)
	if n.Optional && !table { // it ends what is read of it too
		n.Node = callNode(at, fnHaving, callType, *n.Node.Nature(), n.Node, n.Property)
		return
	}
	*p = callNode(at, fnAt, callType, *n.Nature(), n.Node, n.Property)
}

// having is a list or an object that has an element; else nil.
func having(value, place any) any {
	if value == nil || elementAt(value, place) == nil {
		return nil
	}
	return value
}

// elementAt is the x[place] of expr.
func elementAt(value, place any) any {
	if kindOf(value) == "an object" {
		name, ok := place.(string)
		if !ok {
			panic(failuref("fields of an object are read by name, not by %s", kindOf(place)))
		}
		found, _ := entry(value, name)
		return found
	}
	if _, ok := value.(string); ok {
		panic(failuref("a list is needed, and this is a string: write x[0:1] for a character"))
	}
	list := reflect.ValueOf(value)
	if list.Kind() != reflect.Slice {
		panic(failuref("a list or an object is needed, and this is %s", kindOf(value)))
	}
	if k := kindOf(place); k != "a number" {
		panic(failuref("elements of a list are read by number, not by %s", k))
	}
	n := runtime.ToInt(place)
	if n < 0 {
		n += list.Len()
	}
	if n < 0 || n >= list.Len() {
		return nil
	}
	return list.Index(n).Interface()
}

// noEnd stands for what a slice does not say, as in x[1:].
type noEnd struct{}

// sliced is a value that is to be cut, and where.
type sliced struct{ value, to any }

func sliceTo(value, to any) any { return sliced{value, to} }

// sliceFrom is the x[from:to] of expr, in characters where x is a string. It copies nothing.
func (r *run) sliceFrom(c, from any) any {
	value, to := c.(sliced).value, c.(sliced).to
	s, isString := value.(string)
	length := 0
	if isString {
		length = r.measure(s)
	} else if list := reflect.ValueOf(value); list.Kind() == reflect.Slice {
		length = list.Len()
	} else {
		panic(failuref("only a list or a string can be cut, and this is %s", kindOf(value)))
	}
	if from == (noEnd{}) {
		from = 0
	}
	if to == (noEnd{}) {
		to = length
	}
	if !isString {
		return runtime.Slice(value, from, to)
	}
	a, b := within(runtime.ToInt(from), length), within(runtime.ToInt(to), length)
	if a >= b {
		return ""
	}
	if length == len(s) {
		return s[a:b]
	}
	r.steps(len(s) / perStep)
	begin := byteOffset(s, a)
	return s[begin : begin+byteOffset(s[begin:], b-a)]
}

// measure counts characters, and remembers the last count: a loop that cuts one string counts once.
func (r *run) measure(s string) int {
	if r.measured != s {
		r.steps(len(s) / perStep)
		r.measured, r.characters = s, utf8.RuneCountInString(s)
	}
	return r.characters
}

// within is a place in something of a length. A negative one counts from the end.
func within(i, length int) int {
	if i < 0 {
		i += length
	}
	return min(max(i, 0), length)
}

// elementOp goes around what first and last look at: it must be a list, or nil.
type elementOp struct{}

func (*elementOp) eval(_ *run, arg any) any {
	if _, ok := arg.(string); ok {
		panic(failuref("a list is needed, and this is a string: write x[0:1] for a character"))
	}
	if arg != nil && reflect.ValueOf(arg).Kind() != reflect.Slice {
		panic(failuref("a list is needed, and this is %s", kindOf(arg)))
	}
	return arg
}

// kindOf names the type of a value.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case int, int64, float64:
		return "a number"
	case map[string]any, *Table:
		return "an object"
	}
	return "a list"
}

// place is a function that finds where a part begins.
func place(find func(s, part string) int) func(args ...any) (any, error) {
	return func(args ...any) (any, error) {
		s := text(args[0])
		if at := find(s, text(args[1])); at >= 0 {
			return utf8.RuneCountInString(s[:at]), nil
		}
		return -1, nil
	}
}

var (
	indexOf     = place(strings.Index)
	lastIndexOf = place(strings.LastIndex)
)
