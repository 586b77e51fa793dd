package rules

import (
	"cmp"
	"reflect"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
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

func isClientID(n ast.Node) bool { return isVariable(n, clientID) }

func isVariable(n ast.Node, name string) bool {
	o, ok := opOf(n).(*variableOp)
	return ok && o.v.Name == name
}

// only reads what a condition begins with: as long as that compares the client, the connector or the grant with a constant, anything else makes it
// false before anything else is looked at.
func only(n ast.Node) pipeline.Only {
	b, ok := n.(*ast.BinaryNode)
	if !ok {
		return pipeline.Only{}
	}
	switch b.Operator {
	case "and", "&&":
		left, right := only(b.Left), only(b.Right)
		if left.Client == "" && left.Connector == "" { // what is skipped must not have been able to fail
			return pipeline.Only{Grant: cmp.Or(left.Grant, right.Grant)}
		}
		return pipeline.Only{Client: cmp.Or(left.Client, right.Client), Connector: cmp.Or(left.Connector, right.Connector), Grant: cmp.Or(left.Grant, right.Grant)}
	case "==":
		for _, sides := range [][2]ast.Node{{b.Left, b.Right}, {b.Right, b.Left}} {
			constant, ok := sides[1].(*ast.StringNode)
			switch {
			case !ok || constant.Value == "":
			case isClientID(sides[0]):
				return pipeline.Only{Client: constant.Value}
			case isVariable(sides[0], "connector.id"):
				return pipeline.Only{Connector: constant.Value}
			case isVariable(sides[0], "grant"):
				return pipeline.Only{Grant: constant.Value}
			}
		}
	}
	return pipeline.Only{}
}
