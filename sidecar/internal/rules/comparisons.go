package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
)

// binary resolves an operator with two sides.
func (v *resolver) binary(p *ast.Node, n *ast.BinaryNode) *Error {
	if name, ok := n.Left.(*ast.StringNode); ok && n.Operator == "in" && v.isClaims(n.Right) {
		v.reads.claim(name.Value)
		*p = getNode(n.Location(), &hasClaimOp{name.Value}, natureOf(typeBool))
		v.made(name)
		return nil
	}
	if n.Operator == "matches" { // a pattern that comes with a request could be anything
		if _, _, err := v.regex(n.Right, "matches"); err != nil {
			return err
		}
	}
	if err := v.all(&n.Left, &n.Right); err != nil {
		return err
	}
	switch n.Operator {
	case "==", "!=", "<", "<=", ">", ">=":
		if err := v.values(n.Left, n.Right); err != nil {
			return err
		}
		return v.values(n.Right, n.Left)
	case "in":
		if list, ok := n.Right.(*ast.ArrayNode); ok {
			return v.values(n.Left, list.Nodes...)
		}
	case "startsWith", "endsWith", "contains":
		if _, ok := n.Right.(*ast.StringNode); !ok && isClientID(n.Left) {
			return v.errorAt(n.Right, "", "client.id %s needs a constant string", n.Operator)
		}
	}
	return nil
}

func oneOf(values []string) string {
	if len(values) == 2 {
		return fmt.Sprintf("it is %q or %q", values[0], values[1])
	}
	return "it is one of " + strings.Join(values, ", ")
}

func (v *resolver) isClaims(n ast.Node) bool {
	id, ok := n.(*ast.IdentifierNode)
	return ok && id.Value == "claims" && v.local("claims") == nil
}

const minuteLayout = "2006-01-02T15:04Z"

var layoutExample = time.Date(2026, time.December, 1, 18, 0, 0, 0, time.UTC)

// layoutOf is how a variable of time is written.
func layoutOf(name string) string {
	switch name {
	case "now.day":
		return time.DateOnly
	case "now.minute":
		return minuteLayout
	}
	return ""
}

// values refuses to compare a variable with a constant that it can never be, and with a connector that is named in another case.
func (v *resolver) values(n ast.Node, with ...ast.Node) *Error {
	o, ok := opOf(n).(*variableOp)
	if !ok {
		return nil
	}
	for _, w := range with {
		s, ok := w.(*ast.StringNode)
		if !ok {
			continue
		}
		if o.v.values != nil && !slices.Contains(o.v.values, s.Value) {
			return v.errorAt(w, oneOf(o.v.values), "%s is never %q", o.v.Name, s.Value)
		}
		if layout := layoutOf(o.v.Name); layout != "" {
			if _, err := time.Parse(layout, s.Value); err != nil {
				return v.errorAt(w, "it is written like "+layoutExample.Format(layout), "%s is never like %q", o.v.Name, s.Value)
			}
		}
		for _, id := range v.c.connectors {
			if o.v.Name == "connector.id" && id != s.Value && strings.EqualFold(id, s.Value) {
				return v.errorAt(w, "write it as in connectors, and there as in Dex", "%q differs from the connector %q only in case", s.Value, id)
			}
		}
	}
	return nil
}
