package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

// member resolves a.b and a["b"]. With a name of ours in front it is one op, so that only what is read is fetched, and a fact
// is fetched in a checked way.
func (v *resolver) member(p *ast.Node, n *ast.MemberNode) *Error {
	if done, err := v.attribute(p, n); done {
		return err
	}
	root, ok := n.Node.(*ast.IdentifierNode)
	if !ok || v.local(root.Value) != nil {
		return v.all(&n.Node, &n.Property)
	}
	name, constant := n.Property.(*ast.StringNode)
	typ := v.c.facts[root.Value]
	switch {
	case root.Value == "claims" && constant:
		return v.claim(p, name)
	case root.Value == "claims":
		return v.claimAt(p, n)
	case root.Value == tablesRoot && constant:
		return v.table(p, name)
	case slices.Contains(roots, root.Value) && constant:
		return v.field(p, root.Value, name)
	case typ != nil && constant:
		return v.fact(p, root.Value, typ, name)
	case typ != nil || slices.Contains(roots, root.Value):
		return v.errorAt(n.Property, fmt.Sprintf("write %s.NAME", root.Value), "%s is read by name", root.Value)
	}
	return v.all(&n.Node, &n.Property)
}

// attribute resolves ALIAS.LIST.NAME where the list has names and values.
func (v *resolver) attribute(p *ast.Node, n *ast.MemberNode) (bool, *Error) {
	list, ok := n.Node.(*ast.MemberNode)
	name, named := n.Property.(*ast.StringNode)
	if !ok || !named {
		return false, nil
	}
	root, ok := list.Node.(*ast.IdentifierNode)
	fact, constant := list.Property.(*ast.StringNode)
	if !ok || !constant || v.c.facts[root.Value] == nil || v.local(root.Value) != nil {
		return false, nil
	}
	typ := v.c.facts[root.Value].Fields[fact.Value]
	if !typ.IsNamed() {
		return false, nil
	}
	v.reads.fact(root.Value + "." + fact.Value)
	*p = getNode(name.Location(), &attributeOp{root.Value, fact.Value, name.Value}, factNature(typ.Elem.Fields["value"]))
	return true, nil
}

func (v *resolver) field(p *ast.Node, root string, name *ast.StringNode) *Error {
	found := variableOf(root + "." + name.Value)
	if found == nil {
		return v.errorAt(name, nearest(name.Value, fieldsOf(root), "fields of "+root), "unknown field %q of %s", name.Value, root)
	}
	*p = v.variable(name, found)
	return nil
}

func (v *resolver) fact(p *ast.Node, alias string, typ *facts.Type, name *ast.StringNode) *Error {
	o := &factOp{alias: alias, name: name.Value}
	var n nature.Nature
	if f := typ.Fields[name.Value]; f != nil {
		n, o.nullable = factNature(f), f.Nullable
	} else if host := hostFactOf(name.Value); host != nil {
		o.always = host.always
		n = natureOf(host.typ)
	} else {
		return v.errorAt(name, nearest(name.Value, factNames(typ), "facts of "+alias), "unknown fact %q of %s", name.Value, alias)
	}
	v.reads.fact(alias + "." + name.Value)
	*p = getNode(name.Location(), o, n)
	return nil
}

func (v *resolver) claim(p *ast.Node, name *ast.StringNode) *Error {
	if unreadable(name.Value) {
		return v.errorAt(name, "", "the claim %q cannot be read: it may still change before the token is signed", name.Value)
	}
	v.reads.claim(name.Value)
	var typ nature.Nature
	if v.c.known != nil {
		typ = v.c.claim(name.Value).typ
	}
	*p = getNode(name.Location(), &claimOp{name.Value}, typ)
	v.made(name)
	return nil
}

// made takes note of a claim that is always missing: somebody mistyped it.
func (v *resolver) made(name *ast.StringNode) {
	if v.unmade != nil || v.c.known == nil || v.c.known.made(name.Value) || claims.Reserved(name.Value) || slices.Contains(claims.OwnMembers(), name.Value) {
		return
	}
	here := append(claims.OwnMembers(), slices.Sorted(maps.Keys(v.c.known.claims))...)
	hint := "claims here: " + strings.Join(here, ", ")
	if near := facts.Closest(name.Value, here); near != "" {
		hint = "did you mean claims." + near + "?"
	}
	v.unmade = v.errorAt(name, hint, "nobody makes a claim %q: neither Dex nor a step before this one", name.Value)
}

func (v *resolver) claimAt(p *ast.Node, n *ast.MemberNode) *Error {
	switch n.Property.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NilNode:
		return v.errorAt(n.Property, "write claims.NAME", "claims are read by name")
	}
	v.reads.allClaims()
	at := n.Location()
	*p = callNode(at, fnCall, callType, nature.Nature{}, constant(at, &claimAtOp{}), n.Property)
	return v.visit(&(*p).(*ast.CallNode).Arguments[1])
}

// nearest returns the hint for a name that is none of names.
func nearest(name string, names []string, title string) string {
	if near := facts.Closest(name, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return title + ": " + strings.Join(names, ", ")
}

// factNames returns the names of a lookup's facts, those of the host last.
func factNames(typ *facts.Type) []string {
	names := typ.Names()
	for _, f := range hostFacts {
		names = append(names, f.name)
	}
	return names
}
