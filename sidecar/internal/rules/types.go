package rules

import (
	"reflect"

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
	switch t.Kind {
	case facts.Object:
		fields := make(map[string]nature.Nature, len(t.Fields))
		for name, f := range t.Fields {
			fields[name] = factNature(f)
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

// elementsFit reports whether the elements of the list that a node gives can be of type t. It looks through what makes expr
// forget the type of elements.
func elementsFit(n ast.Node, t *facts.Type) bool {
	switch n := n.(type) {
	case *ast.ArrayNode:
		return all(n.Nodes, func(e ast.Node) bool { return fits(e, t) })
	case *ast.ConditionalNode:
		return listFits(n.Exp1, t) && listFits(n.Exp2, t)
	case *ast.VariableDeclaratorNode:
		return listFits(n.Expr, t)
	case *ast.SequenceNode:
		return listFits(n.Nodes[len(n.Nodes)-1], t)
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
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok && (callee.Value == "uniq" || callee.Value == "sort") {
			return listFits(n.Arguments[0], t)
		}
	}
	list := n.Nature()
	elem := list.Elem(nil)
	typed := ast.ConstantNode{}
	typed.SetNature(elem)
	return fits(&typed, t)
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
