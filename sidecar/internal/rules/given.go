package rules

import (
	"math"
	"math/bits"
	"reflect"
	"strconv"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"
)

// The functions and operators of expr say of a value that does not fit as much as a Go program does, and integers that do not fit become
// others. So what they are given is looked at before.

// wants tells what the arguments of a function of expr must be; the last goes on.
func wants(name string) []argument {
	switch name {
	case "lower", "upper", "trim", "hasPrefix", "hasSuffix", "replace", "indexOf", "lastIndexOf":
		return []argument{aText}
	case "split":
		return []argument{aText, aText, aWhole}
	case "len":
		return []argument{aSize}
	case "first", "last":
		return nil
	case "concat", "reverse", "flatten", "uniq":
		return []argument{aList}
	case "take":
		return []argument{aList, aWhole}
	case "join":
		return []argument{aList, aText}
	case "sort":
		return []argument{aList, anOrder}
	case "keys":
		return []argument{anObject}
	case "int", "float":
		return []argument{aNumber}
	}
	return nil
}

// arguments puts givenOp around what a function is given.
func (i *instrument) arguments(name string, args []ast.Node) {
	want := wants(name)
	if name == "sortBy" && len(args) == 3 {
		args[2] = wrap(&givenOp{name, anOrder}, args[2])
	}
	if want == nil {
		return
	}
	for j, arg := range args {
		switch arg.(type) {
		case *ast.IntegerNode, *ast.ArrayNode, *ast.MapNode:
			continue
		}
		args[j] = wrap(&givenOp{name, want[min(j, len(want)-1)]}, arg)
	}
}

// givenOp goes around an argument.
type givenOp struct {
	name string
	want argument
}

func (o *givenOp) eval(_ *run, arg any) any {
	if _, isText := arg.(string); isText && o.want == anOrder && !o.want.holds(arg) {
		panic(failuref("%s needs %s, and this text is neither", o.name, o.want))
	}
	if !o.want.holds(arg) {
		panic(failuref("%s needs %s, and this is %s", o.name, o.want, kindOf(arg)))
	}
	if o.name == "float" {
		exact(arg)
	}
	if s, ok := arg.(string); ok && o.want == aNumber && !numeric(o.name, s) {
		panic(unfitf("%s needs a number, and this text is none", o.name))
	}
	return arg
}

func numeric(name, s string) bool {
	var err error
	if name == "int" {
		_, err = strconv.Atoi(s)
	} else {
		_, err = strconv.ParseFloat(s, 64)
	}
	return err == nil
}

// holds reports whether a value is what is wanted. What is in a list is looked at where it is used.
func (a argument) holds(v any) bool {
	kind := kindOf(v)
	switch a {
	case aText:
		return kind == "a string"
	case theTexts, aList:
		return kind == "a list"
	case oneOrMore:
		return kind == "a string" || kind == "a list"
	case aTable, aTableOfLists, anObject:
		return kind == "an object"
	case aSize:
		return kind == "a string" || kind == "a list" || kind == "an object"
	case aWhole:
		_, whole := asWhole(v)
		return whole
	case anOrder:
		return v == "asc" || v == "desc"
	case aNumber:
		return kind == "a number" || kind == "a string"
	}
	return true
}

func asWhole(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	}
	return 0, false
}

// arithmetic is an operator between numbers. Integers that do not fit into 64 bits are failures.
type arithmetic struct{ operator string }

// operands are what an operator stands between.
type operands struct{ left, right any }

func pair(left, right any) any { return operands{left, right} }

func (o *arithmetic) eval(_ *run, arg any) any {
	a, b := arg.(operands).left, arg.(operands).right
	x, y := kindOf(a), kindOf(b)
	if (x != "a number" || y != "a number") && (o.operator != "+" || x != "a string" || y != "a string") {
		panic(failuref("%s does not go between %s and %s", o.operator, x, y))
	}
	left, isWhole := asWhole(a)
	right, isToo := asWhole(b)
	whole := isWhole && isToo
	if zero := reflect.ValueOf(b).IsZero(); zero && (o.operator == "/" || o.operator == "%") {
		panic(unfitf("division by zero"))
	}
	if whole && overflows(o.operator, left, right) {
		panic(unfitf("the number does not fit into 64 bits"))
	}
	if !whole || o.operator == "/" || o.operator == "**" { // made of two float64
		exact(a)
		exact(b)
	}
	switch o.operator {
	case "+":
		return runtime.Add(a, b)
	case "-":
		return runtime.Subtract(a, b)
	case "*":
		return runtime.Multiply(a, b)
	case "/":
		return runtime.Divide(a, b)
	case "%":
		if !whole {
			panic(failuref("%% goes between two integers"))
		}
		return runtime.Modulo(a, b)
	}
	f := runtime.Exponent(a, b)
	if math.IsInf(f, 0) || math.IsNaN(f) {
		panic(unfitf("the number does not fit into 64 bits"))
	}
	return f
}

// exact fails for an integer that is another one as a float64.
func exact(v any) {
	if n, whole := asWhole(v); whole && !sameFloat(n, float64(n)) {
		panic(unfitf("the integer has more digits than a number with a fraction can hold"))
	}
}

// sameFloat reports whether an integer and a float64 are the same number.
func sameFloat(n int64, f float64) bool {
	return f >= -1<<63 && f < 1<<63 && f == math.Trunc(f) && int64(f) == n
}

func overflows(operator string, a, b int64) bool {
	switch operator {
	case "+":
		return (a+b > a) != (b > 0) && b != 0
	case "-":
		return (a-b < a) != (b > 0) && b != 0
	case "*":
		hi, lo := bits.Mul64(magnitude(a), magnitude(b))
		limit := uint64(math.MaxInt64)
		if (a < 0) != (b < 0) {
			limit++
		}
		return hi != 0 || lo > limit
	}
	return false
}

// endOp goes around the ends of a range. The machine counts what it holds.
type endOp struct{}

func (*endOp) eval(_ *run, arg any) any {
	n, whole := asWhole(arg)
	if !whole {
		panic(failuref(".. goes between two integers, and this is %s", kindOf(arg)))
	}
	if magnitude(n) > 1<<53 {
		panic(unfitf("the number is too large for .."))
	}
	return arg
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

// negateOp goes around what a minus stands before.
type negateOp struct{}

func (*negateOp) eval(_ *run, arg any) any {
	if kindOf(arg) != "a number" {
		panic(failuref("- does not go before %s", kindOf(arg)))
	}
	if n, whole := asWhole(arg); whole && n == math.MinInt64 {
		panic(unfitf("the number does not fit into 64 bits"))
	}
	return arg
}
