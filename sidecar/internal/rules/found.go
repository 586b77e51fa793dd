package rules

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// finding is what a condition says of the expressions in it.
type finding struct {
	there []string // these are not nil
	lists []string // these have elements
}

func (f *finding) is(n ast.Node) {
	for {
		if chain, ok := n.(*ast.ChainNode); ok {
			n = chain.Node
		}
		f.there = append(f.there, key(n))
		member, ok := n.(*ast.MemberNode)
		if !ok {
			return
		}
		n = member.Node
	}
}

func (f *finding) has(n ast.Node) {
	f.is(n)
	f.lists = append(f.lists, key(n))
}

// found tells what is known where a condition holds, or does not.
func found(n ast.Node, holds bool) (f finding) {
	switch n := n.(type) {
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return found(n.Node, !holds)
		}
	case *ast.BinaryNode:
		f.compared(n, holds)
	case *ast.CallNode:
		if o, ok := opOf(n).(*hasClaimOp); ok && holds {
			f.there = append(f.there, key(getNode(n.Location(), &claimOp{o.name}, *n.Nature())))
		}
		if calleeOf(n) == "has" && holds {
			f.has(n.Arguments[0])
		}
	case *ast.BuiltinNode:
		if n.Name == "any" && holds || n.Name == "none" && !holds {
			f.has(n.Arguments[0])
			as := func(name string) string { return key(&ast.BuiltinNode{Name: name, Arguments: n.Arguments}) }
			f.there = append(f.there, as("find"), as("findLast"), as("findIndex"), as("findLastIndex"))
			f.lists = append(f.lists, as("filter"))
		}
	}
	return f
}

func (f *finding) compared(n *ast.BinaryNode, holds bool) {
	switch n.Operator {
	case "and", "&&", "or", "||":
		if holds == (n.Operator == "and" || n.Operator == "&&") {
			left, right := found(n.Left, holds), found(n.Right, holds)
			f.there = append(left.there, right.there...)
			f.lists = append(left.lists, right.lists...)
		}
	case "==", "!=":
		f.equal(n.Left, n.Right, holds == (n.Operator == "=="))
		f.equal(n.Right, n.Left, holds == (n.Operator == "=="))
	case "in":
		if holds {
			f.has(n.Right)
		}
		if list, ok := n.Right.(*ast.ArrayNode); ok && holds && all(list.Nodes, constantNode) {
			f.is(n.Left)
		}
	case "startsWith", "endsWith", "contains", "matches":
		if holds {
			f.is(n.Left)
		}
	case ">", ">=", "!", "<", "<=":
		f.length(n, holds)
	}
}

// equal is for x == y, or x != y where they are not equal.
func (f *finding) equal(x, y ast.Node, equal bool) {
	_, isNil := y.(*ast.NilNode)
	switch {
	case equal && !isNil && constantNode(y), !equal && isNil:
		f.is(x)
	case !equal && emptyConstant(y):
		f.lists = append(f.lists, key(x))
	}
}

// length is for len(x) > 0.
func (f *finding) length(n *ast.BinaryNode, holds bool) {
	size, ok := n.Left.(*ast.BuiltinNode)
	least, isNumber := n.Right.(*ast.IntegerNode)
	if !ok || !isNumber || size.Name != "len" || !holds {
		return
	}
	if n.Operator == ">" && least.Value >= 0 || n.Operator == ">=" && least.Value > 0 {
		f.lists = append(f.lists, key(size.Arguments[0]))
	}
}

func constantNode(n ast.Node) bool {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.ArrayNode:
		return true
	}
	return false
}

func emptyConstant(n ast.Node) bool {
	list, ok := n.(*ast.ArrayNode)
	return ok && len(list.Nodes) == 0
}

// elementKey is in the key of what is read of the element of a loop.
const elementKey = "\x00it"

// key names an expression: two with the same have the same value.
func key(n ast.Node) string {
	var k keyer
	ast.Walk(&n, &k)
	return k.String()
}

// keyer writes the parts of an expression, children first. a?.b is the same as a.b.
type keyer struct{ strings.Builder }

// Visit is called by ast.Walk.
func (k *keyer) Visit(p *ast.Node) {
	switch n := (*p).(type) {
	case *ast.ChainNode:
		return
	case *ast.PointerNode:
		k.WriteString(elementKey + n.Name)
	case *ast.IdentifierNode:
		k.WriteString(n.Value)
	case *ast.StringNode:
		fmt.Fprintf(k, "%q", n.Value)
	case *ast.ConstantNode:
		switch v := n.Value.(type) {
		case pattern:
			fmt.Fprintf(k, "%q", v.text)
		case op:
			fmt.Fprintf(k, "%T%+v", v, reflect.ValueOf(v).Elem())
		}
	case *ast.UnaryNode:
		k.WriteString(n.Operator)
	case *ast.BinaryNode:
		k.WriteString(n.Operator)
	case *ast.BuiltinNode:
		fmt.Fprintf(k, "%s/%d", n.Name, len(n.Arguments))
	case *ast.CallNode:
		fmt.Fprintf(k, "call/%d", len(n.Arguments))
	case *ast.ArrayNode:
		fmt.Fprintf(k, "list/%d", len(n.Nodes))
	case *ast.MapNode:
		fmt.Fprintf(k, "object/%d", len(n.Pairs))
	case *ast.SequenceNode:
		fmt.Fprintf(k, "then/%d", len(n.Nodes))
	case *ast.VariableDeclaratorNode:
		k.WriteString("let " + n.Name)
	case *ast.SliceNode:
		fmt.Fprintf(k, "slice %t %t", n.From == nil, n.To == nil)
	case *ast.MemberNode, *ast.ConditionalNode, *ast.PairNode, *ast.PredicateNode:
		fmt.Fprintf(k, "%T", n)
	default:
		k.WriteString(n.String())
	}
	k.WriteByte(';')
}
