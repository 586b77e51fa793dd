package rules

import (
	"context"

	"github.com/expr-lang/expr/ast"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// maxParts is how many parts of a condition are explained.
const maxParts = 24

// part is a piece of a condition that means something by itself, compiled.
type part struct {
	source string
	*program
}

// Explain tells what the parts of the condition come to: the tests between and, or and not, and what they compare. A part
// that the condition did not come to is told as well, so it may fail where the condition holds.
func (c *condition) Explain(ctx context.Context, s *pipeline.State) []pipeline.Part {
	parts := c.parts()
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

// parts compiles the parts of an expression. One that cannot stand alone, because it reads a variable of let, is left out.
func (c *Compiler) parts(src string) (out []part) {
	tree, err := c.parse(src, c.config())
	if err != nil {
		return nil
	}
	f := finder{seen: map[string]bool{src: true, tree.Node.String(): true}}
	f.test(tree.Node)
	if len(f.found) == 0 {
		f.found = []string{src} // so that what it looks at is told at all
	}
	for _, source := range f.found {
		p, err := c.compile(source, loose, func(ast.Node) *Error { return nil })
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
	case *ast.SequenceNode:
		return
	}
	f.add(n)
	f.operands(n)
}

// operands adds what a test looks at: what is read, and what functions make of it.
func (f *finder) operands(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryNode:
		f.operand(n.Left)
		f.operand(n.Right)
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

func (f *finder) operand(n ast.Node) {
	switch n := n.(type) {
	case *ast.MemberNode, *ast.ChainNode, *ast.IdentifierNode:
		f.add(n)
	case *ast.BuiltinNode, *ast.CallNode, *ast.BinaryNode:
		f.add(n)
		f.operands(n)
	}
}
