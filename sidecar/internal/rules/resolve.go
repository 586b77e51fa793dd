package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

// resolver turns the names of an expression into ops, takes note of what they read, and refuses what rules may not use. It
// runs before the types are checked, so what it puts in has a type.
type resolver struct {
	c      *Compiler
	src    string
	reads  *reads
	locals []local
	depth  int // of predicates
	seen   map[ast.Node]bool
	unmade *Error // a claim that nobody makes, where nothing else is wrong
}

// element is another name for # in a predicate: in YAML " #" starts a comment.
const element = "it"

// local is a variable of let.
type local struct {
	name   string
	client bool     // it is client.id, and compares like it
	table  *tableOp // it is a table, and is looked into like it
}

func (v *resolver) errorAt(n ast.Node, hint, format string, args ...any) *Error {
	return &Error{Offset: byteOffset(v.src, n.Location().From), Message: fmt.Sprintf(format, args...), Hint: hint}
}

// visit resolves a node and what is below it.
func (v *resolver) visit(p *ast.Node) *Error {
	if *p == nil {
		return nil
	}
	if v.seen[*p] {
		// The parser gives b two parents in a < b < c. Rewriting it twice would be wrong, and visiting it twice at each level
		// of nesting would take for ever.
		return v.errorAt(*p, "write a < b && b < c", "comparisons cannot be chained")
	}
	v.seen[*p] = true
	switch n := (*p).(type) {
	case *ast.BytesNode:
		return v.errorAt(n, "leave out the b", "byte strings are not supported")
	case *ast.StringNode:
		return v.literal(n)
	case *ast.IdentifierNode:
		return v.identifier(p, n)
	case *ast.MemberNode:
		return v.member(p, n)
	case *ast.ChainNode:
		return v.chain(p, n)
	case *ast.BinaryNode:
		return v.binary(p, n)
	case *ast.CallNode:
		return v.call(n)
	case *ast.BuiltinNode:
		return v.builtin(n)
	case *ast.PredicateNode:
		return v.predicate(n)
	case *ast.VariableDeclaratorNode:
		return v.let(n)
	}
	return v.children(*p)
}

// children resolves the children of nodes that need nothing else.
func (v *resolver) children(n ast.Node) *Error {
	switch n := n.(type) {
	case *ast.UnaryNode:
		return v.visit(&n.Node)
	case *ast.SliceNode:
		return v.all(&n.Node, &n.From, &n.To)
	case *ast.ConditionalNode:
		if n.Cond == n.Exp1 {
			return v.errorAt(n.Cond, "write x ? x : y, or x ?? y for what may be missing", "?: is not supported")
		}
		n.SetLocation(n.Cond.Location()) // the parser gives the place behind it, or none
		return v.all(&n.Cond, &n.Exp1, &n.Exp2)
	case *ast.PairNode:
		return v.all(&n.Key, &n.Value)
	case *ast.SequenceNode:
		return v.list(n.Nodes)
	case *ast.ArrayNode:
		return v.list(n.Nodes)
	case *ast.MapNode:
		if err := v.twice(n); err != nil {
			return err
		}
		return v.list(n.Pairs)
	}
	return nil
}

// twice refuses an object that gives a name two values: the last would count, and nobody would see it.
func (v *resolver) twice(n *ast.MapNode) *Error {
	seen := map[string]bool{}
	for _, pair := range n.Pairs {
		key, ok := pair.(*ast.PairNode).Key.(*ast.StringNode)
		if ok && seen[key.Value] {
			return v.errorAt(key, "", "the name %q is given twice", key.Value)
		}
		if ok {
			seen[key.Value] = true
		}
	}
	return nil
}

func (v *resolver) all(nodes ...*ast.Node) *Error {
	for _, p := range nodes {
		if err := v.visit(p); err != nil {
			return err
		}
	}
	return nil
}

func (v *resolver) list(nodes []ast.Node) *Error {
	for i := range nodes {
		if err := v.visit(&nodes[i]); err != nil {
			return err
		}
	}
	return nil
}

func (v *resolver) identifier(p *ast.Node, n *ast.IdentifierNode) *Error {
	if l := v.local(n.Value); l != nil {
		if l.client {
			*p = v.variable(n, variableOf(clientID))
		}
		if l.table != nil {
			*p = getNode(n.Location(), l.table, l.table.table.nature())
		}
		return nil
	}
	switch found := variableOf(n.Value); {
	case n.Value == element && v.depth > 0:
		*p = &ast.PointerNode{}
		(*p).SetLocation(n.Location())
	case found != nil && !strings.Contains(n.Value, "."):
		*p = v.variable(n, found)
	case n.Value == "claims":
		v.reads.allClaims()
		*p = getNode(n.Location(), &claimsOp{}, objectNature(nil))
	case n.Value == "identity":
		*p = getNode(n.Location(), &identityOp{}, identityNature())
	case n.Value == "now":
		return v.errorAt(n, "write now.day, now.minute or now.weekday", "now is not a value")
	case n.Value == tablesRoot:
		return v.errorAt(n, "write tables.NAME", "tables is not a value")
	case slices.Contains(roots, n.Value):
		return v.errorAt(n, fmt.Sprintf("write %s.id", n.Value), "%s is not a value", n.Value)
	case v.c.facts[n.Value] != nil:
		v.reads.fact(n.Value)
		*p = getNode(n.Location(), &factsOp{n.Value}, factsNature(v.c.facts[n.Value]))
	default:
		return v.unknown(n)
	}
	return nil
}

func (v *resolver) local(name string) *local {
	for i := len(v.locals) - 1; i >= 0; i-- {
		if v.locals[i].name == name {
			return &v.locals[i]
		}
	}
	return nil
}

// variable returns the node that reads a variable.
func (v *resolver) variable(at ast.Node, found *variable) ast.Node {
	switch found.Name {
	case tokenKind:
		v.reads.token = true
	case "grant", "stage":
		v.reads.grant = true
	case "now.day", "now.minute", "now.weekday":
		v.reads.time = true
	case clientID:
		v.reads.clientReads++
	}
	return getNode(at.Location(), &variableOp{found}, natureOf(found.Type))
}

func (v *resolver) chain(p *ast.Node, n *ast.ChainNode) *Error {
	if err := v.visit(&n.Node); err != nil {
		return err
	}
	for inner := n.Node; ; {
		m, ok := inner.(*ast.MemberNode)
		if !ok {
			*p = n.Node // what made it optional is resolved
			return nil
		}
		if m.Optional {
			return nil
		}
		inner = m.Node
	}
}

func (v *resolver) let(n *ast.VariableDeclaratorNode) *Error {
	switch {
	case v.local(n.Name) != nil, variableOf(n.Name) != nil, n.Name == "claims", n.Name == element, slices.Contains(roots, n.Name),
		v.c.facts[n.Name] != nil, functionKnown(n.Name):
		return v.errorAt(n, "choose another name", "the name %q is taken", n.Name)
	}
	if err := v.visit(&n.Value); err != nil {
		return err
	}
	table, _ := opOf(n.Value).(*tableOp)
	v.locals = append(v.locals, local{n.Name, isClientID(n.Value), table})
	defer func() { v.locals = v.locals[:len(v.locals)-1] }()
	return v.visit(&n.Expr)
}

func (v *resolver) predicate(n *ast.PredicateNode) *Error {
	if v.depth++; v.depth > maxPredicates {
		return v.errorAt(n, "", "filter, map, any ... are nested deeper than %d", maxPredicates)
	}
	defer func() { v.depth-- }()
	return v.visit(&n.Node)
}

func (v *resolver) builtin(n *ast.BuiltinNode) *Error {
	if err := v.function(n, n.Name); err != nil {
		return err
	}
	return v.list(n.Arguments)
}

func (v *resolver) call(n *ast.CallNode) *Error {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		hint := "write NAME(x)"
		if m, ok := n.Callee.(*ast.MemberNode); ok {
			if name, ok := m.Property.(*ast.StringNode); ok {
				hint = cmp.Or(foreign(name.Value), strings.Replace(hint, "NAME", name.Value, 1))
			}
		}
		return v.errorAt(n.Callee, hint, "values have no functions of their own")
	}
	if err := v.function(n, callee.Value); err != nil {
		return err
	}
	if err := v.patternArgs(n, callee.Value); err != nil {
		return err
	}
	if _, presence := presenceFunctions[callee.Value]; presence {
		for i := range n.Arguments[:min(len(n.Arguments), max(1, len(n.Arguments)-1))] {
			lenient(&n.Arguments[i])
		}
	}
	return v.list(n.Arguments)
}

// function refuses functions that are not on the list.
func (v *resolver) function(n ast.Node, name string) *Error {
	if functionKnown(name) {
		return nil
	}
	if why := unavailable(name); why != "" {
		return v.errorAt(n, why, "the function %q is not available", name)
	}
	hint := foreign(name)
	if near := facts.Closest(name, functionNames()); hint == "" && near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return v.errorAt(n, hint, "unknown function %q", name)
}
