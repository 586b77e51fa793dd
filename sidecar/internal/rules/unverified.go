package rules

import (
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// Origin says where a value may come from, in a request whose address the connector does not call verified. Where an expression asks
// whether it does, only what is left then counts: in claims.email_verified == true && claims.email == "x" the address decides nothing.
type Origin struct {
	Unverified bool   // from the address, or chosen by it
	Asserted   bool   // from what the connector calls the person, which may be an address
	By         string // what it is read from, such as claims.email; empty where it is neither
	Offset     int    // where that is read, in bytes
	Is         Is
}

// Is is what a value is known to be.
type Is int

const (
	Any     Is = iota // nothing is known
	True              // true
	False             // false
	NotTrue           // false, or missing
)

// World is what is known of the claims before a step, in a request whose address the connector does not call verified. The zero
// value is a request before the first step.
type World struct {
	Claims map[string]Origin // those that steps have set or removed
	Marked bool              // a step may have set email_verified to true
}

// Clone returns a copy that can be changed.
func (w World) Clone() World { return World{Claims: maps.Clone(w.Claims), Marked: w.Marked} }

// Set notes what a claim comes from.
func (w *World) Set(name string, o Origin) {
	if w.Claims == nil {
		w.Claims = map[string]Origin{}
	}
	if name == "email_verified" && o.Is != False && o.Is != NotTrue {
		w.Marked = true
	}
	w.Claims[name] = o
}

// Or returns what is known where either world may be the case.
func (w World) Or(other World) World {
	either := World{Claims: map[string]Origin{}, Marked: w.Marked || other.Marked}
	for _, claims := range []map[string]Origin{w.Claims, other.Claims} {
		for name := range claims {
			either.Claims[name] = w.claim(name).or(other.claim(name))
		}
	}
	return either
}

// claim returns what a claim comes from. Those of Dex are what the connector said; its groups name no person.
func (w World) claim(name string) Origin {
	o, touched := w.Claims[name]
	switch {
	case touched:
	case name == "email":
		o.Unverified = true
	case name != "groups":
		o.Asserted = true
	}
	if name == "email_verified" && !w.Marked {
		return Origin{Is: NotTrue}
	}
	if o.By == "" && (o.Unverified || o.Asserted) {
		o.By = "claims." + name
	}
	return o
}

// or joins two origins; what is known of the values is lost where it differs.
func (o Origin) or(p Origin) Origin {
	if p.Unverified && !o.Unverified || o.By == "" {
		o.By, o.Offset = p.By, p.Offset
	}
	if o.Is != p.Is {
		o.Is = Any
	}
	o.Unverified, o.Asserted = o.Unverified || p.Unverified, o.Asserted || p.Asserted
	return o
}

// Origin analyses an expression that compiles; of another it says nothing.
func (c *Compiler) Origin(src string, w World) (o Origin) {
	defer func() {
		if recover() != nil { // a mistake in the library: what is not understood comes from the address
			o = Origin{Unverified: true, By: "this"}
		}
	}()
	tree, err := c.parse(src, c.config())
	if err != nil {
		return Origin{}
	}
	v := &resolver{c: c, src: src, reads: newReads(), seen: map[ast.Node]bool{}}
	if v.visit(&tree.Node) != nil {
		return Origin{}
	}
	a := &analysis{world: w, src: src}
	return a.of(tree.Node).Origin
}

// Verified reports whether an expression that compiles gives nothing but identity.email, in upper or lower case, so that it stays verified.
func (c *Compiler) Verified(src string) bool {
	tree, err := c.parse(src, c.config())
	if err != nil {
		return true
	}
	v := &resolver{c: c, src: src, reads: newReads(), seen: map[ast.Node]bool{}}
	return v.visit(&tree.Node) != nil || trustedAddress(tree.Node, nil)
}

// trustedAddress looks through what leaves an address as it is. kept are the names of variables that are one.
func trustedAddress(n ast.Node, kept []string) bool {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return slices.Contains(kept, n.Value)
	case *ast.VariableDeclaratorNode:
		if trustedAddress(n.Value, kept) {
			kept = append(slices.Clone(kept), n.Name)
		}
		return trustedAddress(n.Expr, kept)
	case *ast.ConditionalNode:
		return trustedAddress(n.Exp1, kept) && trustedAddress(n.Exp2, kept)
	case *ast.BuiltinNode:
		return (n.Name == "lower" || n.Name == "upper" || n.Name == "trim") && len(n.Arguments) == 1 && trustedAddress(n.Arguments[0], kept)
	case *ast.CallNode:
		callee, ok := n.Callee.(*ast.IdentifierNode)
		if ok && (callee.Value == "string" || callee.Value == "required") && len(n.Arguments) == 1 {
			return trustedAddress(n.Arguments[0], kept)
		}
	}
	o, ok := opOf(n).(*variableOp)
	return ok && o.v.Name == "identity.email"
}

// analysis follows values through one expression.
type analysis struct {
	world    World
	src      string
	locals   []named
	elements []followed // of the lists that predicates go through
}

// followed is the origin of a value with what is known of the value itself.
type followed struct {
	Origin
	text    string
	isText  bool // it is text
	isNil   bool
	present bool // it is read from the request as it is: that it is there says nothing but that
}

type named struct {
	name string
	followed
}

func (k followed) or(o followed) followed {
	same := k.isText && o.isText && k.text == o.text
	return followed{Origin: k.Origin.or(o.Origin), text: k.text, isText: same}
}

// truth is a condition of which is is known. Where it is Any it comes from those. A condition is no text, so it is nobody's name.
func truth(is Is, from ...followed) followed {
	var o Origin
	for _, k := range from {
		o = o.or(k.Origin)
	}
	if is != Any || !o.Unverified {
		return followed{Origin: Origin{Is: is}}
	}
	o.Asserted, o.Is = false, Any
	return followed{Origin: o}
}

func truthOf(yes bool) Is {
	if yes {
		return True
	}
	return False
}

func (a *analysis) of(n ast.Node) followed {
	switch n := n.(type) {
	case nil:
		return followed{}
	case *ast.StringNode:
		return followed{text: n.Value, isText: true}
	case *ast.BoolNode:
		return truth(truthOf(n.Value))
	case *ast.NilNode:
		return followed{isNil: true}
	case *ast.IdentifierNode:
		for i := len(a.locals) - 1; i >= 0; i-- {
			if a.locals[i].name == n.Value {
				return a.locals[i].followed
			}
		}
		return followed{}
	case *ast.PointerNode:
		if len(a.elements) == 0 {
			return followed{}
		}
		return a.elements[len(a.elements)-1]
	case *ast.ChainNode:
		return a.of(n.Node)
	case *ast.VariableDeclaratorNode:
		a.locals = append(a.locals, named{n.Name, a.of(n.Value)})
		defer func() { a.locals = a.locals[:len(a.locals)-1] }()
		return a.of(n.Expr)
	case *ast.ConditionalNode:
		return a.choice(n)
	case *ast.UnaryNode:
		return a.unary(n)
	case *ast.BinaryNode:
		return a.binary(n)
	case *ast.CallNode:
		return a.call(n)
	case *ast.BuiltinNode:
		return a.function(n.Name, n.Arguments)
	case *ast.MemberNode:
		return a.all(n.Node, n.Property)
	case *ast.SliceNode:
		return a.all(n.Node, n.From, n.To)
	case *ast.PredicateNode:
		return a.all(n.Node)
	case *ast.SequenceNode:
		return a.all(n.Nodes...)
	case *ast.ArrayNode:
		return a.all(n.Nodes...)
	case *ast.MapNode:
		return a.all(n.Pairs...)
	case *ast.PairNode:
		return a.all(n.Key, n.Value)
	}
	return followed{}
}

// all joins the origins of some nodes of which nothing else is known.
func (a *analysis) all(nodes ...ast.Node) followed {
	var out followed
	for _, n := range nodes {
		out.Origin = out.Origin.or(a.of(n).Origin)
	}
	out.Is = Any
	return out
}

func (a *analysis) choice(n *ast.ConditionalNode) followed {
	cond := a.of(n.Cond)
	switch cond.Is {
	case True:
		return a.of(n.Exp1)
	case False, NotTrue:
		return a.of(n.Exp2)
	}
	chosen := a.of(n.Exp1).or(a.of(n.Exp2))
	if cond.Unverified {
		chosen.Origin = chosen.Origin.or(cond.Origin)
		chosen.isText = false
	}
	return chosen
}

func (a *analysis) unary(n *ast.UnaryNode) followed {
	k := a.of(n.Node)
	if n.Operator != "not" && n.Operator != "!" {
		return followed{Origin: k.Origin}
	}
	switch k.Is {
	case True:
		return truth(False)
	case False, NotTrue: // not of what is missing is a failure, which is no token
		return truth(True)
	}
	return truth(Any, k)
}

func (a *analysis) binary(n *ast.BinaryNode) followed {
	l, r := a.of(n.Left), a.of(n.Right)
	switch n.Operator {
	case "and", "&&":
		if l.Is == False || l.Is == NotTrue || r.Is == False || r.Is == NotTrue {
			return truth(False)
		}
		if l.Is == True && r.Is == True {
			return truth(True)
		}
		return truth(Any, l, r)
	case "or", "||":
		if l.Is == True || r.Is == True {
			return truth(True)
		}
		if l.Is != Any && r.Is != Any {
			return truth(False)
		}
		return truth(Any, l, r)
	case "??":
		if l.Is == True || l.Is == False || l.isText {
			return l
		}
		if l.Is == NotTrue && r.Is == False {
			return truth(NotTrue)
		}
		return l.or(r)
	case "==", "!=":
		return a.equality(n, l, r)
	case "in", "contains", "startsWith", "endsWith", "matches":
		return a.test(n, l, r)
	case "<", "<=", ">", ">=":
		return truth(Any, l, r)
	}
	return a.all(n.Left, n.Right)
}

func (a *analysis) equality(n *ast.BinaryNode, l, r followed) followed {
	is := Any
	switch {
	case l.isText && r.isText:
		is = truthOf(l.text == r.text)
	case l.Is == NotTrue && r.Is == True, l.Is == True && r.Is == NotTrue:
		is = False
	case l.Is != Any && l.Is != NotTrue && r.Is != Any && r.Is != NotTrue:
		is = truthOf(l.Is == r.Is)
	}
	if is != Any {
		return truth(truthOf((is == True) == (n.Operator == "==")))
	}
	for _, sides := range [][2]followed{{l, r}, {r, l}} {
		if there := sides[0].present && (sides[1].isNil || sides[1].isText && sides[1].text == ""); there {
			return truth(Any)
		}
	}
	return truth(Any, namesAddress(l, n.Right), namesAddress(r, n.Left))
}

// test is about the operators that look for one text in another.
func (a *analysis) test(n *ast.BinaryNode, l, r followed) followed {
	if l.isText && l.text == "" && n.Operator != "matches" { // identity.email, where it is empty
		switch list, _ := n.Right.(*ast.ArrayNode); {
		case r.isText && n.Operator != "in":
			return truth(truthOf(r.text == ""))
		case list != nil && n.Operator == "in" && constantTexts(list) != nil:
			_, in := constantTexts(list)[""]
			return truth(truthOf(in))
		}
	}
	return truth(Any, namesAddress(l, n.Right), namesAddress(r, n.Left))
}

// namesAddress tells that a name is taken for an address, because it is compared with one.
func namesAddress(k followed, with ...ast.Node) followed {
	for _, n := range with {
		at := ast.Find(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.StringNode:
				return strings.Contains(n.Value, "@")
			case *ast.ConstantNode:
				p, ok := n.Value.(pattern)
				return ok && p.address
			}
			return false
		})
		k.Unverified = k.Unverified || k.Asserted && at != nil
	}
	return k
}

// choosesBy reports whether a function chooses by what its first argument says, as a comparison does. Those that write it in another
// way do not: a login name may have its domain behind an @, and a table may call it something else.
func choosesBy(name string) bool {
	switch name {
	case "hasPrefix", "hasSuffix", "indexOf", "lastIndexOf", "glob", "keep", "drop", "firstMatch", "translate", "without", "intersect":
		return true
	}
	return false
}

// isTruth reports whether a function gives a condition, a number or a place, and nothing of the text that it looks at.
func isTruth(name string) bool {
	switch name {
	case "all", "any", "none", "one", "count", "len", "findIndex", "findLastIndex", "indexOf", "lastIndexOf", "hasPrefix", "hasSuffix", "type", "glob", "bucket":
		return true
	}
	return false
}

func (a *analysis) call(n *ast.CallNode) followed {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return a.all(n.Arguments...)
	}
	switch name, args := callee.Value, len(n.Arguments); {
	case name == fnGet:
		return a.read(n)
	case name == fnCall: // a claim by a computed name
		return followed{Origin: a.anyClaim(n).or(a.of(n.Arguments[1]).Origin)}
	case name == "has" && args == 1:
		return a.has(a.of(n.Arguments[0]))
	case name == "default" && args == 2:
		first, other := a.of(n.Arguments[0]), a.of(n.Arguments[1])
		switch {
		case first.isText && first.text == "":
			return other
		case first.Is == True, first.Is == False:
			return first
		}
		return first.or(other)
	}
	return a.function(callee.Value, n.Arguments)
}

// function is about functions, with predicates or without.
func (a *analysis) function(name string, args []ast.Node) followed {
	if len(args) == 0 {
		return followed{}
	}
	first := a.of(args[0])
	if first.isText && first.text == "" {
		switch name {
		case "emailDomain", "emailLocal", "lower", "upper", "string", "trim":
			return followed{isText: true}
		}
	}
	element := followed{Origin: first.Origin}
	element.Is = Any
	a.elements = append(a.elements, element)
	defer func() { a.elements = a.elements[:len(a.elements)-1] }()
	out := followed{Origin: element.Origin}
	switch {
	case name == "emailDomain", name == "emailLocal":
		out.Unverified = out.Unverified || out.Asserted
	case choosesBy(name):
		out = namesAddress(out, args[1:]...)
	}
	for _, arg := range args[1:] {
		out.Origin = out.Origin.or(a.of(arg).Origin)
	}
	out.Is = Any
	if isTruth(name) {
		return truth(Any, out)
	}
	return out
}

func (a *analysis) has(k followed) followed {
	switch {
	case k.isText:
		return truth(truthOf(k.text != ""))
	case k.present:
		return truth(Any)
	}
	return truth(Any, k)
}

// read is about what an expression reads from the request.
func (a *analysis) read(n *ast.CallNode) followed {
	at := byteOffset(a.src, n.Location().From)
	switch o := opOf(n).(type) {
	case *variableOp:
		switch name := o.v.Name; name {
		case unverifiedEmail:
			return followed{Origin: Origin{Unverified: true, By: name, Offset: at}, present: true}
		case "identity.email":
			return followed{isText: true} // empty where nobody verified it
		case "identity.emailVerified":
			return truth(False)
		case "identity.username", "identity.preferredUsername", "identity.userId":
			return followed{Origin: Origin{Asserted: true, By: name, Offset: at}, present: true}
		}
	case *identityOp:
		return followed{Origin: Origin{Unverified: true, Asserted: true, By: "identity", Offset: at}}
	case *claimOp:
		_, touched := a.world.Claims[o.name]
		c := a.world.claim(o.name)
		c.Offset = at
		return followed{Origin: c, present: !touched}
	case *hasClaimOp:
		if c, touched := a.world.Claims[o.name]; touched {
			c.Offset = at
			return truth(Any, followed{Origin: c})
		}
	case *claimsOp:
		return followed{Origin: a.anyClaim(n)}
	}
	return followed{}
}

// anyClaim is about what reads some claim, and nobody knows which.
func (a *analysis) anyClaim(n ast.Node) Origin {
	o := a.world.claim("email").or(a.world.claim("name"))
	for name := range a.world.Claims {
		o = o.or(a.world.claim(name))
	}
	o.By, o.Offset, o.Is = "claims", byteOffset(a.src, n.Location().From), Any
	return o
}
