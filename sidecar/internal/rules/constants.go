package rules

import (
	"context"
	"errors"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// everyRequest is the hint of what fails although it reads nothing.
const everyRequest = "it reads nothing of the request, so it fails in each"

// constants computes the parts of an expression that read nothing of a request, as it is run: what fails there is a mistake in the file.
type constants struct {
	src    string
	config *conf.Config
	run    *vm.VM
	bound  map[ast.Node]bool // elements of loops and variables, once what they belong to was visited
	wrong  *Error
}

// failing returns what is wrong with a part that never can be computed, and whether the whole is a constant. The expression is instrumented.
func (c *Compiler) failing(src string, root *ast.Node, config *conf.Config) (bool, *Error) {
	m := c.machines.Get().(*vm.VM)
	defer c.machines.Put(m)
	v := &constants{src: src, config: config, run: m, bound: map[ast.Node]bool{}}
	ast.Walk(root, v)
	return v.compute(*root), v.wrong
}

// Visit is called by ast.Walk, children first.
func (v *constants) Visit(p *ast.Node) {
	switch n := (*p).(type) {
	case *ast.PredicateNode:
		v.bind(n.Node, func(e ast.Node) bool { _, ok := e.(*ast.PointerNode); return ok })
	case *ast.VariableDeclaratorNode:
		v.bind(n.Expr, func(e ast.Node) bool { i, ok := e.(*ast.IdentifierNode); return ok && i.Value == n.Name })
		v.compute(n)
	case *ast.CallNode:
		if opOf(n) == nil {
			v.compute(n)
		}
	case *ast.BuiltinNode, *ast.SliceNode, *ast.ChainNode, *ast.BinaryNode:
		v.compute(n)
	}
}

func (v *constants) bind(in ast.Node, belongs func(ast.Node) bool) {
	ast.Find(in, func(n ast.Node) bool {
		if belongs(n) {
			v.bound[n] = true
		}
		return false
	})
}

// varies reports whether a node by itself is not the same in each request, or cannot be computed without what is around it.
func (v *constants) varies(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.PointerNode:
		return !v.bound[n]
	case *ast.IdentifierNode:
		return !v.bound[n] && !strings.HasPrefix(n.Value, "#") && !functionKnown(n.Value)
	case *ast.ConstantNode:
		switch n.Value.(type) {
		case *variableOp, *identityOp, *factOp, *factsOp, *attributeOp, *claimOp, *hasClaimOp, *claimsOp, *claimAtOp, *concernsOp, *concernsAnyOp, *concernsMatchOp:
			return true
		}
	}
	return false
}

// compute reports whether a part has a value that is the same in each request, as far as that is found soon.
func (v *constants) compute(n ast.Node) bool {
	if v.wrong != nil || ast.Find(n, v.varies) != nil {
		return false
	}
	code, err := compiler.Compile(&parser.Tree{Node: n, Source: file.NewSource(v.src)}, v.config)
	if err != nil {
		return false
	}
	r := newRun()
	r.begin(context.Background(), &pipeline.State{In: &pipeline.Input{}}, maxConstant)
	_, err = v.run.Run(code, r.env)
	var at *file.Error
	if err == nil || r.left < 0 || !errors.As(err, &at) {
		return err == nil
	}
	why := reason(at)
	var ours *failure
	if errors.As(err, &ours) {
		why = ours
	}
	v.wrong = &Error{Offset: byteOffset(v.src, at.From), Message: why.text, Hint: everyRequest}
	return false
}

// constantClaim returns what is wrong with the value of a claim that is the same in each request.
func constantClaim(c *claim) *Error {
	raw, err := c.JSON(context.Background(), &pipeline.State{In: &pipeline.Input{}})
	if err == nil && raw != nil {
		err = claims.CheckValue(c.name, raw)
	}
	if err != nil {
		return &Error{Message: err.Error()}
	}
	return nil
}
