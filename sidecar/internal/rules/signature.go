package rules

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

// argument says what an argument of a function, or its result, may be.
type argument int

const (
	anything       argument = iota
	aBool                   // true or false
	aWhole                  // an integer
	aText                   // a string
	theTexts                // a list of strings
	oneOrMore               // a string or a list of strings; as a result: what the first argument is
	aTable                  // an object with strings
	aTableOfLists           // an object with strings and lists of strings
	aList                   // a list of anything
	aSize                   // what has a length
	anObject                // an object of anything
	anOrder                 // asc or desc
	aNumber                 // a number, or text that is one
	aPattern                // made by patternArgs of a constant
	theFirst                // as a result: the type of the first argument
	valueOfPattern          // as a result: the type of the values of patterns
	either                  // as a result: the type of both arguments
)

// function is one of our own, with types.
type function struct {
	args  []argument // that it must have
	more  []argument // that may follow, again and again
	gives argument
	do    func(args []any) any
}

// ownFunction finds a function over texts or objects.
func ownFunction(name string) (function, bool) {
	if f, ok := textFunctions[name]; ok {
		return f, true
	}
	f, ok := objectFunctions[name]
	return f, ok
}

// addOwn adds the functions with types of their own.
func addOwn(table conf.FunctionsTable, functions map[string]function) {
	for name, f := range functions {
		table[name] = &builtin.Function{
			Name:     name,
			Func:     func(args ...any) (any, error) { return f.do(args), nil },
			Validate: func(args []reflect.Type) (reflect.Type, error) { return f.check(name, args) },
		}
	}
}

// want tells what the argument at i of n must be.
func (f function) want(i, n int) argument {
	switch {
	case i < len(f.args):
		return f.args[i]
	case f.gives == valueOfPattern && i == n-1:
		return anything
	}
	return f.more[(i-len(f.args))%len(f.more)]
}

// argumentError is about one argument of a call. Its place is found by package expr's, which is that of the call.
const argumentError = "argument %d: "

// check looks at what is known of the types of arguments and tells the type of the result.
func (f function) check(name string, args []reflect.Type) (reflect.Type, error) {
	switch {
	case len(args) < len(f.args):
		return nil, fmt.Errorf("%s needs more arguments", name)
	case len(args) > len(f.args) && f.more == nil:
		return nil, fmt.Errorf("%s needs fewer arguments", name)
	}
	for i, arg := range args {
		if want := f.want(i, len(args)); !want.admits(arg) {
			got := "nil"
			if arg != nil {
				got = plainType(arg.String())
			}
			return nil, fmt.Errorf(argumentError+"%s needs %s, not %s", i, name, want, got)
		}
	}
	return f.result(args), nil
}

// placeArgument moves an error about one argument of a call to where the argument stands.
func placeArgument(src string, root ast.Node, call file.Location, e *Error) {
	var i int
	if _, err := fmt.Sscanf(e.Message, argumentError, &i); err != nil {
		return
	}
	e.Message = strings.TrimPrefix(e.Message, fmt.Sprintf(argumentError, i))
	found := ast.Find(root, func(n ast.Node) bool {
		c, ok := n.(*ast.CallNode)
		return ok && c.Location() == call && i < len(c.Arguments)
	})
	if c, ok := found.(*ast.CallNode); ok {
		e.Offset = byteOffset(src, c.Arguments[i].Location().From)
	}
}

func (f function) result(args []reflect.Type) reflect.Type {
	unknown := reflect.TypeFor[any]()
	switch f.gives {
	case aBool:
		return reflect.TypeFor[bool]()
	case aWhole:
		return reflect.TypeFor[int64]()
	case aText:
		return reflect.TypeFor[string]()
	case theTexts:
		return reflect.TypeFor[[]string]()
	case anObject:
		return reflect.TypeFor[map[string]any]()
	case oneOrMore:
		if args[0].Kind() == reflect.Slice {
			return reflect.TypeFor[[]string]()
		}
		return args[0]
	case either, valueOfPattern:
		values := args
		if f.gives == valueOfPattern {
			values = nil
			for i := 2; i < len(args); i += 2 {
				values = append(values, args[i])
			}
			values = append(values, args[len(args)-1])
		}
		for _, v := range values {
			if v != values[0] {
				return unknown
			}
		}
		if values[0] == nil {
			return unknown
		}
		return values[0]
	}
	if args[0] == nil {
		return unknown
	}
	return args[0]
}

// admits reports whether a type can be what is wanted; nil is that of nil.
func (a argument) admits(t reflect.Type) bool {
	if a == anything {
		return true
	}
	if t == nil {
		return false
	}
	if t.Kind() == reflect.Interface {
		return a != aPattern
	}
	list := t.Kind() == reflect.Slice
	switch a {
	case aText:
		return t.Kind() == reflect.String
	case theTexts:
		return list
	case oneOrMore:
		return list || t.Kind() == reflect.String
	case aTable, aTableOfLists, anObject:
		return t.Kind() == reflect.Map
	case aList:
		return list
	case aPattern:
		return t == reflect.TypeFor[pattern]()
	}
	return false
}

// String names what is wanted, for messages.
func (a argument) String() string {
	switch a {
	case aText:
		return "a string"
	case theTexts:
		return "a list of strings"
	case oneOrMore:
		return "a string or a list of strings"
	case aList:
		return "a list"
	case aWhole:
		return "an integer"
	case aSize:
		return "a string, a list or an object"
	case anOrder:
		return `the order "asc" or "desc"`
	case anObject:
		return "an object"
	case aNumber:
		return "a number"
	case aTable:
		return "an object of strings"
	case aTableOfLists:
		return "an object of strings and lists of strings"
	}
	return "something else"
}

// elementsOf finds arguments whose elements are known not to be what is wanted. The checker of expr forgets them.
type elementsOf struct {
	src   string
	wrong *Error
}

// Visit is called by ast.Walk.
func (v *elementsOf) Visit(p *ast.Node) {
	n, ok := (*p).(*ast.CallNode)
	if !ok || v.wrong != nil {
		return
	}
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return
	}
	if args := n.Arguments; callee.Value == "string" && composed(args[0]) != nil {
		v.wrong = &Error{
			Offset:  byteOffset(v.src, args[0].Location().From),
			Message: "only a string, a number or a boolean can be made a string, not " + describe(composed(args[0])), Hint: "toJSON(x) writes any value as text",
		}
		return
	}
	f, ok := ownFunction(callee.Value)
	if !ok {
		return
	}
	for i, arg := range n.Arguments {
		if at := misfit(arg, f.want(i, len(n.Arguments))); at != nil {
			v.wrong = &Error{
				Offset:  byteOffset(v.src, at.Location().From),
				Message: fmt.Sprintf("%s needs %s, not %s", callee.Value, f.want(i, len(n.Arguments)), describeArgument(at)),
			}
			return
		}
	}
}

func describeArgument(n ast.Node) string {
	if isTable(n) {
		return "a table with lists in it"
	}
	return describeAs(n, manyTexts)
}

// composed returns the part of an expression because of which it may be a list or an object.
func composed(n ast.Node) ast.Node {
	for _, p := range alternatives(n) {
		if found := composed(p); found != nil {
			return found
		}
	}
	if unknownType(n.Nature()) || scalar(n) {
		return nil
	}
	return n
}

var (
	oneText   = &facts.Type{Kind: facts.String}
	manyTexts = &facts.Type{Kind: facts.List, Elem: oneText}
)

// misfit returns the part of an argument that cannot be what is wanted.
func misfit(n ast.Node, want argument) ast.Node {
	switch want {
	case theTexts, oneOrMore:
		if n.Nature().IsArray() && !elementsFit(n, oneText) {
			return n
		}
	case aTable, aTableOfLists:
		if o, ok := opOf(n).(*tableOp); ok && want == aTable && o.table.hasLists() {
			return n
		}
		table, ok := n.(*ast.MapNode)
		if !ok {
			return nil
		}
		for _, pair := range table.Pairs {
			value := pair.(*ast.PairNode).Value
			if !fits(value, oneText) && (want == aTable || !fits(value, manyTexts)) {
				return value
			}
		}
	}
	return nil
}
