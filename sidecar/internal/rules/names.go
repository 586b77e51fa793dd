package rules

import (
	"fmt"
	"slices"
	"strconv"
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
	if n.Value == element {
		return v.errorAt(n, "it is the element inside filter, map, any ...", "there is no element here")
	}
	if hint := v.meant(n.Value); hint != "" {
		return v.errorAt(n, hint, "unknown name %q", n.Value)
	}
	names := topNames()
	if len(v.c.tables) == 0 {
		names = slices.DeleteFunc(names, func(name string) bool { return name == tablesRoot })
	}
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
	if rest := v.src[byteOffset(v.src, n.Location().To):]; near == "" && !strings.HasPrefix(rest, ".") && !strings.HasPrefix(rest, "[") && !strings.HasPrefix(rest, "?.") {
		text := strconv.Quote(n.Value)
		if strings.TrimSpace(v.src) == n.Value { // as a value of the file, which takes the quotes of YAML
			text = "'" + text + "'"
		}
		hint += "; a text is written " + text
	}
	return v.errorAt(n, hint, "unknown name %q", n.Value)
}

// literal refuses a text with ${ in it. It would stand in the token as it is, and nobody who writes it means that.
func (v *resolver) literal(n *ast.StringNode) *Error {
	if !strings.Contains(n.Value, "${") {
		return nil
	}
	return v.errorAt(n, "write "+spelled(n.Value)+`; the characters themselves are written "$" + "{"`, "${ } is not filled in inside of a text")
}

// spelled writes a text with ${expr} in it as an expression.
func spelled(template string) string {
	var parts []string
	for at := 0; at < len(template); {
		text, next := literalAt(template, at)
		if text != "" {
			parts = append(parts, strconv.Quote(text))
		}
		if at = next; at >= len(template) {
			break
		}
		begin := at + len("${")
		length, err := expressionEnd(template[begin:])
		if err != nil {
			return `"text " + expression`
		}
		inner := strings.TrimSpace(template[begin : begin+length])
		if strings.ContainsAny(inner, " ?") {
			inner = "(" + inner + ")"
		}
		parts = append(parts, inner)
		at = begin + length + len("}")
	}
	return strings.Join(parts, " + ")
}

// meant guesses what somebody means who writes as in another language, or leaves out what a name belongs to.
func (v *resolver) meant(name string) string {
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
	return foreign(name)
}
