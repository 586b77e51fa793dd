package rules

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

// kinds are the types that a value may have. None is that of a nil that is written down.
type kinds uint8

const (
	kindText kinds = 1 << iota
	kindBool
	kindInt
	kindFloat
	kindList
	kindObject
	kindNil // of members and elements: it may be nil

	kindNumber = kindInt | kindFloat
	kindAny    = kindText | kindBool | kindNumber | kindList | kindObject
)

// shape is what is known of a value.
type shape struct {
	kinds
	elem    *shape            // of the elements of a list; nil: nothing
	items   []shape           // of a list of two that is written down: both
	members map[string]*shape // of an object: members that are known by name
	rest    *shape            // of an object: any other member; nil: nothing
}

func of(k kinds) shape        { return shape{kinds: k} }
func listOf(elem shape) shape { return shape{kinds: kindList, elem: &elem} }

// element is the shape of an element of a list.
func (s shape) element() shape {
	switch {
	case s.kinds&kindList == 0:
		return shape{}
	case s.elem == nil:
		return of(kindAny)
	}
	return *s.elem
}

// member is the shape of a member of an object; an empty name is any of them.
func (s shape) member(name string) shape {
	if s.kinds&kindObject == 0 {
		return shape{}
	}
	if m, known := s.members[name]; known {
		return *m
	}
	if s.rest == nil {
		return of(kindAny)
	}
	out := *s.rest
	if name == "" {
		for _, m := range s.members {
			out = out.or(*m)
		}
	}
	return out
}

// only is the shape of what has one of some kinds.
func (s shape) only(k kinds) shape {
	s.kinds &= k
	return s
}

// maxShape is how deep shapes are followed; further down anything may be.
const maxShape = 6

// or is the shape of what has one of two.
func (s shape) or(t shape) shape { return s.orTo(t, maxShape) }

func (s shape) orTo(t shape, depth int) shape {
	out := shape{kinds: s.kinds | t.kinds}
	if depth == 0 {
		return out
	}
	switch {
	case s.kinds&kindList == 0:
		out.elem, out.items = t.elem, t.items
	case t.kinds&kindList == 0:
		out.elem, out.items = s.elem, s.items
	case s.elem == nil || t.elem == nil:
	case s.elem == t.elem:
		out.elem, out.items = s.elem, s.items
	default:
		elem := s.elem.orTo(*t.elem, depth-1)
		out.elem = &elem
		if len(s.items) == len(t.items) {
			for i := range s.items {
				out.items = append(out.items, s.items[i].orTo(t.items[i], depth-1))
			}
		}
	}
	switch {
	case s.kinds&kindObject == 0:
		out.members, out.rest = t.members, t.rest
	case t.kinds&kindObject == 0:
		out.members, out.rest = s.members, s.rest
	default:
		out.members = map[string]*shape{}
		for _, members := range []map[string]*shape{s.members, t.members} {
			for name := range members {
				if s.members[name] == t.members[name] {
					out.members[name] = s.members[name]
					continue
				}
				m := s.member(name).orTo(t.member(name), depth-1)
				out.members[name] = &m
			}
		}
		if s.rest == t.rest {
			out.rest = s.rest
		} else if s.rest != nil && t.rest != nil {
			rest := s.rest.orTo(*t.rest, depth-1)
			out.rest = &rest
		}
	}
	return out
}

// hollow reports whether a member or an element is known that may be nil.
func (s shape) hollow() bool { return s.hollowOnce(map[*shape]bool{}) }

func (s *shape) hollowOnce(seen map[*shape]bool) bool {
	for _, in := range append(slices.Collect(maps.Values(s.members)), s.elem, s.rest) {
		if in == nil || seen[in] {
			continue
		}
		seen[in] = true
		if in.kinds&kindNil != 0 || in.hollowOnce(seen) {
			return true
		}
	}
	return false
}

// full is what compact leaves of a shape.
func (s shape) full() shape {
	out := s.only(kindAny)
	out.items, out.members = nil, map[string]*shape{}
	for name, m := range s.members {
		there := m.only(kindAny)
		out.members[name] = &there
	}
	for _, inner := range []**shape{&out.elem, &out.rest} {
		if *inner != nil {
			there := (*inner).only(kindAny)
			*inner = &there
		}
	}
	return out
}

// flat is the shape of the elements of lists in a list.
func (s shape) flat() shape {
	out := s
	if out.kinds&kindList == 0 {
		return out
	}
	inner := s.element()
	if s.elem == nil {
		return of(kindAny &^ kindList)
	}
	out.kinds &^= kindList
	out.elem, out.items = nil, nil
	return out.or(inner.flat())
}

// stored is the shape of a value that was written as JSON and is read again: 1.0 is read as 1.
func (s shape) stored() shape { return *s.storedOnce(map[*shape]*shape{}) }

// storedOnce is stored for a shape that others may hold as well, which is looked at once.
func (s *shape) storedOnce(seen map[*shape]*shape) *shape {
	if again, done := seen[s]; done || s == nil {
		return again
	}
	out := &shape{kinds: s.kinds, elem: s.elem.storedOnce(seen), rest: s.rest.storedOnce(seen), members: map[string]*shape{}}
	if s.kinds&kindFloat != 0 {
		out.kinds |= kindInt
	}
	for name, m := range s.members {
		out.members[name] = m.storedOnce(seen)
	}
	seen[s] = out
	return out
}

// factShape is the shape of a fact.
func factShape(t *facts.Type) shape {
	switch t.Kind {
	case facts.String:
		return of(kindText)
	case facts.Bool:
		return of(kindBool)
	case facts.Int:
		return of(kindInt)
	case facts.Float:
		return of(kindFloat)
	case facts.List:
		return listOf(factShape(t.Elem))
	}
	out := shape{kinds: kindObject, members: map[string]*shape{}, rest: &shape{}}
	for name, f := range t.Fields {
		m := factShape(f)
		if f.Nullable {
			m.kinds |= kindNil
		}
		out.members[name] = &m
	}
	return out
}

// natureShape is the shape of a type of the checker.
func natureShape(n *nature.Nature) shape {
	switch {
	case n.Nil:
		return shape{}
	case unknownType(n):
		return of(kindAny)
	case n.IsString():
		return of(kindText)
	case n.IsBool():
		return of(kindBool)
	case n.IsInteger:
		return of(kindInt)
	case n.IsNumber():
		return of(kindFloat)
	case n.IsArray():
		elem := n.Elem(nil)
		return listOf(natureShape(&elem))
	case n.IsMap():
		out := of(kindObject)
		if n.TypeData != nil && n.Fields != nil {
			out.members, out.rest = map[string]*shape{}, &shape{}
			for name, f := range n.Fields {
				m := natureShape(&f)
				out.members[name] = &m
			}
		}
		return out
	}
	return of(kindAny)
}

// claimShape is the shape of a claim that Dex writes.
func claimShape(name string) shape {
	kind, own := claims.OwnMember(name)
	switch {
	case own:
		return factShape(kindType(kind))
	case name == "iss" || name == "sub":
		return of(kindText)
	case name == "aud":
		return listOf(of(kindText)).or(of(kindText))
	}
	return of(kindAny)
}

// valueShape is the shape of JSON.
func valueShape(raw json.RawMessage) shape {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return of(kindAny)
	}
	return goShape(v)
}

func goShape(v any) shape {
	switch v := v.(type) {
	case nil:
		return shape{}
	case string:
		return of(kindText)
	case bool:
		return of(kindBool)
	case []any:
		out := listOf(shape{})
		for _, e := range v {
			out = out.or(listOf(goShape(e)))
		}
		return out
	case []string:
		return listOf(of(kindText))
	case map[string]any:
		out := shape{kinds: kindObject, members: map[string]*shape{}, rest: &shape{}}
		for name, value := range v {
			m := goShape(value)
			out.members[name] = &m
		}
		return out
	}
	return of(kindNumber)
}

// tableShape is the shape of a table.
func tableShape(t *Table) shape {
	if t.values == nil {
		return listOf(of(kindText))
	}
	out := shape{kinds: kindObject, rest: &shape{}}
	for _, value := range t.values {
		rest := out.rest.or(goShape(value))
		out.rest = &rest
	}
	return out
}

// fitting reports whether all that a value may be is of a type.
func (s shape) fitting(t *facts.Type) bool {
	allowed := factShape(t)
	if t.Kind == facts.Float {
		allowed.kinds |= kindInt
	}
	return s.within(allowed)
}

func (s shape) within(t shape) bool {
	if s.kinds&^t.kinds&^kindNil != 0 {
		return false
	}
	if t.kinds == kindFloat|kindInt || t.kinds&(kindList|kindObject) == 0 {
		return true
	}
	if s.kinds&kindList != 0 {
		want := t.element()
		if want.kinds == kindFloat {
			want.kinds |= kindInt
		}
		return s.element().within(want)
	}
	if s.kinds&kindObject == 0 {
		return true
	}
	names := slices.Collect(maps.Keys(s.members))
	if s.rest == nil || s.rest.kinds != 0 {
		return t.rest == nil
	}
	return !slices.ContainsFunc(names, func(name string) bool {
		_, known := t.members[name]
		want := t.member(name)
		if want.kinds == kindFloat {
			want.kinds |= kindInt
		}
		return t.rest != nil && !known || !s.member(name).within(want)
	})
}

// opShape is the shape of what an op reads.
func (c *Compiler) opShape(o op, n ast.Node) shape {
	switch o := o.(type) {
	case *claimOp:
		if c.known != nil {
			return c.claim(o.name).shape
		}
	case *factOp:
		if f := c.facts[o.alias].Fields[o.name]; f != nil {
			return factShape(f)
		}
	case *factsOp:
		out := factShape(c.facts[o.alias])
		for _, f := range hostFacts {
			typ := natureOf(f.typ)
			m := natureShape(&typ)
			out.members[f.name] = &m
		}
		return out
	case *attributeOp:
		return factShape(c.facts[o.alias].Fields[o.fact].Elem.Fields["value"])
	case *tableOp:
		return tableShape(o.table)
	}
	return natureShape(n.Nature())
}

// besides says what a value may be that is not of a type.
func (s shape) besides(t *facts.Type) string {
	allowed := factShape(t)
	if odd := s.kinds &^ allowed.kinds &^ kindNil; odd != 0 {
		return may(odd, s.kinds&^kindNil)
	}
	return "may hold something else"
}

// hintFor says how to make a value one of a type.
func hintFor(t *facts.Type) string {
	if t.Kind == facts.List && t.Elem.Kind == facts.String {
		return textsHint
	}
	return factShape(t).hint()
}
