package rules

import (
	"fmt"

	"github.com/expr-lang/expr/ast"
)

// certain finds where a value has to be of a type that it may not have. The checker of expr lets pass what it does not know; what fails for
// that when it runs would fail for a reason that stands in the file.
type certain struct {
	src   string
	c     *Compiler
	lets  []bound
	elems []shape           // of the lists that predicates go through
	nils  map[ast.Node]bool // parts that may be nil
	wrong *Error
}

// bound is a variable of let.
type bound struct {
	name string
	shape
}

// types checks an expression, of which a result is wanted; fits looks at what is known of that.
func (c *Compiler) types(src string, root ast.Node, nils map[ast.Node]bool, want need, fits func(shape) *Error) *Error {
	v := &certain{src: src, c: c, nils: nils}
	result := v.of(root)
	wrong := fits(result)
	if wrong == nil && result.hollow() {
		wrong = &Error{Message: "a member or an element may be null", Hint: "compact(x) leaves out what is not there"}
	}
	if c.known == nil || c.loose || want == loose {
		return nil
	}
	if v.wrong == nil && wrong != nil {
		wrong.Offset = byteOffset(src, root.Location().From)
		return wrong
	}
	return v.wrong
}

// anyShape is for an expression whose result may be anything.
func anyShape(shape) *Error { return nil }

// noun names kinds, for messages.
func (k kinds) noun() string {
	switch k {
	case kindText:
		return "a string"
	case kindBool:
		return "true or false"
	case kindInt:
		return "an integer"
	case kindFloat, kindNumber:
		return "a number"
	case kindList:
		return "a list"
	case kindObject:
		return "an object"
	case kindList | kindObject:
		return "a list or an object"
	case kindText | kindList:
		return "a string or a list"
	case kindText | kindNumber:
		return "a number, or a string that is one"
	case kindText | kindList | kindObject:
		return "a string, a list or an object"
	case kindText | kindBool | kindNumber:
		return "a string, a number or a boolean"
	}
	return "something else"
}

// hint says how to make a value one of some kinds.
func (k kinds) hint() string {
	switch {
	case k&kindText != 0:
		return "string(x) makes a string of any value"
	case k == kindBool:
		return "write x == true"
	case k&kindNumber != 0:
		return "int(string(x)) makes a number of what is written as one"
	case k&kindList != 0:
		return "flatten([x]) makes a list of any value"
	}
	return "an object is known where it comes from a schema, from { }, merge, groupBy or fromPairs"
}

const textsHint = "map(flatten([x]), string(it)) makes a list of strings of any value"

// need reports a value that may not be of some kinds; who wants it.
func (v *certain) need(n ast.Node, got shape, k kinds, who string) {
	if odd := got.kinds &^ k &^ kindNil; odd != 0 && v.wrong == nil {
		v.wrong = &Error{Offset: byteOffset(v.src, n.Location().From), Message: fmt.Sprintf("%s needs %s, and this %s", who, k.noun(), may(odd, got.kinds&^kindNil)), Hint: k.hint()}
	}
}

// may says what else a value may be.
func may(odd, all kinds) string {
	for _, one := range []kinds{kindNumber, kindText, kindBool, kindList, kindObject} {
		if odd&^one != 0 {
			continue
		}
		if all&^one == 0 {
			return "is " + odd.noun()
		}
		return "may be " + odd.noun()
	}
	return "may be anything"
}

// texts reports a list that may hold something else than strings.
func (v *certain) texts(n ast.Node, got shape, who string) {
	if e := got.element().only(kindAny); e.kinds&^kindText != 0 && v.wrong == nil {
		v.wrong = &Error{Offset: byteOffset(v.src, n.Location().From), Message: fmt.Sprintf("%s needs a list of strings, and an element of this %s", who, may(e.kinds&^kindText, e.kinds)), Hint: textsHint}
	}
}

// sorted reports what cannot be put in an order: strings among themselves, and numbers.
func (v *certain) sorted(n ast.Node, got shape, who string) {
	got = got.only(kindAny)
	if got.kinds&^kindText != 0 && got.kinds&^kindNumber != 0 && v.wrong == nil {
		v.wrong = &Error{Offset: byteOffset(v.src, n.Location().From), Message: who + " needs numbers, or strings, and these may be something else", Hint: "string(x) makes a string of any value"}
	}
}

// of goes through an expression and tells its shape. A nil that is written down is meant.
func (v *certain) of(n ast.Node) shape {
	s := v.shape(n)
	_, element := n.(*ast.PointerNode)
	if _, written := n.(*ast.NilNode); !element {
		s.kinds &^= kindNil
		if v.nils[n] && !written {
			s.kinds |= kindNil
		}
	}
	return s
}

func (v *certain) shape(n ast.Node) shape {
	switch n := n.(type) {
	case *ast.NilNode:
		return shape{}
	case *ast.StringNode:
		return of(kindText)
	case *ast.IntegerNode:
		return of(kindInt)
	case *ast.FloatNode:
		return of(kindFloat)
	case *ast.BoolNode:
		return of(kindBool)
	case *ast.IdentifierNode:
		for i := len(v.lets) - 1; i >= 0; i-- {
			if v.lets[i].name == n.Value {
				return v.lets[i].shape
			}
		}
	case *ast.PointerNode:
		if n.Name == "" && len(v.elems) > 0 {
			return v.elems[len(v.elems)-1]
		}
	case *ast.UnaryNode:
		got := v.of(n.Node)
		if n.Operator == "not" || n.Operator == "!" {
			v.need(n.Node, got, kindBool, n.Operator)
			return of(kindBool)
		}
		v.need(n.Node, got, kindNumber, n.Operator)
		return got.only(kindNumber)
	case *ast.BinaryNode:
		return v.binary(n)
	case *ast.ChainNode:
		return v.of(n.Node)
	case *ast.MemberNode:
		return v.member(n)
	case *ast.SliceNode:
		got := v.of(n.Node)
		v.need(n.Node, got, kindText|kindList, "x[a:b]")
		for _, end := range []ast.Node{n.From, n.To} {
			if end != nil {
				v.need(end, v.of(end), kindInt, "x[a:b]")
			}
		}
		got.items = nil
		return got.only(kindText | kindList)
	case *ast.ConditionalNode:
		v.need(n.Cond, v.of(n.Cond), kindBool, "a condition")
		return v.of(n.Exp1).or(v.of(n.Exp2))
	case *ast.SequenceNode:
		var last shape
		for _, part := range n.Nodes {
			last = v.of(part)
		}
		return last
	case *ast.VariableDeclaratorNode:
		v.lets = append(v.lets, bound{n.Name, v.of(n.Value)})
		defer func() { v.lets = v.lets[:len(v.lets)-1] }()
		return v.of(n.Expr)
	case *ast.ArrayNode:
		out := listOf(shape{})
		var items []shape
		for _, e := range n.Nodes {
			items = append(items, v.of(e))
			out = out.or(listOf(items[len(items)-1]))
		}
		if len(items) == 2 {
			out.items = items
		}
		return out
	case *ast.MapNode:
		return v.object(n)
	case *ast.PredicateNode:
		return v.of(n.Node)
	case *ast.BuiltinNode:
		return v.call(n, n.Name, n.Arguments)
	case *ast.CallNode:
		if o := opOf(n); o != nil {
			return v.c.opShape(o, n)
		}
		if name := calleeOf(n); name != fnCall {
			return v.call(n, name, n.Arguments)
		}
		v.need(n.Arguments[1], v.of(n.Arguments[1]), kindText, "claims[x]")
		return of(kindAny)
	}
	return natureShape(n.Nature())
}

func (v *certain) object(n *ast.MapNode) shape {
	out := shape{kinds: kindObject, members: map[string]*shape{}, rest: &shape{}}
	for _, p := range n.Pairs {
		pair := p.(*ast.PairNode)
		value := v.of(pair.Value)
		if key, ok := pair.Key.(*ast.StringNode); ok {
			out.members[key.Value] = &value
			continue
		}
		v.need(pair.Key, v.of(pair.Key), kindText, "the name of a member")
		rest := out.rest.or(value)
		out.rest = &rest
	}
	if out.rest.kinds != 0 { // a computed name may be that of another member
		for name, m := range out.members {
			either := m.or(*out.rest)
			out.members[name] = &either
		}
	}
	return out
}

func (v *certain) member(n *ast.MemberNode) shape {
	base := v.of(n.Node).only(kindAny)
	name, constant := n.Property.(*ast.StringNode)
	if constant {
		v.need(n.Node, base, kindObject, "."+name.Value)
		return base.member(name.Value)
	}
	place := v.of(n.Property)
	v.need(n.Node, base, kindList|kindObject, "x[i]")
	switch {
	case base.kinds&^kindObject == 0:
		v.need(n.Property, place, kindText, "a member of an object")
	case base.kinds&^kindList == 0:
		v.need(n.Property, place, kindNumber, "an element of a list")
	default:
		v.need(n.Node, base, kindList, "x[i]")
	}
	if i, ok := n.Property.(*ast.IntegerNode); ok && i.Value >= 0 && i.Value < len(base.items) {
		return base.items[i.Value]
	}
	return base.element().or(base.member(""))
}

func (v *certain) binary(n *ast.BinaryNode) shape {
	left, right := v.of(n.Left).only(kindAny), v.of(n.Right).only(kindAny)
	both := func(k kinds) {
		v.need(n.Left, left, k, n.Operator)
		v.need(n.Right, right, k, n.Operator)
	}
	switch n.Operator {
	case "??":
		return left.or(right)
	case "and", "&&", "or", "||":
		both(kindBool)
	case "in", "not in":
		if !isClientID(n.Left) {
			v.need(n.Right, right, kindList|kindObject, n.Operator)
		}
	case "contains", "startsWith", "endsWith", "matches":
		both(kindText)
	case "<", "<=", ">", ">=":
		v.alike(n, left, right)
	case "+":
		v.alike(n, left, right)
		if left.kinds&^kindText == 0 && right.kinds&^kindText == 0 {
			return of(kindText)
		}
		return arithmeticShape(left, right)
	case "-", "*":
		both(kindNumber)
		return arithmeticShape(left, right)
	case "/", "**":
		both(kindNumber)
		return of(kindFloat)
	case "%":
		both(kindInt)
		return of(kindInt)
	case "..":
		both(kindInt)
		return listOf(of(kindInt))
	}
	return of(kindBool)
}

func arithmeticShape(left, right shape) shape {
	if left.kinds == kindInt && right.kinds == kindInt {
		return of(kindInt)
	}
	return of((left.kinds | right.kinds) & kindNumber)
}

// alike reports an operator that does not stand between two strings, or two numbers.
func (v *certain) alike(n *ast.BinaryNode, left, right shape) {
	left, right = left.only(kindAny), right.only(kindAny)
	k := kindText
	if left.kinds&^kindNumber == 0 {
		k = kindNumber
	} else if left.kinds&^kindText != 0 && right.kinds&^kindNumber == 0 {
		k = kindNumber
	}
	v.need(n.Left, left, k, n.Operator)
	v.need(n.Right, right, k, n.Operator)
}

// predicate goes through what is evaluated for each element of a list.
func (v *certain) predicate(list shape, n ast.Node) shape {
	v.elems = append(v.elems, list.element())
	defer func() { v.elems = v.elems[:len(v.elems)-1] }()
	return v.of(n)
}

// call goes through a call of a function.
func (v *certain) call(n ast.Node, name string, args []ast.Node) shape {
	if len(args) == 0 {
		return natureShape(n.Nature())
	}
	if loops(name) {
		return v.loop(name, args)
	}
	got := make([]shape, len(args))
	for i, arg := range args {
		got[i] = v.of(arg)
	}
	need := func(i int, k kinds) {
		if i < len(args) {
			v.need(args[i], got[i], k, name)
		}
	}
	switch name {
	case "has":
		return of(kindBool)
	case "default":
		out := shape{}
		for _, g := range got {
			out = out.or(g.only(kindAny))
		}
		return out
	case "optional", "required":
		return got[0]
	case "first", "last":
		need(0, kindList)
		return got[0].element()
	case "take":
		need(0, kindList)
		need(1, kindInt)
		return listOf(got[0].element())
	case "reverse":
		need(0, kindList)
		return listOf(got[0].element())
	case "concat":
		out := listOf(shape{})
		for i, g := range got {
			need(i, kindList)
			out = out.or(listOf(g.element()))
		}
		out.items = nil
		return out
	case "flatten":
		need(0, kindList)
		return listOf(got[0].element().flat())
	case "sort":
		need(0, kindList)
		v.sorted(args[0], got[0].element(), name)
		need(1, kindText)
		return listOf(got[0].element())
	case "uniq":
		need(0, kindList)
		v.need(args[0], got[0].element(), kindText|kindBool|kindNumber, "an element of "+name)
		return listOf(got[0].element())
	case "join":
		need(0, kindList)
		v.texts(args[0], got[0], name)
		need(1, kindText)
		return of(kindText)
	case "split":
		need(0, kindText)
		need(1, kindText)
		need(2, kindInt)
		return listOf(of(kindText))
	case "keys":
		need(0, kindObject)
		return listOf(of(kindText))
	case "len":
		need(0, kindText|kindList|kindObject)
		return of(kindInt)
	case "lower", "upper", "trim", "replace":
		for i := range args {
			need(i, kindText)
		}
		return of(kindText)
	case "hasPrefix", "hasSuffix":
		need(0, kindText)
		need(1, kindText)
		return of(kindBool)
	case "indexOf", "lastIndexOf":
		need(0, kindText)
		need(1, kindText)
		return of(kindInt)
	case "int", "float":
		need(0, kindText|kindNumber)
		return of(map[string]kinds{"int": kindInt, "float": kindFloat}[name])
	case "string", "type", "toJSON":
		return of(kindText)
	}
	return v.own(n, name, args, got)
}

func (v *certain) loop(name string, args []ast.Node) shape {
	got := v.of(args[0])
	v.need(args[0], got, kindList, name)
	if len(args) == 1 {
		return natureShape(args[0].Nature())
	}
	each := v.predicate(got, args[1])
	for _, arg := range args[2:] {
		v.of(arg)
	}
	same := listOf(got.element())
	switch name {
	case "map":
		return listOf(each)
	case "sortBy":
		v.sorted(args[1], each, name)
		return same
	case "groupBy":
		v.need(args[1], each, kindText, name)
		return shape{kinds: kindObject, rest: &same}
	}
	v.need(args[1], each, kindBool, "the test of "+name)
	switch name {
	case "filter":
		return same
	case "find", "findLast":
		return got.element()
	case "count", "findIndex", "findLastIndex":
		return of(kindInt)
	}
	return of(kindBool)
}

// own is call for a function with types of its own.
func (v *certain) own(n ast.Node, name string, args []ast.Node, got []shape) shape {
	f, ok := ownFunction(name)
	if !ok {
		return natureShape(n.Nature())
	}
	for i, arg := range args {
		v.argument(arg, got[i], f.want(i, len(args)), name)
	}
	switch {
	case name == "merge":
		out := shape{kinds: kindObject, rest: &shape{}}
		for _, g := range got {
			out = out.or(g.only(kindObject))
		}
		return out
	case name == "fromPairs":
		return v.pairs(args[0], got[0])
	case name == "compact":
		v.need(args[0], got[0], kindList|kindObject, name)
		return got[0].full()
	}
	switch f.gives {
	case aBool:
		return of(kindBool)
	case aWhole:
		return of(kindInt)
	case aText:
		return of(kindText)
	case theTexts:
		return listOf(of(kindText))
	case oneOrMore:
		return got[0].only(kindText | kindList).texted()
	case valueOfPattern:
		out := got[len(got)-1]
		for i := 2; i < len(got); i += 2 {
			out = out.or(got[i])
		}
		return out
	}
	return natureShape(n.Nature())
}

// texted is the shape of a string or a list of strings.
func (s shape) texted() shape {
	out := shape{kinds: s.kinds}
	text := of(kindText)
	out.elem = &text
	return out
}

func (v *certain) argument(n ast.Node, got shape, want argument, who string) {
	switch want {
	case aText:
		v.need(n, got, kindText, who)
	case aWhole:
		v.need(n, got, kindInt, who)
	case aList:
		v.need(n, got, kindList, who)
	case anObject:
		v.need(n, got, kindObject, who)
	case theTexts:
		v.need(n, got, kindList, who)
		v.texts(n, got, who)
	case oneOrMore:
		v.need(n, got, kindText|kindList, who)
		v.texts(n, got, who)
	case aTable, aTableOfLists:
		v.need(n, got, kindObject, who)
		value := got.member("")
		if want == aTable {
			v.need(n, value, kindText, "a value of the table of "+who)
			return
		}
		v.need(n, value, kindText|kindList, "a value of the table of "+who)
		v.texts(n, value, who)
	}
}

// pairs is the shape of an object that is made of pairs.
func (v *certain) pairs(n ast.Node, list shape) shape {
	pair := list.element()
	v.need(n, pair, kindList, "an element of fromPairs")
	switch {
	case len(pair.items) == 2:
		v.need(n, pair.items[0], kindText, "the name in fromPairs")
		return shape{kinds: kindObject, rest: &pair.items[1]}
	case pair.elem != nil && pair.elem.kinds == 0: // there are none
		return shape{kinds: kindObject, rest: &shape{}}
	case v.wrong == nil:
		v.wrong = &Error{Offset: byteOffset(v.src, n.Location().From), Message: "fromPairs needs lists of a name and a value, and these may be something else", Hint: "write map(list, [name, value]) for them"}
	}
	return of(kindObject)
}
