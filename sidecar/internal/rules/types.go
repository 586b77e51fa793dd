package rules

import (
	"reflect"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

// natureOf returns the type of a variable for the checker of expr.
func natureOf(typ string) nature.Nature {
	switch typ {
	case typeBool:
		return nature.NatureOf(true)
	case typeString:
		return nature.NatureOf("")
	case typeInt:
		return nature.NatureOf(int64(0))
	case typeStrings:
		return nature.NatureOf([]string(nil))
	}
	return nature.Nature{}
}

// factNature returns the type of a field.
func factNature(t *facts.Type) nature.Nature {
	if t.Nullable {
		full := *t
		full.Nullable, t = false, &full
	}
	switch t.Kind {
	case facts.Object:
		fields := make(map[string]nature.Nature, len(t.Fields))
		for name, f := range t.Fields {
			if fields[name] = factNature(f); f.Nullable {
				fields[name] = nature.Nature{} // what is read of an object is there, unless its type is unknown
			}
		}
		return objectNature(fields)
	case facts.List:
		n := nature.NatureOf(t.Elem.Zero())
		n = nature.FromType(reflect.SliceOf(n.Type))
		if t.Elem.Kind == facts.Object {
			elem := factNature(t.Elem)
			n.Ref = &elem
		}
		return n
	}
	return nature.NatureOf(t.Zero())
}

// objectNature returns the type of an object with exactly the fields; nil means any.
func objectNature(fields map[string]nature.Nature) nature.Nature {
	n := nature.NatureOf(map[string]any(nil))
	if fields != nil {
		n.TypeData = &nature.TypeData{Fields: fields}
		n.Strict = true
	}
	return n
}

func identityNature() nature.Nature {
	fields := map[string]nature.Nature{}
	for _, name := range fieldsOf("identity") {
		fields[name] = natureOf(variableOf("identity." + name).Type)
	}
	return objectNature(fields)
}

func factsNature(t *facts.Type) nature.Nature {
	fields := map[string]nature.Nature{}
	for name, f := range t.Fields {
		fields[name] = factNature(f)
	}
	for _, f := range hostFacts {
		fields[f.name] = natureOf(f.typ)
	}
	return objectNature(fields)
}

// unknownType reports whether a value can be of any type as far as is known.
func unknownType(n *nature.Nature) bool {
	return !n.Nil && (n.Type == nil || n.Kind == reflect.Interface)
}

// fits reports whether what a node gives can be of type t. What is not known before the expression runs fits.
func fits(n ast.Node, t *facts.Type) bool {
	if parts := alternatives(n); len(parts) > 0 {
		return all(parts, func(p ast.Node) bool { return fits(p, t) })
	}
	typ := n.Nature()
	if unknownType(typ) {
		return true
	}
	switch t.Kind {
	case facts.String:
		return typ.IsString()
	case facts.Bool:
		return typ.IsBool()
	case facts.Int:
		return typ.IsInteger
	case facts.Float:
		return typ.IsNumber()
	case facts.Object:
		return typ.IsMap()
	case facts.List:
		return typ.IsArray() && elementsFit(n, t.Elem)
	}
	return false
}

// alternatives returns the parts of an expression one of which it gives, where package expr forgets what they are. What is
// known to be nil is left out: that is found when the expression runs.
func alternatives(n ast.Node) (parts []ast.Node) {
	switch n := n.(type) {
	case *ast.ConditionalNode:
		parts = []ast.Node{n.Exp1, n.Exp2}
	case *ast.BinaryNode:
		if n.Operator == "??" {
			parts = []ast.Node{n.Left, n.Right}
		}
	case *ast.CallNode:
		switch calleeOf(n) {
		case "default":
			parts = n.Arguments
		case "optional":
			parts = n.Arguments[:1]
		case "firstMatch":
			for i := 2; i < len(n.Arguments); i += 2 {
				parts = append(parts, n.Arguments[i])
			}
			parts = append(parts, n.Arguments[len(n.Arguments)-1])
		}
	case *ast.VariableDeclaratorNode:
		parts = []ast.Node{n.Expr}
	case *ast.SequenceNode:
		parts = n.Nodes[len(n.Nodes)-1:]
	}
	return slices.DeleteFunc(slices.Clone(parts), func(n ast.Node) bool { return n.Nature().Nil })
}

// elementsFit reports whether the elements of the list that a node gives can be of type t. It looks through what makes expr
// forget the type of elements.
func elementsFit(n ast.Node, t *facts.Type) bool {
	if parts := alternatives(n); len(parts) > 0 {
		return all(parts, func(p ast.Node) bool { return listFits(p, t) })
	}
	switch n := n.(type) {
	case *ast.ArrayNode:
		return all(n.Nodes, func(e ast.Node) bool { return fits(e, t) })
	case *ast.BuiltinNode:
		switch n.Name {
		case "concat":
			return all(n.Arguments, func(l ast.Node) bool { return listFits(l, t) })
		case "reverse", "take", "sortBy", "filter":
			return listFits(n.Arguments[0], t)
		case "map":
			return fits(n.Arguments[1].(*ast.PredicateNode).Node, t)
		}
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok && (callee.Value == "uniq" || callee.Value == "sort" || callee.Value == "required") {
			return listFits(n.Arguments[0], t)
		}
	}
	list := n.Nature()
	elem := list.Elem(nil)
	typed := ast.ConstantNode{}
	typed.SetNature(elem)
	return fits(&typed, t)
}

// elementsAre reports whether the elements of a list are known to be of type t.
func elementsAre(n ast.Node, t *facts.Type) bool {
	never := &facts.Type{Kind: facts.Object, Fields: map[string]*facts.Type{}}
	return elementsFit(n, t) && !elementsFit(n, never)
}

// listFits is elementsFit for what may turn out to be no list.
func listFits(n ast.Node, t *facts.Type) bool {
	typ := n.Nature()
	return unknownType(typ) || typ.Nil || typ.IsArray() && elementsFit(n, t)
}

func all(nodes []ast.Node, ok func(ast.Node) bool) bool {
	for _, n := range nodes {
		if !ok(n) {
			return false
		}
	}
	return true
}

// misfitting returns the part of an expression because of which it cannot be of type t.
func misfitting(n ast.Node, t *facts.Type) ast.Node {
	for _, p := range alternatives(n) {
		if !fits(p, t) {
			return misfitting(p, t)
		}
	}
	return n
}

// describeAs is describe for what should have been of type t: of a list it says what is wrong in it.
func describeAs(n ast.Node, t *facts.Type) string {
	n = misfitting(n, t)
	words := describe(n)
	if words != "a list" || t.Kind != facts.List {
		return words
	}
	if odd := oddElement(n, t.Elem); odd != nil {
		return "a list with " + describe(odd) + " in it"
	}
	return words
}

// oddElement returns the first element of a list that cannot be of type t, if it can be seen.
func oddElement(n ast.Node, t *facts.Type) ast.Node {
	parts := alternatives(n)
	switch n := n.(type) {
	case *ast.CallNode:
		if parts == nil {
			parts = n.Arguments[:min(1, len(n.Arguments))]
		}
	case *ast.ArrayNode:
		for _, e := range n.Nodes {
			if !fits(e, t) {
				return e
			}
		}
	case *ast.BuiltinNode:
		switch n.Name {
		case "concat":
			parts = n.Arguments
		case "map":
			return n.Arguments[1].(*ast.PredicateNode).Node
		}
	}
	for _, p := range parts {
		if odd := oddElement(p, t); odd != nil {
			return odd
		}
	}
	return nil
}

// describe names the type of what a node gives.
func describe(n ast.Node) string {
	typ := n.Nature()
	switch {
	case typ.Nil:
		return "nil"
	case unknownType(typ):
		return "a value of unknown type"
	case typ.IsArray() && typ.Ref != nil && typ.Ref.IsString():
		return "a list of strings"
	}
	return plainType(typ.Type.String())
}

// twofold finds a value, or a member of one, that is of one type or of another, and says where the other is; nil when there is none.
func twofold(n ast.Node) (other ast.Node, is, or string) {
	if m, ok := n.(*ast.MapNode); ok {
		for _, p := range m.Pairs {
			if other, is, or = twofold(p.(*ast.PairNode).Value); other != nil {
				return other, is, or
			}
		}
	}
	parts := alternatives(n)
	for i := 0; i < len(parts); i++ {
		if inner := alternatives(parts[i]); len(inner) > 0 {
			parts = append(parts[:i:i], append(inner, parts[i+1:]...)...)
			i--
			continue
		}
		kind := jsonKind(parts[i])
		if is == "" {
			is = kind
		}
		if kind != "" && kind != is {
			return parts[i], is, kind
		}
	}
	return nil, "", ""
}

// jsonKind names the type of what a node gives as JSON knows it; empty when it is not known.
func jsonKind(n ast.Node) string {
	switch typ := n.Nature(); {
	case unknownType(typ) || typ.Nil:
	case typ.IsString():
		return "a string"
	case typ.IsBool():
		return "a boolean"
	case typ.IsNumber():
		return "a number"
	case typ.IsArray():
		return "a list"
	case typ.IsMap():
		return "an object"
	}
	return ""
}
