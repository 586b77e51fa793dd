package rules

import (
	"context"
	"sync"

	"github.com/expr-lang/expr/ast"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// maxParts is how many parts of an expression are explained.
const maxParts = 24

// part is a piece of an expression that means something by itself, compiled.
type part struct {
	source string
	*program
}

// explained is an expression with its parts, which are compiled when somebody wants an explanation.
type explained struct {
	*program
	parts func() []part
}

func (c *Compiler) explained(src string, p *program) explained {
	return explained{p, sync.OnceValue(func() []part { return c.parts(src) })}
}

// Explain tells what the parts of the expression come to: the tests between and, or and not, and what tests and values are made of. A part
// that the expression did not come to is shown as well, so it may fail where the expression does not.
func (e explained) Explain(ctx context.Context, s *pipeline.State) []pipeline.Part {
	parts := e.parts()
	out := make([]pipeline.Part, 0, len(parts))
	for _, p := range parts {
		told := pipeline.Part{Source: p.source}
		value, err := p.run(ctx, s)
		if err == nil {
			told.Value, err = encode(value)
		}
		if err != nil {
			told.Err = err.Error()
		}
		out = append(out, told)
	}
	return out
}

// parts compiles the parts of an expression. One that cannot stand alone, because it reads a variable of let, is left out. Failures stand
// beside the part.
func (c *Compiler) parts(src string) (out []part) {
	tree, err := c.parse(src, c.config())
	if err != nil {
		return nil
	}
	f := finder{seen: map[string]bool{src: true, tree.Node.String(): true}}
	f.test(tree.Node)
	if len(f.found) == 0 && ast.Find(tree.Node, isName) != nil {
		f.found = []string{src} // so that what it looks at is shown at all
	}
	for _, source := range f.found {
		p, err := c.In(func(int) string { return "" }, c.composed).compile(source, loose, func(ast.Node) *Error { return nil }, anyShape)
		if err == nil && len(out) < maxParts {
			out = append(out, part{source, p})
		}
	}
	return out
}

// finder collects the sources of parts, each once, in their order.
type finder struct {
	found []string
	seen  map[string]bool
}

func (f *finder) add(n ast.Node) {
	if call, ok := n.(*ast.CallNode); ok && calleeOf(call) == "optional" {
		return // what it leaves out has no value
	}
	if source := n.String(); !f.seen[source] {
		f.seen[source] = true
		f.found = append(f.found, source)
	}
}

// test goes through what is joined by and, or and not.
func (f *finder) test(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&", "or", "||":
			f.test(n.Left)
			f.test(n.Right)
			return
		}
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			f.test(n.Node)
			return
		}
	case *ast.ConditionalNode:
		f.test(n.Cond)
		f.test(n.Exp1)
		f.test(n.Exp2)
		return
	case *ast.VariableDeclaratorNode:
		f.operand(n.Value)
		f.test(n.Expr)
		return
	case *ast.ArrayNode, *ast.MapNode:
		f.operands(n)
		return
	case *ast.SequenceNode:
		return
	}
	if literal(n) {
		return
	}
	f.add(n)
	f.operands(n)
}

// operands adds what a test looks at and a value is made of: what is read, and what functions make of it.
func (f *finder) operands(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryNode:
		f.operand(n.Left)
		f.operand(n.Right)
	case *ast.UnaryNode:
		f.operand(n.Node)
	case *ast.SliceNode:
		f.operand(n.Node)
	case *ast.MemberNode:
		f.operand(n.Property)
	case *ast.ChainNode:
		f.operands(n.Node)
	case *ast.ArrayNode:
		f.arguments(n.Nodes)
	case *ast.MapNode:
		for _, p := range n.Pairs {
			f.operand(p.(*ast.PairNode).Value)
		}
	case *ast.BuiltinNode:
		f.arguments(n.Arguments)
	case *ast.CallNode:
		f.arguments(n.Arguments)
	}
}

func (f *finder) arguments(list []ast.Node) {
	for _, arg := range list {
		f.operand(arg)
	}
}

// operand adds a part that is no test. A table is not told as a whole: it may be long.
func (f *finder) operand(n ast.Node) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		f.add(n)
	case *ast.MemberNode:
		if !tableName(n) {
			f.add(n)
			f.operands(n)
		}
	case *ast.ConditionalNode:
		f.test(n)
	case *ast.ArrayNode, *ast.MapNode, *ast.UnaryNode, *ast.SliceNode:
		f.operands(n)
	case *ast.ChainNode, *ast.BuiltinNode, *ast.CallNode, *ast.BinaryNode:
		f.add(n)
		f.operands(n)
	}
}

func tableName(n *ast.MemberNode) bool {
	of, ok := n.Node.(*ast.IdentifierNode)
	return ok && of.Value == "tables"
}

func isName(n ast.Node) bool {
	_, ok := n.(*ast.IdentifierNode)
	return ok
}

func literal(n ast.Node) bool {
	switch n.(type) {
	case *ast.StringNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.NilNode, *ast.ConstantNode:
		return true
	}
	return false
}
