package rules

import (
	"cmp"
	"fmt"
	"maps"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// need says what the result of an expression may be.
type need int

const (
	loose   need = iota // a part of an expression, or one of which nothing is known: it may be missing
	whole               // a value
	claimed             // the value of a claim: a value, or optional(x), in which nothing is missing either
)

// missing finds where a value is wanted that can be nil, and where somebody asks whether a value is nil that never is. It goes through an
// expression whose types are known. What it cannot know, such as an element of a list that nobody described, is there.
type missing struct {
	src   string
	c     *Compiler
	there map[string]bool // expressions that are not nil here
	lists map[string]bool // expressions that are lists with something in them here
	lets  []hollow
	elems []ast.Node        // why an element of the lists that predicates go through may be nil; nil: it is not
	nils  map[ast.Node]bool // parts that may be nil where they stand
	want  need
	wrong *Error
}

// hollow is a variable of let.
type hollow struct {
	name   string
	why    ast.Node
	filled bool // it is a list with something in it
}

// absences checks an expression, of which a result is wanted, and tells which parts of it may be nil.
func (c *Compiler) absences(src string, root ast.Node, want need) (nils map[ast.Node]bool, wrong *Error) {
	if c.known == nil || c.loose || want == loose {
		return nil, nil
	}
	m := &missing{src: src, c: c, want: want, there: map[string]bool{}, lists: map[string]bool{}, nils: map[ast.Node]bool{}}
	for _, f := range c.known.facts {
		m.add(f.finding)
	}
	if want == claimed {
		m.stored(root)
	} else {
		m.need(root)
	}
	return m.nils, m.wrong
}

func (m *missing) fail(n ast.Node, hint, format string, args ...any) {
	if m.wrong == nil {
		m.wrong = &Error{Offset: byteOffset(m.src, n.Location().From), Message: fmt.Sprintf(format, args...), Hint: hint}
	}
}

// need goes through an expression that must have a value.
func (m *missing) need(n ast.Node) {
	if n == nil {
		return
	}
	if why := m.of(n); why != nil {
		message, hint := m.explain(why, n)
		m.fail(why, hint, "%s", message)
	}
}

// stored goes through the value of a claim, also into what is in it. A nil that is written down is meant.
func (m *missing) stored(n ast.Node) {
	switch n := n.(type) {
	case *ast.MapNode:
		for _, p := range n.Pairs {
			pair := p.(*ast.PairNode)
			m.need(pair.Key)
			m.member(pair.Value)
		}
	case *ast.ArrayNode:
		for _, e := range n.Nodes {
			m.member(e)
		}
	case *ast.ConditionalNode:
		m.need(n.Cond)
		m.given(n.Cond, true, func() { m.stored(n.Exp1) })
		m.given(n.Cond, false, func() { m.stored(n.Exp2) })
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok && callee.Value == "optional" {
			m.of(n.Arguments[0])
			return
		}
		m.full(n)
	default:
		m.full(n)
	}
}

func (m *missing) member(n ast.Node) {
	if _, ok := n.(*ast.NilNode); !ok {
		m.stored(n)
	}
}

// full is need for what holds no nil either.
func (m *missing) full(n ast.Node) {
	m.need(n)
	if why := m.elements(n); why != nil {
		message, hint := m.explain(why, why)
		m.fail(why, hint, "%s", message)
	}
}

// of goes through an expression and returns the part because of which it may be nil; nil when it never is.
func (m *missing) of(n ast.Node) ast.Node {
	why := m.why(n)
	m.nils[n] = why != nil
	return why
}

func (m *missing) why(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.NilNode:
		return n
	case *ast.IdentifierNode:
		for i := len(m.lets) - 1; i >= 0; i-- {
			if m.lets[i].name == n.Value && !m.there[key(n)] {
				return m.lets[i].why
			}
		}
	case *ast.PointerNode:
		if n.Name == "" && len(m.elems) > 0 && !m.there[key(n)] {
			return m.elems[len(m.elems)-1]
		}
	case *ast.UnaryNode:
		m.need(n.Node)
	case *ast.BinaryNode:
		return m.binary(n)
	case *ast.ChainNode:
		why, cut := m.chained(n.Node)
		if why == nil && !m.there[key(n)] {
			why = cut
		}
		return why
	case *ast.MemberNode:
		why, _ := m.chained(n)
		return why
	case *ast.SliceNode:
		m.need(n.Node)
		m.need(n.From)
		m.need(n.To)
	case *ast.ConditionalNode:
		return m.conditional(n)
	case *ast.SequenceNode:
		return m.of(n.Nodes[len(n.Nodes)-1])
	case *ast.VariableDeclaratorNode:
		m.lets = append(m.lets, hollow{n.Name, m.of(n.Value), m.filled(n.Value)})
		defer func() { m.lets = m.lets[:len(m.lets)-1] }()
		return m.of(n.Expr)
	case *ast.ArrayNode:
		for _, e := range n.Nodes {
			m.of(e)
		}
	case *ast.MapNode:
		for _, p := range n.Pairs {
			m.need(p.(*ast.PairNode).Key)
			m.of(p.(*ast.PairNode).Value)
		}
	case *ast.PredicateNode:
		return m.of(n.Node)
	case *ast.BuiltinNode:
		return m.builtin(n)
	case *ast.CallNode:
		return m.call(n)
	}
	return nil
}

// chained is of for a.b?.c, with the part at which ?. may end it.
func (m *missing) chained(n ast.Node) (why, cut ast.Node) {
	member, ok := n.(*ast.MemberNode)
	if !ok {
		return m.of(n), nil
	}
	base, cut := m.chained(member.Node)
	m.need(member.Property)
	switch {
	case base != nil && member.Optional:
		cut = base
	case base != nil:
		message, hint := m.explain(base, member.Node)
		m.fail(base, strings.TrimPrefix("or write ?. before what is read of it; "+hint, "or "), "%s", message)
	}
	if m.there[key(n)] || m.sure(member) {
		return nil, cut
	}
	return n, cut
}

// sure reports whether what is read of something is always there.
func (m *missing) sure(n *ast.MemberNode) bool {
	of := n.Node.Nature()
	if name, ok := n.Property.(*ast.StringNode); ok {
		if o, ok := opOf(n.Node).(*tableOp); ok {
			_, there := o.table.get(name.Value)
			return there
		}
		if of.TypeData != nil && of.Fields != nil {
			typ, known := of.Fields[name.Value]
			return known && !unknownType(&typ)
		}
		return false
	}
	place, ok := n.Property.(*ast.IntegerNode)
	if list, written := n.Node.(*ast.ArrayNode); ok && written {
		return place.Value >= 0 && place.Value < len(list.Nodes)
	}
	return ok && place.Value == 0 && m.filled(n.Node)
}

// filled reports whether a list has something in it.
func (m *missing) filled(n ast.Node) bool {
	if m.lists[key(n)] {
		return true
	}
	switch n := n.(type) {
	case *ast.IdentifierNode:
		for i := len(m.lets) - 1; i >= 0; i-- {
			if m.lets[i].name == n.Value {
				return m.lets[i].filled
			}
		}
	case *ast.ArrayNode:
		return len(n.Nodes) > 0
	case *ast.BuiltinNode:
		switch n.Name {
		case "split":
			at, ok := n.Arguments[len(n.Arguments)-1].(*ast.StringNode)
			return ok && len(n.Arguments) == 2 && at.Value != ""
		case "map", "reverse", "sortBy":
			return m.filled(n.Arguments[0])
		case "concat":
			for _, arg := range n.Arguments {
				if m.filled(arg) {
					return true
				}
			}
		}
	case *ast.CallNode:
		switch calleeOf(n) {
		case "sort", "uniq", "addPrefix", "addSuffix", "rename":
			return m.filled(n.Arguments[0])
		case "union":
			for _, arg := range n.Arguments {
				if m.filled(arg) {
					return true
				}
			}
		}
	}
	return false
}

// elements is of for the elements of a list.
func (m *missing) elements(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.ArrayNode:
		for _, e := range n.Nodes {
			if why := m.of(e); why != nil {
				return why
			}
		}
	case *ast.ConditionalNode:
		return cmp.Or(m.elements(n.Exp1), m.elements(n.Exp2))
	case *ast.BinaryNode:
		if n.Operator == "??" {
			return cmp.Or(m.elements(n.Left), m.elements(n.Right))
		}
	case *ast.VariableDeclaratorNode:
		m.lets = append(m.lets, hollow{n.Name, m.of(n.Value), m.filled(n.Value)})
		defer func() { m.lets = m.lets[:len(m.lets)-1] }()
		return m.elements(n.Expr)
	case *ast.BuiltinNode:
		switch n.Name {
		case "map":
			m.elems = append(m.elems, m.elements(n.Arguments[0]))
			defer func() { m.elems = m.elems[:len(m.elems)-1] }()
			return m.of(n.Arguments[1])
		case "filter", "take", "reverse", "sortBy":
			return m.elements(n.Arguments[0])
		case "concat":
			for _, arg := range n.Arguments {
				if why := m.elements(arg); why != nil {
					return why
				}
			}
		}
	case *ast.CallNode:
		switch calleeOf(n) {
		case "default":
			return cmp.Or(m.elements(n.Arguments[0]), m.elements(n.Arguments[1]))
		case "sort", "uniq", "required":
			return m.elements(n.Arguments[0])
		}
	}
	return nil
}

func (m *missing) binary(n *ast.BinaryNode) ast.Node {
	switch n.Operator {
	case "??":
		if m.of(n.Left) == nil {
			m.fail(n.Left, fmt.Sprintf("for what is empty write default(%s, ...)", m.text(n.Left)), "%s is never nil, so what follows ?? is never used", m.subject(n.Left))
		}
		return m.of(n.Right)
	case "and", "&&", "or", "||":
		m.need(n.Left)
		m.given(n.Left, n.Operator == "and" || n.Operator == "&&", func() { m.need(n.Right) })
	case "==", "!=":
		left, right := m.of(n.Left), m.of(n.Right)
		m.comparedWithNil(n, n.Left, left, n.Right)
		m.comparedWithNil(n, n.Right, right, n.Left)
	case "in", "contains", "startsWith", "endsWith", "matches":
		m.of(n.Left)
		m.of(n.Right)
	default:
		m.need(n.Left)
		m.need(n.Right)
	}
	return nil
}

func (m *missing) comparedWithNil(at *ast.BinaryNode, n, why, with ast.Node) {
	if _, isNil := with.(*ast.NilNode); !isNil || why != nil {
		return
	}
	hint := fmt.Sprintf("this is always %t", at.Operator == "!=")
	if canBeEmpty(n) {
		hint = "whether there is something is asked by has(" + m.text(n) + ")"
		if at.Operator == "==" {
			hint = "whether there is nothing is asked by not has(" + m.text(n) + ")"
		}
	}
	m.fail(n, hint, "%s is never nil%s", m.subject(n), onlyEmpty(n))
}

func onlyEmpty(n ast.Node) string {
	if canBeEmpty(n) {
		return ", only empty"
	}
	return ""
}

// canBeEmpty reports whether a value may be there and count as missing.
func canBeEmpty(n ast.Node) bool {
	typ := n.Nature()
	return !typ.IsBool() && !typ.IsNumber()
}

func (m *missing) conditional(n *ast.ConditionalNode) ast.Node {
	m.need(n.Cond)
	var yes, no ast.Node
	m.given(n.Cond, true, func() { yes = m.of(n.Exp1) })
	m.given(n.Cond, false, func() { no = m.of(n.Exp2) })
	return cmp.Or(yes, no)
}

func (m *missing) builtin(n *ast.BuiltinNode) ast.Node {
	switch {
	case n.Name == "type":
		m.of(n.Arguments[0])
		return nil
	case n.Name == "first" || n.Name == "last":
		m.of(n.Arguments[0])
		if m.filled(n.Arguments[0]) || m.there[key(n)] {
			return m.elements(n.Arguments[0])
		}
		return n
	case loops(n.Name):
		m.loop(n)
	default:
		for _, arg := range n.Arguments {
			m.need(arg)
		}
	}
	if strings.HasPrefix(n.Name, "find") && !m.there[key(n)] {
		return n
	}
	return nil
}

// loop goes through a predicate. What is known of the element of the loop around it is not known of its own.
func (m *missing) loop(n *ast.BuiltinNode) {
	m.need(n.Arguments[0])
	outer := m.there
	m.there = maps.Clone(outer)
	maps.DeleteFunc(m.there, func(k string, _ bool) bool { return strings.Contains(k, elementKey) })
	m.elems = append(m.elems, m.elements(n.Arguments[0]))
	for _, arg := range n.Arguments[1:] {
		if p, ok := arg.(*ast.PredicateNode); ok && n.Name == "map" {
			m.of(p.Node)
		} else if ok {
			m.need(p.Node)
		} else {
			m.need(arg)
		}
	}
	m.elems = m.elems[:len(m.elems)-1]
	m.there = outer
}

func (m *missing) call(n *ast.CallNode) ast.Node {
	switch o := opOf(n).(type) {
	case *claimOp:
		if made := m.c.claim(o.name); made.missing != "" && !m.there[key(n)] {
			return n
		}
		return nil
	case *attributeOp:
		if !m.there[key(n)] {
			return n
		}
		return nil
	case *factOp:
		if o.nullable && !m.there[key(n)] {
			return n
		}
		return nil
	case nil:
	default:
		return nil
	}
	name := calleeOf(n)
	if name == fnCall { // a claim by a computed name
		m.need(n.Arguments[1])
		return n
	}
	if name == "optional" {
		m.fail(n, "for what is missing in an expression write default(x, otherwise)", "optional(x) stands alone: as the value of a claim, or of a member or element in it")
	}
	if _, asks := presenceFunctions[name]; asks {
		return m.asks(n, name)
	}
	f, _ := ownFunction(name)
	for i, arg := range n.Arguments {
		if name == "toJSON" || f.gives == valueOfPattern && i > 0 {
			if why := m.of(arg); why != nil && f.gives == valueOfPattern {
				return why
			}
			continue
		}
		m.need(arg)
		if f.do != nil && (f.want(i, len(n.Arguments)) == theTexts || f.want(i, len(n.Arguments)) == oneOrMore) || i == 0 && (name == "join" || name == "sort" || name == "uniq") {
			if why := m.elements(arg); why != nil {
				message, hint := m.explain(why, why)
				m.fail(why, hint, "%s", message)
			}
		}
	}
	return nil
}

// asks is of for has, default and required.
func (m *missing) asks(n *ast.CallNode, name string) ast.Node {
	if len(n.Arguments) == 0 {
		return nil
	}
	last := len(n.Arguments) - 1
	for i, arg := range n.Arguments {
		why := m.of(arg)
		if i == last && name == "default" {
			return why
		}
		if why == nil && !canBeEmpty(arg) {
			m.fail(arg, "", "%s is always there, so %s says nothing", m.subject(arg), name)
		}
	}
	return nil
}

// given does something where a condition is known to hold, or not to.
func (m *missing) given(cond ast.Node, holds bool, do func()) {
	there, lists := m.there, m.lists
	m.there, m.lists = maps.Clone(there), maps.Clone(lists)
	m.add(found(cond, holds))
	do()
	m.there, m.lists = there, lists
}

func (m *missing) add(f finding) {
	for _, k := range f.there {
		m.there[k] = true
	}
	for _, k := range f.lists {
		m.lists[k] = true
	}
}

func calleeOf(n *ast.CallNode) string {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return ""
	}
	return callee.Value
}

// text is an expression as it stands in the file, or x where that cannot be told in few words.
func (m *missing) text(n ast.Node) string {
	switch n := n.(type) {
	case *ast.ChainNode:
		return m.text(n.Node)
	case *ast.IdentifierNode:
		return n.Value
	case *ast.PointerNode:
		return element
	case *ast.MemberNode:
		if name, ok := n.Property.(*ast.StringNode); ok {
			if base := m.text(n.Node); base != "x" {
				return base + "." + name.Value
			}
		}
	case *ast.CallNode:
		switch o := opOf(n).(type) {
		case *claimOp:
			return "claims." + o.name
		case *variableOp:
			return o.v.Name
		case *factOp:
			return o.alias + "." + o.name
		case *attributeOp:
			return o.alias + "." + o.fact + "." + o.name
		case *tableOp:
			return tablesRoot + "." + o.name
		}
	}
	return "x"
}

// subject is text for the beginning of a sentence.
func (m *missing) subject(n ast.Node) string {
	if text := m.text(n); text != "x" {
		return text
	}
	return "this"
}

// explain says why a value may be missing, and how to write what is meant.
func (m *missing) explain(why, wanted ast.Node) (message, hint string) {
	x := m.text(wanted)
	if x == "x" {
		x = m.text(why)
	}
	hint = fmt.Sprintf("write default(%s, %s), or ask has(%s) first", x, otherwise(wanted), x)
	if wanted.Nature().IsBool() {
		hint = fmt.Sprintf("write %s == true", x)
	}
	message = m.subject(why) + " may be missing"
	switch n := why.(type) {
	case *ast.NilNode:
		return "nil is no value here", "leave it out"
	case *ast.CallNode:
		if o, ok := opOf(n).(*claimOp); ok {
			message += ": " + m.c.claim(o.name).missing
		} else if _, ok := opOf(n).(*factOp); ok {
			message += ": the plugin does not always know it"
		} else if o, ok := opOf(n).(*attributeOp); ok {
			message = fmt.Sprintf("%s.%s.%s may be missing: not everybody has it", o.alias, o.fact, o.name)
		} else if calleeOf(n) == fnCall {
			message = "a claim by a computed name may be missing"
		}
	case *ast.BuiltinNode:
		message = n.Name + " gives nil where there is nothing"
	case *ast.MemberNode:
		if m.subject(n) == "this" {
			message = "nothing may be there to read"
		}
	}
	if m.want == claimed {
		hint += "; optional(...) leaves out the claim, or the member of one"
	}
	return message, hint
}

// otherwise is a value of the type of a node, as an example.
func otherwise(n ast.Node) string {
	switch typ := n.Nature(); {
	case typ.IsArray():
		return "[]"
	case typ.IsNumber():
		return "0"
	}
	return `""`
}

// absent is what optional gives when there is nothing: the claim, the member or the element is left out.
type absent struct{}
