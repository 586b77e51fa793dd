package rules

import (
	"fmt"
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"

	"github.com/claimsmith/claimsmith/sidecar/fold"
)

// Table is a map or a list of the configuration. What is found in it takes the same time however long it is.
type Table struct {
	values map[string]any // strings and lists of strings; nil: it is a list
	list   []string
	fold   bool
	keys   map[string]any // of fold: by fold.Key
}

// NewTable makes a table of a map, or of a list where there is none. Names that are the same without regard to case are an error where that
// does not count.
func NewTable(values map[string][]string, list []string, ignoreCase bool) (*Table, error) {
	t := &Table{list: list, fold: ignoreCase}
	if values == nil {
		values = map[string][]string{}
		for _, s := range list {
			values[s] = nil
		}
	} else {
		t.values = map[string]any{}
	}
	t.keys = make(map[string]any, len(values))
	for name, to := range values {
		var value any = to
		if len(to) == 1 {
			value = to[0]
		}
		if t.values != nil {
			t.values[name] = value
		}
		if _, twice := t.keys[t.key(name)]; twice && t.values != nil {
			return nil, fmt.Errorf("%q is in the table twice, which differ in nothing but case", name)
		}
		t.keys[t.key(name)] = value
	}
	return t, nil
}

// hasLists reports whether a list stands for some name.
func (t *Table) hasLists() bool {
	for _, value := range t.values {
		if _, ok := value.([]string); ok {
			return true
		}
	}
	return false
}

func (t *Table) key(name string) string {
	if t.fold {
		return fold.Key(name)
	}
	return name
}

func (t *Table) get(name string) (any, bool) {
	value, ok := t.keys[t.key(name)]
	return value, ok
}

// nature is the type of a table for the checker of expr.
func (t *Table) nature() nature.Nature {
	if t.values == nil {
		return natureOf(typeStrings)
	}
	return objectNature(nil)
}

// tableOp reads a table as an object or a list.
type tableOp struct {
	name  string
	table *Table
}

func (o *tableOp) eval(*run, any) any {
	if o.table.values == nil {
		return o.table.list
	}
	return o.table.values
}

// lookedUpOp reads a table in which names are looked up, whatever their case where that does not count.
type lookedUpOp struct{ table *Table }

func (o *lookedUpOp) eval(*run, any) any { return o.table }

// lookedUp is a table as what names are looked up in; anything else stays.
func lookedUp(n ast.Node) ast.Node {
	o, ok := opOf(n).(*tableOp)
	if !ok || o.table.values == nil {
		return n
	}
	return getNode(n.Location(), &lookedUpOp{o.table}, *n.Nature())
}

// inTableOp tells whether the argument is in a table.
type inTableOp struct{ table *Table }

func (o *inTableOp) eval(_ *run, arg any) any {
	s, ok := arg.(string)
	_, in := o.table.get(s)
	return ok && in
}

func isTable(n ast.Node) bool {
	_, ok := opOf(n).(*tableOp)
	return ok
}

// entry looks a name up in an object or a table.
func entry(v any, name string) (any, bool) {
	if t, ok := v.(*Table); ok {
		return t.get(name)
	}
	value, ok := object(v)[name]
	return value, ok
}

// table resolves tables.NAME.
func (v *resolver) table(p *ast.Node, n *ast.StringNode) *Error {
	t := v.c.tables[n.Value]
	if t == nil {
		return v.errorAt(n, nearest(n.Value, slices.Sorted(maps.Keys(v.c.tables)), "tables"), "there is no table %q", n.Value)
	}
	*p = getNode(n.Location(), &tableOp{n.Value, t}, t.nature())
	return nil
}
