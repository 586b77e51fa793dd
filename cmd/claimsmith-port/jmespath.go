package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	jmespath "github.com/jmespath-community/go-jmespath"
	"github.com/jmespath-community/go-jmespath/pkg/parsing"
)

// parseJMESPath reads an expression. The error is a *syntaxError.
func parseJMESPath(src string) (_ original, err error) {
	defer func() { // the parser looks behind the last token of some texts
		if recover() != nil {
			err = &syntaxError{1, 0, "this is not JMESPath"}
		}
	}()
	tree, err := parsing.NewParser().Parse(src)
	if err != nil {
		line, col := 1, 0
		if at := (parsing.SyntaxError{}); errors.As(err, &at) {
			before := src[:min(at.Offset, len(src))]
			line, col = 1+strings.Count(before, "\n"), utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
		}
		return nil, &syntaxError{line, col, "this is not JMESPath: " + strings.TrimPrefix(err.Error(), "SyntaxError: ")}
	}
	program, err := jmespath.Compile(src)
	if err != nil {
		return nil, &syntaxError{1, 0, "this is not JMESPath: " + err.Error()}
	}
	return &pathOriginal{src: src, root: tree, program: program}, nil
}

type pathOriginal struct {
	src     string
	root    parsing.ASTNode
	program jmespath.JMESPath
}

func (o *pathOriginal) source() string { return o.src }

func (o *pathOriginal) run(vars map[string]any) (out any, err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = fmt.Errorf("jmespath: %v", thrown)
		}
	}()
	return o.program.Search(vars)
}

func (o *pathOriginal) literals() (found []string) {
	var visit func(parsing.ASTNode)
	visit = func(n parsing.ASTNode) {
		if s, ok := n.Value.(string); ok && n.NodeType == parsing.ASTLiteral {
			found = append(found, s)
		}
		for _, child := range n.Children {
			visit(child)
		}
	}
	visit(o.root)
	return found
}

func (o *pathOriginal) port(s *scope, _ bool) (value, []string, error) {
	v := &pathVisitor{scope: s}
	out, err := translate(func() value { return v.visit(o.root, nil) })
	return out, v.notes, err
}

// pathVisitor translates a tree of JMESPath. The value that a node looks at is nil at the root, where names are those of the scope.
type pathVisitor struct {
	scope *scope
	notes []string
}

type node = parsing.ASTNode

func (v *pathVisitor) visit(n node, at *value) value {
	switch n.NodeType {
	case parsing.ASTIdentity, parsing.ASTCurrentNode:
		if at == nil {
			refuse("the whole token as a value")
		}
		return *at
	case parsing.ASTLiteral:
		return constant(n.Value)
	case parsing.ASTField, parsing.ASTSubexpression:
		if path := names(n); path != nil && at == nil {
			return v.named(path)
		}
		if n.NodeType == parsing.ASTSubexpression && n.Children[0].NodeType == parsing.ASTRootNode {
			return v.visit(n.Children[1], nil)
		}
		if n.NodeType == parsing.ASTSubexpression && at == nil && names(n.Children[0]) != nil {
			if whole, ok := grafted(n.Children[0], n.Children[1]); ok {
				return v.visit(whole, nil)
			}
		}
		if n.NodeType == parsing.ASTField {
			return v.member(*at, n.Value.(string))
		}
		left := v.visit(n.Children[0], at)
		return v.visit(n.Children[1], &left)
	case parsing.ASTPipe, parsing.ASTIndexExpression:
		if at == nil && len(n.Children) == 2 && n.Children[0].NodeType == parsing.ASTIdentity {
			refuse("an element of the whole token")
		}
		left := v.visit(n.Children[0], at)
		return v.visit(n.Children[1], &left)
	case parsing.ASTIndex:
		return v.element(at, n.Value.(int))
	case parsing.ASTSlice:
		return v.slice(at, n.Value.([]*int))
	case parsing.ASTProjection, parsing.ASTFilterProjection:
		return v.projection(n, at)
	case parsing.ASTFlatten:
		over := v.visit(n.Children[0], at)
		if over.kind == kindTexts { // nothing in it to flatten
			return over
		}
		return call(kindList, "flatten", over)
	case parsing.ASTOrExpression:
		return v.or(v.visit(n.Children[0], at), v.visit(n.Children[1], at))
	case parsing.ASTAndExpression:
		return v.and(v.visit(n.Children[0], at), v.visit(n.Children[1], at))
	case parsing.ASTNotExpression:
		return not(truth(v.visit(n.Children[0], at)))
	case parsing.ASTComparator:
		return v.comparator(n, at)
	case parsing.ASTMultiSelectList:
		return list(each(n.Children, func(c node) value { return stored(v.present(c, at)) }))
	case parsing.ASTMultiSelectHash:
		return object(each(n.Children, func(c node) pair { return pair{literal(c.Value.(string)), v.present(c.Children[0], at)} }))
	case parsing.ASTKeyValPair:
		return v.visit(n.Children[0], at)
	case parsing.ASTFunctionExpression:
		return v.function(n, at)
	}
	refuse("rules have nothing like %s of JMESPath", strings.TrimPrefix(fmt.Sprint(n.NodeType), "AST"))
	return value{}
}

// present is a value that counts as missing where it is an empty text: the original sees nothing there.
func (v *pathVisitor) present(n node, at *value) value {
	x := v.visit(n, at).settled()
	x.missing = x.missing || x.kind == kindText && !x.filled
	if note := "what has no value is left out here, and is null in the original"; x.missing && !slices.Contains(v.notes, note) {
		v.notes = append(v.notes, note)
	}
	return x
}

// names is a chain of names from the root, and nil for anything else.
func names(n node) []string {
	switch n.NodeType {
	case parsing.ASTField:
		return []string{n.Value.(string)}
	case parsing.ASTSubexpression:
		left, right := names(n.Children[0]), names(n.Children[1])
		if left != nil && right != nil {
			return append(left, right...)
		}
	}
	return nil
}

// grafted puts a name before the first one of an expression: a.b[*] is read as a and b[*], and means the elements of a.b.
func grafted(before, n node) (node, bool) {
	switch n.NodeType {
	case parsing.ASTField:
		return node{NodeType: parsing.ASTSubexpression, Children: []node{before, n}}, true
	case parsing.ASTProjection, parsing.ASTFilterProjection, parsing.ASTIndexExpression, parsing.ASTFlatten, parsing.ASTSubexpression:
		first, ok := grafted(before, n.Children[0])
		n.Children = append([]node{first}, n.Children[1:]...)
		return n, ok
	}
	return n, false
}

func (v *pathVisitor) named(path []string) value {
	if len(path) == 1 && path[0] == "null" { // a name that nothing has, as people write null
		return constant(nil)
	}
	f, n, ok := v.scope.read(path)
	if !ok || n < len(path) {
		v.scope.unseen(path)
	}
	return f.value
}

func (v *pathVisitor) member(of value, name string) value {
	if of.kind != kindObject && of.kind != kindAny {
		refuse("%s is read of something that is no object", name)
	}
	out := atom(kindAny, member(of, literal(name).text))
	out.missing = true
	return out
}

func (v *pathVisitor) element(of *value, i int) value {
	if of == nil || !of.kind.isList() {
		refuse("an element of something that is no list")
	}
	k := kindAny
	if of.kind == kindTexts {
		k = kindText
	}
	var out value
	switch {
	case i == 0 && strings.HasPrefix(of.text, "filter(") && strings.HasSuffix(of.text, ")") && of.loose == tight:
		out = atom(k, "find("+strings.TrimPrefix(of.text, "filter("))
	case i == 0:
		out = call(k, "first", *of)
	case i == -1:
		out = call(k, "last", *of)
	default:
		out = atom(k, member(*of, fmt.Sprint(i)))
	}
	out.missing = true
	return out
}

func (v *pathVisitor) slice(of *value, parts []*int) value {
	if of == nil || !of.kind.isList() && of.kind != kindText || parts[2] != nil && *parts[2] != 1 {
		refuse("a slice with a step, or of something that is no list")
	}
	text := func(p *int) string {
		if p == nil {
			return ""
		}
		return fmt.Sprint(*p)
	}
	return atom(of.kind, member(*of, text(parts[0])+":"+text(parts[1])))
}

// projection is [*], [?test], [] or a slice, with what is done with each element.
func (v *pathVisitor) projection(n node, at *value) value {
	over := v.visit(n.Children[0], at)
	if over.kind == kindText && n.NodeType == parsing.ASTProjection {
		return over // the slice of a text
	}
	if !over.kind.isList() && over.kind != kindAny {
		refuse("a projection of something that is no list")
	}
	element := atom(kindAny, "it")
	if over.kind == kindTexts {
		element.kind = kindText
	}
	if n.NodeType == parsing.ASTFilterProjection {
		k := over.kind
		if k == kindAny {
			k = kindList
		}
		over = call(k, "filter", over, truth(v.visit(n.Children[2], &element)))
	}
	if right := n.Children[1]; right.NodeType != parsing.ASTIdentity {
		body := v.visit(right, &element)
		if body.missing {
			refuse("a projection to something that may be missing")
		}
		if body.kind == kindText {
			return mapped(over, body, kindTexts)
		}
		return mapped(over, body, kindList)
	}
	return over
}

// truth is a value as a condition.
func truth(v value) value {
	switch {
	case len(v.branches) > 0:
		any := v.branches[0].counts()
		for _, b := range v.branches[1:] {
			any = or(any, b.counts())
		}
		return any
	case v.kind == kindBool:
		return v
	case v.filled || v.kind == kindNumber:
		return constant(true)
	case v.kind == kindAny:
		refuse("whether a value of unknown type counts as true")
	}
	return has(v)
}

// counts is the condition under which a branch gives something that counts as true.
func (b branch) counts() value {
	if b.then.filled || b.then.kind == kindNumber || truth(b.then).text == b.when.text {
		return b.when
	}
	return and(b.when, truth(b.then))
}

func (v *pathVisitor) and(a, b value) value {
	switch {
	case a.kind == kindBool && b.kind == kindBool:
		return and(a, b)
	case len(b.branches) == 0:
		return value{branches: []branch{{truth(a), b}}}
	}
	return value{branches: each(b.branches, func(inner branch) branch { return branch{and(truth(a), inner.when), inner.then} })}
}

func (v *pathVisitor) or(a, b value) value {
	switch {
	case len(a.branches) > 0:
		kept := each(a.branches, func(one branch) branch { return branch{one.counts(), one.then} })
		if len(b.branches) > 0 {
			return value{branches: append(kept, b.branches...)}
		}
		return chosen(kept, b)
	case a.kind == kindBool && len(b.branches) == 0 && b.kind == kindBool:
		return or(a, b)
	case a.kind == kindBool:
		return choice(a, constant(true), b.settled())
	}
	b = b.settled()
	out := call(a.kind, "default", a, b)
	if first, more := strings.CutPrefix(a.text, "default("); more && strings.HasSuffix(first, ")") && a.loose == tight {
		out.text = strings.TrimSuffix(a.text, ")") + ", " + b.text + ")"
	}
	out.filled, out.missing = b.filled, b.missing
	return out
}

func (v *pathVisitor) comparator(n node, at *value) value {
	a, b := v.visit(n.Children[0], at), v.visit(n.Children[1], at)
	if len(a.branches)+len(b.branches) > 0 {
		refuse("a comparison with c && x")
	}
	op := map[parsing.TokType]string{parsing.TOKEQ: "==", parsing.TOKNE: "!=", parsing.TOKLT: "<", parsing.TOKLTE: "<=", parsing.TOKGT: ">", parsing.TOKGTE: ">="}[n.Value.(parsing.TokType)]
	switch {
	case b.kind == kindNull && op == "==":
		return not(has(a))
	case b.kind == kindNull && op == "!=":
		return has(a)
	case op != "==" && op != "!=" && (a.kind != kindNumber || b.kind != kindNumber):
		refuse("%s of what is no number, which is null in the original", op)
	}
	return compare(op, a, b)
}

var pathFunctions = map[string]struct {
	name string
	kind kind
	args int
}{
	"length": {"len", kindNumber, 1}, "reverse": {"reverse", kindList, 1}, "sort": {"sort", kindList, 1},
	"to_number": {"float", kindNumber, 1}, "lower": {"lower", kindText, 1}, "upper": {"upper", kindText, 1}, "trim": {"trim", kindText, 1},
	"split": {"split", kindTexts, 2}, "replace": {"replace", kindText, 3},
}

func (v *pathVisitor) function(n node, at *value) value {
	name := n.Value.(string)
	if name == "map" && len(n.Children) == 2 && n.Children[0].NodeType == parsing.ASTExpRef {
		return v.projection(node{NodeType: parsing.ASTProjection, Children: []node{n.Children[1], n.Children[0].Children[0]}}, at)
	}
	if inner := n.Children; name == "sort" && len(inner) == 1 && inner[0].NodeType == parsing.ASTFunctionExpression && inner[0].Value == "keys" && len(inner[0].Children) == 1 {
		return call(kindTexts, "keys", v.visit(inner[0].Children[0], at)) // which sorts them
	}
	xs := each(n.Children, func(c node) value {
		x := v.visit(c, at)
		if len(x.branches) > 0 {
			refuse("c && x as an argument of %s", name)
		}
		return x
	})
	is := func(want string, n int) bool { return name == want && len(xs) == n }
	switch {
	case is("contains", 2) && xs[0].kind.isList():
		return compare("in", xs[1], xs[0])
	case is("contains", 2) && xs[0].kind == kindText:
		return compare("contains", xs[0], xs[1])
	case is("starts_with", 2):
		return compare("startsWith", xs[0], xs[1])
	case is("ends_with", 2):
		return compare("endsWith", xs[0], xs[1])
	case is("join", 2):
		return call(kindText, "join", xs[1], xs[0])
	case is("to_string", 1) && xs[0].kind == kindText:
		return xs[0]
	case is("to_string", 1) && (xs[0].kind == kindNumber || xs[0].kind == kindBool):
		out := call(kindText, "string", xs[0])
		out.filled = true
		return out
	case is("to_string", 1):
		out := call(kindText, "toJSON", xs[0])
		out.filled = true
		return out
	case name == "not_null" && len(xs) > 1:
		out := call(xs[0].kind, "default", xs...)
		out.filled, out.missing = xs[len(xs)-1].filled, xs[len(xs)-1].missing
		return out
	case name == "merge" && len(xs) > 0:
		return call(kindObject, "merge", xs...)
	}
	if name == "keys" {
		refuse("keys come in any order; sort(keys(x)) has one")
	}
	p, ok := pathFunctions[name]
	if !ok || len(xs) != p.args || name == "reverse" && !xs[0].kind.isList() {
		refuse("rules have no %s(%s) of this kind", name, strings.TrimPrefix(strings.Repeat(", x", len(xs)), ", "))
	}
	if p.kind == kindList && xs[0].kind == kindTexts {
		p.kind = kindTexts
	}
	return call(p.kind, p.name, xs...)
}
