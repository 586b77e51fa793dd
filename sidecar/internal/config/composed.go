package config

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// hasText reports whether a value is text, or holds some.
func hasText(n *yaml.Node) bool {
	if n.Kind == yaml.ScalarNode {
		return isText(n)
	}
	for i, child := range n.Content {
		if (n.Kind != yaml.MappingNode || i%2 == 1) && hasText(child) {
			return true
		}
	}
	return false
}

// template reports names with ${ in them: they are no expressions.
func (d *decoder) template(it item) (found bool) {
	if it.key != nil && strings.Contains(it.key.Value, "${") {
		d.add(problemAt(d.src.start(it.key), it.path, "${ } is not filled in inside of a name",
			"an object with a computed name is one expression: '{(client.id): ...}'"))
		return true
	}
	switch it.node.Kind {
	case yaml.SequenceNode:
		for i, n := range it.node.Content {
			found = d.template(item{node: n, path: element(it.path, i)}) || found
		}
	case yaml.MappingNode:
		for _, pair := range d.pairs(it) {
			found = d.template(pair) || found
		}
	}
	return found
}

// composed makes one expression of a list or a map whose texts are expressions. It is nil when something in it has no meaning.
func (d *decoder) composed(it item, place Place) *Scalar {
	s := &Scalar{Place: place, src: d.src}
	s.Pos, s.node = d.src.start(it.node), it.node
	var out bytes.Buffer
	if !d.compose(it, s, &out) {
		return nil
	}
	s.Value = out.String()
	return s
}

func (d *decoder) compose(it item, s *Scalar, out *bytes.Buffer) bool {
	if d.bad[it.node] {
		return false
	}
	switch {
	case isText(it.node):
		expr := d.expression(it, Place{Path: it.path})
		if expr == nil {
			return false
		}
		out.WriteByte('(')
		s.parts = append(s.parts, part{out.Len(), expr})
		out.WriteString(expr.Value)
		out.WriteString("\n)") // a comment goes to the end of a line
		return true
	case it.node.Kind == yaml.SequenceNode:
		good := true
		out.WriteByte('[')
		for i, n := range it.node.Content {
			separate(out, i)
			good = d.compose(item{node: n, path: element(it.path, i)}, s, out) && good
		}
		out.WriteByte(']')
		return good
	case it.node.Kind == yaml.MappingNode:
		good := d.unfolded(it) && len(d.pairs(it)) == len(it.node.Content)/2
		out.WriteByte('{')
		for i, pair := range d.pairs(it) {
			separate(out, i)
			s.parts = append(s.parts, part{out.Len(), &Scalar{Place: Place{Pos: d.src.start(pair.key), Path: pair.path}}})
			writeText(out, pair.key.Value)
			out.WriteByte(':')
			good = d.compose(pair, s, out) && good
		}
		out.WriteByte('}')
		return good
	}
	_, good := d.constant(it)
	s.parts = append(s.parts, part{out.Len(), &Scalar{Place: Place{Pos: d.src.start(it.node), Path: it.path}}})
	out.WriteString(it.node.Value)
	return good
}

// partAt returns the part in which a byte of the text stands, or after which.
func (s Scalar) partAt(offset int) (found part, ok bool) {
	for _, p := range s.parts {
		if p.begin <= offset {
			found, ok = p, true
		}
	}
	return found, ok
}

// Parts returns the texts of a list or a map that are expressions; of any other expression there are none.
func (s Scalar) Parts() []*Scalar {
	var out []*Scalar
	for _, p := range s.parts {
		if p.node != nil {
			out = append(out, p.Scalar)
		}
	}
	return out
}
