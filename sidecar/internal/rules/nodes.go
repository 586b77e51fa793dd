package rules

import (
	"reflect"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/file"
)

// getNode returns a node that gives the value of an op, with its type.
func getNode(at file.Location, o op, n nature.Nature) ast.Node {
	return callNode(at, fnGet, getType, n, constant(at, o))
}

// callNode returns a call of a function of the run. Without a type the checker looks at the arguments; with one it does
// not, so then they must have theirs.
func callNode(at file.Location, name string, t reflect.Type, n nature.Nature, args ...ast.Node) ast.Node {
	callee := &ast.IdentifierNode{Value: name}
	callee.SetLocation(at)
	callee.SetType(t)
	call := &ast.CallNode{Callee: callee, Arguments: args}
	call.SetLocation(at)
	call.SetNature(n)
	return call
}

func constant(at file.Location, value any) ast.Node {
	c := &ast.ConstantNode{Value: value}
	c.SetLocation(at)
	c.SetType(reflect.TypeOf(value))
	return c
}

// opOf returns the op that a node gives the value of; nil when it is something else.
func opOf(n ast.Node) op {
	call, ok := n.(*ast.CallNode)
	if !ok || len(call.Arguments) != 1 {
		return nil
	}
	if callee, ok := call.Callee.(*ast.IdentifierNode); !ok || callee.Value != fnGet {
		return nil
	}
	o, _ := call.Arguments[0].(*ast.ConstantNode).Value.(op)
	return o
}

func isClientID(n ast.Node) bool {
	o, ok := opOf(n).(*variableOp)
	return ok && o.v.Name == clientID
}
