package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/parser"
	"google.golang.org/protobuf/types/known/structpb"
)

// maxCost ends an original that would run for long.
const maxCost = 1_000_000

// celLanguage is CEL with the extensions that Kubernetes, Pinniped and Authelia have of cel-go.
type celLanguage struct {
	parsing *parser.Parser // without macros, so that they are read as they were written
	running *cel.Env
}

func newCEL() (*celLanguage, error) {
	running, err := cel.NewEnv(cel.OptionalTypes(), ext.Strings(), ext.Lists(), ext.Sets(), ext.Math(), ext.Encoders(), ext.Bindings(), cel.DefaultUTCTimeZone(true))
	if err != nil {
		return nil, fmt.Errorf("set CEL up: %w", err)
	}
	parsing, err := parser.NewParser(parser.EnableOptionalSyntax(true))
	if err != nil {
		return nil, fmt.Errorf("set CEL up: %w", err)
	}
	return &celLanguage{parsing, running}, nil
}

// parse reads an expression. The error is a *syntaxError.
func (l *celLanguage) parse(src string) (original, error) {
	tree, wrong := l.parsing.Parse(common.NewTextSource(src))
	if errs := wrong.GetErrors(); len(errs) > 0 {
		at := errs[0].Location
		message, _, _ := strings.Cut(strings.TrimPrefix(errs[0].Message, "Syntax error: "), " expecting {") // the names of all tokens
		return nil, &syntaxError{max(at.Line(), 1), max(at.Column(), 0), "this is not CEL: " + message}
	}
	o := &celOriginal{src: src, root: tree.Expr()}
	if runs, issues := l.running.Parse(src); issues.Err() == nil {
		o.program, o.unrunnable = l.running.Program(runs, cel.CostLimit(maxCost))
	} else {
		o.unrunnable = issues.Err()
	}
	return o, nil
}

type celOriginal struct {
	src        string
	root       ast.Expr
	program    cel.Program
	unrunnable error
}

func (o *celOriginal) source() string { return o.src }

func (o *celOriginal) run(vars map[string]any) (any, error) {
	if o.unrunnable != nil {
		return nil, o.unrunnable
	}
	out, _, err := o.program.Eval(vars)
	if err != nil {
		return nil, err
	}
	native, err := out.ConvertToNative(reflect.TypeFor[*structpb.Value]())
	if err != nil {
		return nil, err
	}
	return native.(*structpb.Value).AsInterface(), nil
}

func (o *celOriginal) literals() (found []string) {
	ast.PostOrderVisit(o.root, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.LiteralKind {
			if s, ok := e.AsLiteral().(types.String); ok {
				found = append(found, string(s))
			}
		}
	}))
	return found
}

func (o *celOriginal) port(s *scope, condition bool) (value, []string, error) {
	v := &celVisitor{scope: s, vars: map[string]value{}, there: map[string]bool{}, condition: condition}
	out, err := translate(func() value { return v.conjunct(o.root) })
	return out, v.notes, err
}

// celVisitor translates a tree of CEL.
type celVisitor struct {
	scope *scope
	vars  map[string]value // of macros
	there map[string]bool  // what a condition around this place says is not missing
	depth int              // of macros
	// condition: it is one that has to hold, so that what is missing can be asked for before it. needs is what has to be there.
	condition bool
	needs     []field
	notes     []string // what is not quite the same
}

func (v *celVisitor) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(v.notes, text) {
		v.notes = append(v.notes, text)
	}
}

func (v *celVisitor) visit(e ast.Expr) value {
	if path := v.path(e); path != nil {
		return v.named(path)
	}
	switch e.Kind() {
	case ast.IdentKind:
		return v.vars[e.AsIdent()]
	case ast.LiteralKind:
		return v.literal(e)
	case ast.ListKind:
		l := e.AsList()
		if len(l.OptionalIndices()) > 0 {
			refuse("an element of a list that may be left out")
		}
		return list(each(l.Elements(), v.visit))
	case ast.MapKind:
		return object(each(e.AsMap().Entries(), func(m ast.EntryExpr) pair {
			entry := m.AsMapEntry()
			val := v.visit(entry.Value())
			val.missing = val.missing || entry.IsOptional()
			return pair{v.visit(entry.Key()), val}
		}))
	case ast.SelectKind:
		s := e.AsSelect()
		if of := v.visit(s.Operand()); of.kind == kindObject || of.kind == kindAny {
			return atom(kindAny, member(of, literal(s.FieldName()).text))
		}
		refuse("%s is read of something that is no object", s.FieldName())
	case ast.CallKind:
		return v.call(e.AsCall())
	}
	refuse("messages of protocol buffers")
	return value{}
}

func (v *celVisitor) literal(e ast.Expr) value {
	switch x := e.AsLiteral().(type) {
	case types.String:
		return literal(string(x))
	case types.Bool:
		return constant(bool(x))
	case types.Int:
		return constant(int64(x))
	case types.Uint:
		return number(fmt.Sprint(uint64(x)))
	case types.Double:
		return constant(float64(x))
	case types.Null:
		return constant(nil)
	}
	refuse("rules have no bytes")
	return value{}
}

// path returns the names of a chain such as claims.address["country"], and nil for anything else.
func (v *celVisitor) path(e ast.Expr) []string {
	switch e.Kind() {
	case ast.IdentKind:
		if _, local := v.vars[e.AsIdent()]; !local {
			return []string{e.AsIdent()}
		}
	case ast.SelectKind:
		if of := v.path(e.AsSelect().Operand()); of != nil {
			return append(of, e.AsSelect().FieldName())
		}
	case ast.CallKind:
		c := e.AsCall()
		if name := c.FunctionName(); (name == operators.Index || name == operators.OptSelect || name == operators.OptIndex) && c.Args()[1].Kind() == ast.LiteralKind {
			if key, ok := c.Args()[1].AsLiteral().(types.String); ok {
				if of := v.path(c.Args()[0]); of != nil {
					return append(of, string(key))
				}
			}
		}
	}
	return nil
}

// field is what a path is, before anything is said of its being there.
func (v *celVisitor) field(path []string) field {
	f, n, ok := v.scope.read(path)
	if !ok {
		v.scope.unseen(path)
	}
	for _, name := range path[n:] {
		if f.kind != kindObject && f.kind != kindAny {
			v.scope.unseen(path)
		}
		f.value = atom(kindAny, member(f.value, literal(name).text))
	}
	return f
}

// named is the value of a path. What would be an error of the original fails here too.
func (v *celVisitor) named(path []string) value {
	f := v.field(path)
	switch {
	case !v.scope.strict || !f.hollow || v.there[f.text]:
		return f.value
	case v.condition:
		v.needs, v.there[f.text] = append(v.needs, f), true
		return f.value
	}
	return call(f.kind, "required", f.value)
}

// conjunct translates a condition, or a part of one, that is taken for false where the original would fail: before it stands what it needs.
func (v *celVisitor) conjunct(e ast.Expr) value {
	var name string
	var args []ast.Expr
	if e.Kind() == ast.CallKind {
		name, args = e.AsCall().FunctionName(), e.AsCall().Args()
	}
	switch {
	case !v.condition:
	case name == operators.LogicalAnd:
		a := v.conjunct(args[0])
		v.known(args[0], true)
		return and(a, v.conjunct(args[1]))
	case name == operators.LogicalOr:
		a := v.apart(func() value { return v.conjunct(args[0]) })
		return or(a, v.knowing(args[0], false, func() value { return v.conjunct(args[1]) }))
	case name == operators.Conditional:
		c := v.visit(args[0])
		needs := v.needs
		v.needs = nil
		yes := v.knowing(args[0], true, func() value { return v.conjunct(args[1]) })
		out := choice(c, yes, v.knowing(args[0], false, func() value { return v.conjunct(args[2]) }))
		v.needs = needs
		return v.needed(out)
	}
	return v.needed(v.visit(e))
}

// needed puts before a condition what has to be there for it.
func (v *celVisitor) needed(out value) value {
	for _, f := range slices.Backward(v.needs) {
		out = and(has(f.value), out)
	}
	v.needs = nil
	return out
}

// knowing does something with what a condition says by how it came out.
func (v *celVisitor) knowing(condition ast.Expr, holds bool, do func() value) value {
	return v.apart(func() value {
		v.known(condition, holds)
		return do()
	})
}

// apart does something, and forgets what that knew to be there.
func (v *celVisitor) apart(do func() value) value {
	before := maps.Clone(v.there)
	defer func() { v.there = before }()
	return do()
}

// under translates an expression that is only looked at where a condition came out as holds says.
func (v *celVisitor) under(condition ast.Expr, holds bool, e ast.Expr) value {
	was := v.condition
	v.condition = false // it may not be looked at at all
	defer func() { v.condition = was }()
	return v.knowing(condition, holds, func() value { return v.visit(e) })
}

// known notes what a condition says of what is there.
func (v *celVisitor) known(e ast.Expr, holds bool) {
	if e.Kind() != ast.CallKind {
		return
	}
	c := e.AsCall()
	switch name := c.FunctionName(); {
	case name == operators.Has && len(c.Args()) == 1 && holds:
		if path := v.path(c.Args()[0]); path != nil {
			v.there[v.field(path).text] = true
		}
	case name == operators.LogicalNot:
		v.known(c.Args()[0], !holds)
	case name == operators.LogicalAnd && holds, name == operators.LogicalOr && !holds:
		v.known(c.Args()[0], holds)
		v.known(c.Args()[1], holds)
	}
}

var celOperators = map[string]struct {
	op    string
	loose int
	kind  kind
}{
	operators.Less: {"<", looseCompare, kindBool}, operators.LessEquals: {"<=", looseCompare, kindBool},
	operators.Greater: {">", looseCompare, kindBool}, operators.GreaterEquals: {">=", looseCompare, kindBool},
	operators.Equals: {"==", looseCompare, kindBool}, operators.NotEquals: {"!=", looseCompare, kindBool},
	operators.In: {"in", looseCompare, kindBool}, operators.OldIn: {"in", looseCompare, kindBool},
	operators.Add: {"+", looseAdd, kindNumber}, operators.Subtract: {"-", looseAdd, kindNumber},
	operators.Multiply: {"*", looseTimes, kindNumber}, operators.Modulo: {"%", looseTimes, kindNumber},
}

func (v *celVisitor) call(c ast.CallExpr) value {
	name, args := c.FunctionName(), c.Args()
	switch name {
	case operators.LogicalAnd:
		return and(v.visit(args[0]), v.under(args[0], true, args[1]))
	case operators.LogicalOr:
		return or(v.visit(args[0]), v.under(args[0], false, args[1]))
	case operators.LogicalNot:
		return not(v.visit(args[0]))
	case operators.Conditional:
		cond := v.visit(args[0])
		yes := v.under(args[0], true, args[1])
		if cond.text == "true" {
			return yes
		}
		return choice(cond, yes, v.under(args[0], false, args[2]))
	case operators.Negate:
		return value{text: "-" + v.visit(args[0]).in(looseNot), loose: looseNot, kind: kindNumber}
	case operators.Index:
		return v.index(v.visit(args[0]), args[0], args[1])
	case operators.Has:
		return v.has(args)
	case operators.Divide:
		refuse("a division, which gives whole numbers in the original")
	}
	if o, ok := celOperators[name]; ok {
		a, b := v.visit(args[0]), v.visit(args[1])
		switch {
		case name == operators.Equals && b.kind == kindNull:
			return not(has(a))
		case name == operators.NotEquals && b.kind == kindNull:
			return has(a)
		case name == operators.Equals && a.kind == kindBool && b.text == "true":
			return a
		case name == operators.Add && (a.kind.isList() || b.kind.isList()):
			return joined(v.scope, a, b)
		case name == operators.Add && (a.kind == kindText || b.kind == kindText):
			o.kind = kindText
		}
		if o.loose == looseCompare {
			return compare(o.op, a, b)
		}
		out := operator(o.kind, o.op, o.loose, a, b)
		out.filled = name == operators.Add && (a.filled || b.filled)
		return out
	}
	if !c.IsMemberFunction() {
		return v.function(name, nil, args)
	}
	if t := c.Target(); t.Kind() == ast.IdentKind { // sets.contains(a, b) is read as a call of contains
		if _, local := v.vars[t.AsIdent()]; !local {
			switch space := t.AsIdent(); space {
			case "sets", "math", "strings", "lists", "base64", "optional", "cel":
				return v.function(space+"."+name, nil, args)
			}
		}
	}
	return v.function(name, c.Target(), args)
}

// joined is one list behind the other.
func joined(s *scope, a, b value) value {
	k := kindList
	if a.kind == kindTexts && b.kind == kindTexts || a.text == "[]" || b.text == "[]" {
		k = kindTexts
	}
	if s.sets && k == kindTexts {
		return call(k, "union", a, b)
	}
	return call(k, "concat", a, b)
}

func (v *celVisitor) index(of value, original, at ast.Expr) value {
	i := v.visit(at)
	out := atom(kindAny, member(of, i.text))
	switch {
	case of.kind == kindTexts:
		out.kind = kindText
	case of.kind == kindText:
		refuse("an element of a text")
	}
	if i.text == "0" && original.Kind() == ast.CallKind && original.AsCall().FunctionName() == "split" { // there is always a first
		if args := original.AsCall().Args(); len(args) == 2 && args[1].Kind() == ast.LiteralKind {
			of = call(kindTexts, "split", v.visit(original.AsCall().Target()), v.visit(args[0]))
			out.text = member(of, "0")
		}
		return out
	}
	if v.scope.strict {
		return call(out.kind, "required", out)
	}
	out.missing = true
	return out
}

// has is CEL's test of presence: what is always there in rules is empty where the original misses it.
func (v *celVisitor) has(args []ast.Expr) value {
	path := v.path(args[0])
	if path == nil {
		return has(v.visit(args[0]))
	}
	if f := v.field(path); f.kind != kindBool && (f.hollow || f.kind.isList() || f.kind == kindAny) {
		return has(f.value)
	}
	return constant(true)
}

// celMacros are the macros over lists, by the function that says the same.
var celMacros = map[string]string{"all": "all", "exists": "any", "exists_one": "one", "existsOne": "one", "filter": "filter", "map": "map"}

// plain are functions that have the same arguments here, the target first.
var plain = map[string]struct {
	name string
	kind kind
	args int
}{
	"lowerAscii": {"lower", kindText, 1}, "upperAscii": {"upper", kindText, 1}, "trim": {"trim", kindText, 1}, "size": {"len", kindNumber, 1},
	"indexOf": {"indexOf", kindNumber, 2}, "lastIndexOf": {"lastIndexOf", kindNumber, 2}, "replace": {"replace", kindText, 3},
	"split": {"split", kindTexts, 2}, "join": {"join", kindText, 2}, "string": {"string", kindText, 1}, "int": {"int", kindNumber, 1},
	"double": {"float", kindNumber, 1}, "distinct": {"uniq", kindList, 1}, "flatten": {"flatten", kindList, 1}, "sort": {"sort", kindList, 1},
	"strings.quote": {"quote", kindText, 1}, "quote": {"quote", kindText, 1},
}

func (v *celVisitor) function(name string, target ast.Expr, args []ast.Expr) value {
	all := args
	if target != nil {
		all = append([]ast.Expr{target}, args...)
	}
	if ours, ok := celMacros[name]; ok && target != nil && len(args) >= 2 && args[0].Kind() == ast.IdentKind {
		return v.macro(ours, target, args)
	}
	switch {
	case name == "cel.bind" && len(args) == 3 && args[0].Kind() == ast.IdentKind:
		return v.bind(args)
	case name == "orValue" && len(all) == 2:
		return v.otherwise(all[0], all[1])
	case name == "hasValue" && len(all) == 1:
		return v.has(all)
	case name == "value" && len(all) == 1:
		return call(kindAny, "required", v.optional(all[0]))
	case name == "format" && len(all) == 2:
		return v.format(all[0], all[1])
	case name == "matches" && len(all) == 2 && all[1].Kind() != ast.LiteralKind:
		refuse("the pattern of matches is computed, and a pattern of rules is a constant")
	}
	xs := each(all, v.visit)
	is := func(want string, n int) bool { return name == want && len(xs) == n }
	switch {
	case is("startsWith", 2), is("endsWith", 2), is("contains", 2), is("matches", 2):
		if xs[0].kind.isList() {
			refuse("%s of a list", name)
		}
		return compare(name, xs[0], xs[1])
	case is("join", 1):
		return call(kindText, "join", xs[0], literal(""))
	case is("dyn", 1):
		return xs[0]
	case is("substring", 2), is("slice", 3), is("substring", 3):
		v.note("%s fails in the original where the list or text is too short; here what is there is taken", name)
		to := ""
		if len(xs) == 3 {
			to = xs[2].text
		}
		return atom(xs[0].kind, member(xs[0], xs[1].text+":"+to))
	case is("charAt", 2):
		end := xs[1].in(looseAdd) + " + 1"
		if n, err := strconv.Atoi(xs[1].text); err == nil {
			end = strconv.Itoa(n + 1)
		}
		return atom(kindText, member(xs[0], xs[1].text+":"+end))
	case is("reverse", 1) && xs[0].kind.isList():
		return call(xs[0].kind, "reverse", xs[0])
	case is("sets.contains", 2):
		return call(kindBool, "all", xs[1], compare("in", atom(kindAny, "it"), v.steady(xs[0])))
	case is("sets.intersects", 2):
		return call(kindBool, "any", xs[0], compare("in", atom(kindAny, "it"), v.steady(xs[1])))
	}
	p, ok := plain[name]
	if !ok || len(xs) != p.args && !(name == "split" && len(xs) == 3) {
		refuse("rules have no %s(%s)", name, strings.TrimPrefix(strings.Repeat(", x", len(args)), ", "))
	}
	if strings.HasSuffix(name, "Ascii") {
		v.note("%s changes letters outside of ASCII as well, which %s does not", p.name, name)
	}
	if p.kind == kindList && xs[0].kind == kindTexts {
		p.kind = kindTexts
	}
	return call(p.kind, p.name, xs...)
}

// steady is a value that is used inside of another list's predicate, where it is another element.
func (v *celVisitor) steady(x value) value {
	if v.depth > 0 {
		refuse("sets inside of a macro")
	}
	return x
}

func (v *celVisitor) macro(ours string, target ast.Expr, args []ast.Expr) value {
	over := v.visit(target)
	if over.kind == kindObject || over.kind == kindText {
		refuse("a macro over the keys of an object")
	}
	element := atom(kindAny, "it")
	if over.kind == kindTexts {
		element.kind = kindText
	}
	switch {
	case ours == "map" && len(args) == 3:
		over = call(over.kind, "filter", over, v.body(args[0].AsIdent(), element, args[1]))
		args = []ast.Expr{args[0], args[2]}
	case len(args) != 2:
		refuse("a macro over the place of an element and the element")
	}
	body := v.body(args[0].AsIdent(), element, args[1])
	switch {
	case ours == "map" && body.kind == kindText:
		return mapped(over, body, kindTexts)
	case ours == "map":
		return mapped(over, body, kindList)
	case ours == "filter":
		return call(over.kind, "filter", over, body)
	}
	return call(kindBool, ours, over, body)
}

// body is what a macro asks of an element. Where another macro is inside that uses it, the element gets a name.
func (v *celVisitor) body(name string, element value, e ast.Expr) value {
	before, was := maps.Clone(v.vars), v.condition
	v.depth++
	v.condition = false // the list may be empty
	defer func() { v.vars, v.depth, v.condition = before, v.depth-1, was }()
	prefix := ""
	if innerUse(e, name, false) {
		prefix = fmt.Sprintf("let each%d = it; ", v.depth)
		element.text = fmt.Sprintf("each%d", v.depth)
	}
	v.vars[name] = element
	out := v.visit(e)
	if prefix != "" {
		out.text, out.loose = prefix+out.text, looseChoice
	}
	return out
}

// innerUse reports whether a macro inside of e uses a variable from outside.
func innerUse(e ast.Expr, name string, inside bool) bool {
	in := func(list ...ast.Expr) bool {
		return slices.ContainsFunc(list, func(x ast.Expr) bool { return innerUse(x, name, inside) })
	}
	switch e.Kind() {
	case ast.IdentKind:
		return inside && e.AsIdent() == name
	case ast.SelectKind:
		return in(e.AsSelect().Operand())
	case ast.ListKind:
		return in(e.AsList().Elements()...)
	case ast.MapKind:
		return slices.ContainsFunc(e.AsMap().Entries(), func(m ast.EntryExpr) bool { return in(m.AsMapEntry().Key(), m.AsMapEntry().Value()) })
	case ast.CallKind:
		c := e.AsCall()
		if c.IsMemberFunction() && in(c.Target()) {
			return true
		}
		_, macro := celMacros[c.FunctionName()]
		if macro && c.IsMemberFunction() && len(c.Args()) > 1 {
			if c.Args()[0].Kind() == ast.IdentKind && c.Args()[0].AsIdent() == name {
				return false // another of the same name
			}
			return slices.ContainsFunc(c.Args()[1:], func(x ast.Expr) bool { return innerUse(x, name, true) })
		}
		return in(c.Args()...)
	}
	return false
}

func (v *celVisitor) bind(args []ast.Expr) value {
	before := maps.Clone(v.vars)
	defer func() { v.vars = before }()
	name, bound := args[0].AsIdent(), v.visit(args[1])
	local := bound
	local.text, local.loose = fmt.Sprintf("bound%d", len(v.vars)+1), tight
	v.vars[name] = local
	body := v.visit(args[2])
	if v.depth > 0 {
		refuse("cel.bind inside of a macro")
	}
	body.text, body.loose = "let "+local.text+" = "+bound.in(looseOr)+"; "+body.text, looseChoice
	return body
}

// optional is a value of CEL's optional syntax, which may be missing.
func (v *celVisitor) optional(e ast.Expr) value {
	if path := v.path(e); path != nil {
		return v.field(path).value
	}
	if e.Kind() == ast.CallKind {
		if c := e.AsCall(); c.FunctionName() == operators.OptIndex {
			of := v.visit(c.Args()[0])
			out := atom(kindAny, member(of, v.visit(c.Args()[1]).text))
			if of.kind == kindTexts {
				out.kind = kindText
			}
			return out
		}
	}
	refuse("an optional value that is computed")
	return value{}
}

// otherwise is a value or, where it is missing, another.
func (v *celVisitor) otherwise(e, instead ast.Expr) value {
	x, y := v.optional(e), v.visit(instead)
	switch {
	case x.kind == kindBool: // what rules have of this kind is always there
		return x
	case (x.kind.isList() || x.kind == kindText) && v.path(e) != nil && (y.text == "[]" || y.text == `""`):
		return x // empty for missing
	}
	out := call(x.kind, "default", x, y)
	out.filled = y.filled
	return out
}

// format is a text with values filled in.
func (v *celVisitor) format(template, values ast.Expr) value {
	text, ok := template.AsLiteral().(types.String)
	if !ok || values.Kind() != ast.ListKind {
		refuse("format with a text that is computed")
	}
	parts := strings.Split(string(text), "%s")
	xs := each(values.AsList().Elements(), v.visit)
	if len(parts) != len(xs)+1 || strings.Contains(strings.Join(parts, ""), "%") {
		refuse("format with more than %%s")
	}
	out := literal(parts[0])
	for i, x := range xs {
		if x.kind != kindText {
			x = call(kindText, "string", x)
		}
		if out.text == `""` {
			out = x
		} else {
			out = operator(kindText, "+", looseAdd, out, x)
		}
		if parts[i+1] != "" {
			out = operator(kindText, "+", looseAdd, out, literal(parts[i+1]))
		}
	}
	return out
}
