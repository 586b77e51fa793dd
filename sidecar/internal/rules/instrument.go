package rules

import (
	"reflect"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// instrument rewrites a checked expression: comparisons of client.id see every client that the request concerns, loops look
// at the deadline, and what could grow without bound is held to the limits. Types are known and kept, so nothing is checked
// again.
type instrument struct {
	reads *reads
	guard bool // predicates look at the deadline
}

// Visit is called by ast.Walk, children first.
func (i *instrument) Visit(p *ast.Node) {
	switch n := (*p).(type) {
	case *ast.BinaryNode:
		i.binary(p, n)
	case *ast.SliceNode:
		i.slice(p, n)
	case *ast.MemberNode:
		if _, named := n.Property.(*ast.StringNode); !named || isTable(n.Node) {
			i.element(p, n)
		}
	case *ast.UnaryNode:
		if n.Operator == "-" {
			n.Node = wrap(&negateOp{}, n.Node)
		}
	case *ast.BuiltinNode:
		switch {
		case len(n.Arguments) == 1 && (n.Name == "first" || n.Name == "last"):
			n.Arguments[0] = wrap(&elementOp{}, n.Arguments[0])
		case len(n.Arguments) > 0 && loops(n.Name):
			n.Arguments[0] = wrap(&listOp{n.Name}, n.Arguments[0])
			if p, ok := n.Arguments[min(1, len(n.Arguments)-1)].(*ast.PredicateNode); ok && n.Name == "sortBy" {
				p.Node = wrap(&keyOp{}, p.Node)
			} else if ok && n.Name == "groupBy" {
				p.Node = wrap(&givenOp{n.Name, aText}, p.Node)
			}
		case len(n.Arguments) == 1 && n.Name == "int":
			n.Arguments[0] = wrap(&wholeOp{}, n.Arguments[0])
		case len(n.Arguments) == 2 && n.Name == "trim":
			n.Arguments[1] = wrap(&cutsetOp{}, n.Arguments[1])
		}
		i.arguments(n.Name, n.Arguments)
		if n.Name == "groupBy" {
			*p = callNode(n.Location(), fnCall, callType, objectNature(nil), constant(n.Location(), &groupedOp{}), n)
		}
		if n.Name == "findLast" || n.Name == "findLastIndex" {
			*p = lastFound(n)
		}
	case *ast.CallNode:
		i.call(p, n)
	case *ast.PredicateNode:
		if !i.guard {
			return
		}
		body := n.Node
		step := getNode(body.Location(), &stepOp{}, nature.Nature{})
		n.Node = &ast.SequenceNode{Nodes: []ast.Node{step, body}}
		n.Node.SetLocation(body.Location())
		n.Node.SetNature(*body.Nature())
	}
}

// lastFound is findLast and findLastIndex as last(filter(...)): the code that package expr makes for them leaves values on the stack of the machine,
// which what stands around them takes for its own.
func lastFound(n *ast.BuiltinNode) ast.Node {
	found := &ast.BuiltinNode{Name: "filter", Arguments: n.Arguments}
	if n.Name == "findLastIndex" {
		found.Map = &ast.PointerNode{Name: "index"}
	}
	last := &ast.BuiltinNode{Name: "last", Arguments: []ast.Node{found}}
	for _, made := range []ast.Node{found, last} {
		made.SetLocation(n.Location())
	}
	last.SetNature(*n.Nature())
	return last
}

// call counts the elements of lists that a function of ours goes through, and lets glob see every client that the request
// concerns, as matches does.
func (i *instrument) call(p *ast.Node, n *ast.CallNode) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return
	}
	if callee.Value == "glob" && isClientID(n.Arguments[0]) {
		*p = boolOp(n, &concernsMatchOp{n.Arguments[1].(*ast.ConstantNode).Value.(pattern)})
		return
	}
	i.arguments(callee.Value, n.Arguments)
	switch callee.Value {
	case "sort", "uniq":
		n.Arguments[0] = wrap(&textsOp{}, n.Arguments[0])
	}
	f, ok := ownFunction(callee.Value)
	if !ok {
		return
	}
	for j, arg := range n.Arguments {
		if c, ok := arg.(*ast.ConstantNode); ok {
			if bound, ok := c.Value.(pattern); ok {
				n.Arguments[j] = getNode(c.Location(), &bindOp{bound}, *c.Nature())
			}
		}
		want := f.want(j, len(n.Arguments))
		if want == aTable || want == aTableOfLists {
			arg = lookedUp(arg)
		}
		switch want {
		case theTexts, oneOrMore:
			n.Arguments[j] = wrap(&textsOp{}, wrap(&givenOp{callee.Value, want}, arg))
		case aText, aTable, aTableOfLists, aList, anObject:
			n.Arguments[j] = wrap(&givenOp{callee.Value, want}, arg)
		}
	}
	if f.gives == oneOrMore || f.gives == aText {
		*p = wrap(&stringOp{}, n)
	}
}

// loops reports whether a function of expr goes through a list with a predicate.
func loops(name string) bool {
	switch name {
	case "all", "any", "none", "one", "count", "filter", "map", "find", "findLast", "findIndex", "findLastIndex", "sortBy", "groupBy":
		return true
	}
	return false
}

// wrap puts an op around a node. The type stays.
func wrap(o op, n ast.Node) ast.Node {
	return callNode(n.Location(), fnCall, callType, *n.Nature(), constant(n.Location(), o), n)
}

func (i *instrument) binary(p *ast.Node, n *ast.BinaryNode) {
	switch n.Operator {
	case "==", "!=":
		i.equality(p, n)
	case "in":
		i.in(p, n)
	case "startsWith", "endsWith", "contains", "matches":
		s, ok := n.Right.(*ast.StringNode)
		switch {
		case ok && isClientID(n.Left):
			*p = boolOp(n, &concernsMatchOp{clientTest(n.Operator, s.Value)})
		case ok && n.Operator == "matches":
			*p = callNode(n.Location(), fnCall, callType, natureOf(typeBool), constant(n.Location(), &matchOp{matchTest(s.Value)}), n.Left)
		}
	case "..":
		n.Left, n.Right = wrap(&endOp{}, n.Left), wrap(&endOp{}, n.Right)
	case "+", "-", "*", "/", "%", "**":
		at := n.Location()
		*p = callNode(at, fnCall, callType, *n.Nature(), constant(at, &arithmetic{n.Operator}), callNode(at, fnPair, callType, nature.Nature{}, n.Left, n.Right))
		if n.Operator == "+" && !n.Nature().IsNumber() {
			*p = wrap(&stringOp{}, *p)
		}
	}
}

// boolOp replaces a node by the value of an op that is true or false.
func boolOp(n ast.Node, o op) ast.Node { return getNode(n.Location(), o, natureOf(typeBool)) }

func clientTest(operator, operand string) pattern {
	p := pattern{size: 1}
	switch operator {
	case "startsWith":
		p.find = func(client string) bool { return strings.HasPrefix(client, operand) }
	case "endsWith":
		p.find = func(client string) bool { return strings.HasSuffix(client, operand) }
	case "contains":
		p.find = func(client string) bool { return strings.Contains(client, operand) }
	default:
		return matchTest(operand)
	}
	return p
}

// matchTest is the pattern of matches, which the resolver has compiled before.
func matchTest(s string) pattern {
	return pattern{find: regexp.MustCompile(s).MatchString, size: pipeline.PatternSize(s)}
}

func (i *instrument) equality(p *ast.Node, n *ast.BinaryNode) {
	left, right := n.Left, n.Right
	if isClientID(right) {
		left, right = right, left
	}
	switch {
	case isClientID(left):
		i.client(right)
		call := callNode(n.Location(), fnCall, callType, natureOf(typeBool), constant(n.Location(), &concernsOp{}), right)
		*p = negated(n.Operator == "!=", call)
	case !scalar(left) && !scalar(right), left.Nature().IsFloat || right.Nature().IsFloat: // an integer may be another number as a float64
		*p = negated(n.Operator == "!=", callNode(n.Location(), fnEqual, equalType, natureOf(typeBool), n.Left, n.Right))
	default:
		// The machine compares what it takes for two texts, or two integers, without looking: nil would make it fail.
		uncertain(n.Left)
		uncertain(n.Right)
	}
}

// client notes a client that client.id is compared with.
func (i *instrument) client(n ast.Node) {
	if s, ok := n.(*ast.StringNode); ok {
		i.reads.clients[s.Value] = true
		i.reads.clientNamed++
	}
}

func negated(yes bool, n ast.Node) ast.Node {
	if !yes {
		return n
	}
	not := &ast.UnaryNode{Operator: "not", Node: n}
	not.SetLocation(n.Location())
	not.SetNature(natureOf(typeBool))
	return not
}

func (i *instrument) in(p *ast.Node, n *ast.BinaryNode) {
	at := n.Location()
	if isClientID(n.Left) {
		if list, ok := n.Right.(*ast.ArrayNode); ok {
			named := i.reads.clientNamed
			for _, e := range list.Nodes {
				i.client(e)
			}
			if i.reads.clientNamed == named+len(list.Nodes) {
				named++ // all of them are constants: one reading of client.id
			}
			i.reads.clientNamed = named
		}
		*p = callNode(at, fnCall, callType, natureOf(typeBool), constant(at, &concernsAnyOp{}), n.Right)
		return
	}
	if o, ok := opOf(n.Right).(*tableOp); ok {
		*p = callNode(at, fnCall, callType, natureOf(typeBool), constant(at, &inTableOp{o.table}), n.Left)
		return
	}
	if set := constantTexts(n.Right); set != nil {
		*p = callNode(at, fnCall, callType, natureOf(typeBool), constant(at, &setOp{set}), n.Left)
		return
	}
	*p = callNode(at, fnIn, equalType, natureOf(typeBool), n.Left, n.Right)
}

// constantTexts returns the elements of a list of nothing but constant texts; nil when it is something else.
func constantTexts(n ast.Node) map[string]struct{} {
	list, ok := n.(*ast.ArrayNode)
	if !ok {
		return nil
	}
	set := make(map[string]struct{}, len(list.Nodes))
	for _, e := range list.Nodes {
		s, ok := e.(*ast.StringNode)
		if !ok {
			return nil
		}
		set[s.Value] = struct{}{}
	}
	return set
}

// scalar reports whether a node gives a text, a number, a boolean or nil: comparing one takes no time.
func scalar(n ast.Node) bool {
	typ := n.Nature()
	return typ.Nil || typ.IsString() || typ.IsBool() || typ.IsNumber()
}

// uncertain forgets the type of a node that may give nil although its type says otherwise, like first(list).
func uncertain(n ast.Node) {
	switch n := n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NilNode:
		return
	case *ast.CallNode:
		switch o := opOf(n).(type) {
		case *variableOp:
			return
		case *factOp:
			if !o.nullable {
				return
			}
		}
	}
	if n.Nature().Type != nil && n.Nature().Kind != reflect.Interface {
		n.SetNature(nature.Nature{})
	}
}
