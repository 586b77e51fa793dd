package rules

import (
	"reflect"

	"github.com/expr-lang/expr/ast"
)

// presenceFunctions tell whether there is something. Dex leaves out what is empty, so empty counts as missing.
var presenceFunctions = map[string]function{
	"has": {args: []argument{anything}, gives: aBool, do: func(args []any) any { return present(args[0]) }},
	"default": {args: []argument{anything, anything}, more: []argument{anything}, gives: either, do: func(args []any) any {
		for _, arg := range args[:len(args)-1] {
			if present(arg) {
				return arg
			}
		}
		return args[len(args)-1]
	}},
	"optional": {args: []argument{anything}, gives: theFirst, do: func(args []any) any {
		if !present(args[0]) {
			return absent{}
		}
		return args[0]
	}},
	"required": {args: []argument{anything}, gives: theFirst, do: func(args []any) any {
		if !present(args[0]) {
			panic(unfitf("a required value is missing or empty"))
		}
		return args[0]
	}},
}

// present reports whether a value is neither nil nor an empty string, list or object. Numbers, true and false always are.
func present(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []string:
		return len(v) > 0
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	if list := reflect.ValueOf(v); list.Kind() == reflect.Slice {
		return list.Len() > 0
	}
	return true
}

// lenient makes what a.b.c is read from optional, as if it were written a?.b?.c: has(claims.address.country) is a question.
func lenient(p *ast.Node) {
	m, ok := (*p).(*ast.MemberNode)
	if !ok {
		return
	}
	for ok {
		m.Optional = true
		if m, ok = m.Node.(*ast.MemberNode); !ok {
			break
		}
	}
	chain := &ast.ChainNode{Node: *p}
	chain.SetLocation((*p).Location())
	*p = chain
}
