package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

// unknown refuses a name that means nothing, and guesses at what was meant.
func (v *resolver) unknown(n *ast.IdentifierNode) *Error {
	if functionKnown(n.Value) {
		return v.errorAt(n, fmt.Sprintf("write %s(...)", n.Value), "%q is a function", n.Value)
	}
	if hint := v.meant(n.Value); hint != "" {
		return v.errorAt(n, hint, "unknown name %q", n.Value)
	}
	names := topNames()
	for i := len(v.locals) - 1; i >= 0; i-- {
		names = append(names, v.locals[i].name)
	}
	hint := "known here: " + strings.Join(names, ", ")
	near := facts.Closest(n.Value, append(names, v.c.aliases...))
	switch {
	case near != "" && !slices.Contains(v.c.aliases, near):
		hint = fmt.Sprintf("did you mean %q?", near)
	case len(v.c.aliases) > 0:
		hint = "plugins declared here: " + strings.Join(v.c.aliases, ", ")
	}
	return v.errorAt(n, hint, "unknown name %q", n.Value)
}

// meant guesses what somebody means who writes as in another language, or leaves out what a name belongs to.
func (v *resolver) meant(name string) string {
	switch strings.ToLower(name) {
	case "true", "false":
		return "write " + strings.ToLower(name)
	case "null", "none", "undefined":
		return "write nil"
	}
	for _, root := range roots {
		field := root + "." + name
		_, claim := claims.OwnMember(name)
		switch {
		case variableOf(field) == nil || name == "id":
		case claim:
			return fmt.Sprintf("write %s, or claims.%s for what is in the token", field, name)
		default:
			return "write " + field
		}
	}
	var of []string
	for _, alias := range v.c.aliases {
		if v.c.facts[alias].Fields[name] != nil || hostFactOf(name) != nil {
			of = append(of, alias+"."+name)
		}
	}
	if len(of) > 0 {
		return "write " + strings.Join(of, " or ")
	}
	return ""
}
