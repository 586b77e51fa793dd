package config

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxProblems is how many problems and how many warnings are kept: nobody reads more.
const maxProblems = 200

// decoder lays a tree of YAML nodes over Go values and collects what does not fit.
type decoder struct {
	src      *Source
	options  Options
	problems []Problem
	kept     map[bool]int        // problems, by whether they are warnings
	bad      map[*yaml.Node]bool // reported already
	strange  map[*yaml.Node]bool // maps with unknown keys
}

const emptyMessage = "must not be empty"

// item is one value of the file. It has no key in a list.
type item struct {
	key, node *yaml.Node
	path      string
}

// custom is implemented by pointers to types that read themselves.
type custom interface{ decode(*decoder, item) }

// placed is implemented by pointers to all types that embed Place.
type placed interface{ setPlace(Place) }

func (p *Place) setPlace(to Place) { *p = to }

// has reports whether the file says anything for a key, be it right or wrong.
func (p *Place) has(key string) bool {
	if p.node == nil || p.node.Kind != yaml.MappingNode {
		return false
	}
	return p.value(key) != nil
}

// value is what the file says for a key, or nil.
func (p *Place) value(key string) *yaml.Node {
	_, value := descend(p.node, segment{key, -1})
	return value
}

// full reports whether there is no use in looking for more.
func (d *decoder) full() bool { return d.kept[false] >= maxProblems }

func (d *decoder) add(p Problem) {
	if d.kept[p.Warning] < maxProblems {
		d.kept[p.Warning]++
		d.problems = append(d.problems, p)
	}
}

func (d *decoder) report(it item, message, hint string) {
	d.add(problemAt(d.src.place(it.key, it.node), it.path, message, hint))
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	modeType     = reflect.TypeFor[fs.FileMode]()
	jsonType     = reflect.TypeFor[json.RawMessage]()
)

// decode reads a value into v. A value that does not fit is reported and leaves v as it is.
func (d *decoder) decode(it item, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		d.pointer(it, v)
		return
	}
	if p, ok := v.Addr().Interface().(placed); ok {
		p.setPlace(Place{Pos: d.src.place(it.key, it.node), Path: it.path, node: it.node})
	}
	if d.bad[it.node] {
		return
	}
	if c, ok := v.Addr().Interface().(custom); ok {
		c.decode(d, it)
		return
	}
	d.native(it, v)
}

// pointer reads a value that may be missing. It stays nil when it cannot be read.
func (d *decoder) pointer(it item, v reflect.Value) {
	before, into := len(d.problems), reflect.New(v.Type().Elem())
	d.decode(it, into.Elem())
	if len(d.problems) == before && !d.bad[it.node] {
		v.Set(into)
	}
}

func (d *decoder) native(it item, v reflect.Value) {
	switch v.Type() {
	case durationType:
		v.SetInt(int64(d.duration(it)))
		return
	case modeType:
		v.SetUint(uint64(d.mode(it)))
		return
	case jsonType:
		if data, ok := d.object(it); ok {
			v.SetBytes(data)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(it, v)
	case reflect.Slice:
		d.list(it, v)
	case reflect.String:
		text, _ := d.text(it)
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(d.boolean(it))
	case reflect.Int:
		v.SetInt(d.count(it))
	default:
		panic("config: no way to read a " + v.Type().String())
	}
}

// structure reads a map with known keys.
func (d *decoder) structure(it item, v reflect.Value) {
	fields := fieldsOf(v.Type())
	if it.node.Kind != yaml.MappingNode {
		d.report(it, "must be a map of keys, not "+describe(it.node), inside(it, fields))
		return
	}
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.key
	}
	for _, pair := range d.pairs(it) {
		i := slices.Index(known, pair.key.Value)
		if i < 0 {
			d.strange[it.node] = true
			d.unknown(pair, known)
			continue
		}
		d.field(pair, fields[i], v.FieldByIndex(fields[i].index))
	}
	p := v.Addr().Interface().(placed)
	for _, f := range fields {
		if f.required && !p.(interface{ has(string) bool }).has(f.key) {
			d.report(it, fmt.Sprintf("key %q is missing", f.key), f.hint())
		}
	}
}

// inside shows how a text is written that stands where a map of a single key should.
func inside(it item, fields []field) string {
	if it.key == nil || !isText(it.node) || len(fields) != 1 || fields[0].typ.Kind() != reflect.String {
		return ""
	}
	value := it.node.Value
	if strings.ContainsAny(value, "\"',:#[]{}\n") {
		value = strconv.Quote(value)
	}
	return fmt.Sprintf("write %s: {%s: %s}", it.key.Value, fields[0].key, value)
}

// field reads the value of a known key, with the conditions of its tags.
func (d *decoder) field(it item, f field, v reflect.Value) {
	if d.bad[it.node] {
		return
	}
	if !f.empty && blankValue(it.node) {
		d.report(it, emptyMessage, "")
		return
	}
	if f.named {
		d.named(it, v)
		return
	}
	if f.words != nil && it.node.Kind == yaml.ScalarNode && !isText(it.node) {
		d.report(it, "must be text, not "+describe(it.node), Suggest(it.node.Value, f.words))
		return
	}
	d.decode(it, v)
	if f.words != nil && v.String() != "" && !slices.Contains(f.words, v.String()) {
		d.report(it, fmt.Sprintf("%q is not known here", v.String()), Suggest(v.String(), f.words))
		v.SetString("")
	}
}

// list reads a list. An empty one is an empty slice, never nil.
func (d *decoder) list(it item, v reflect.Value) {
	if !d.wants(it, yaml.SequenceNode, "a list") {
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(it.node.Content))
	for i, n := range it.node.Content {
		elem := reflect.New(v.Type().Elem()).Elem()
		sub := item{node: n, path: element(it.path, i)}
		if d.bad[n] && elem.Kind() == reflect.String {
			continue
		}
		if blankValue(n) && elem.Kind() == reflect.String {
			d.report(sub, emptyMessage, "")
			continue
		}
		d.decode(sub, elem)
		out = reflect.Append(out, elem)
	}
	v.Set(out)
}

// named reads a map of names into a slice, in the order of the file.
func (d *decoder) named(it item, v reflect.Value) {
	if !d.wants(it, yaml.MappingNode, "a map of names") {
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(it.node.Content)/2)
	for _, pair := range d.pairs(it) {
		if pair.key.Value == "" {
			d.add(problemAt(d.src.start(pair.key), pair.path, "an empty name", ""))
			continue
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		elem.FieldByName("Name").SetString(pair.key.Value)
		before := len(d.problems)
		d.decode(pair, elem)
		_, leaf := elem.Addr().Interface().(custom)
		if leaf && (d.bad[pair.node] || len(d.problems) > before) {
			continue // half of a value is worse than none
		}
		out = reflect.Append(out, elem)
	}
	v.Set(out)
}

// pairs are the keys and values of a map that can be read.
func (d *decoder) pairs(it item) []item {
	var out []item
	for i := 0; i+1 < len(it.node.Content); i += 2 {
		key, value := it.node.Content[i], it.node.Content[i+1]
		if !d.bad[key] {
			out = append(out, item{key: key, node: value, path: member(it.path, key.Value)})
		}
	}
	return out
}

func (d *decoder) unknown(it item, known []string) {
	if !d.full() {
		d.add(problemAt(d.src.start(it.key), it.path, fmt.Sprintf("unknown key %q", it.key.Value), Suggest(it.key.Value, known)))
	}
}

// wants reports whether a value has a kind, and complains if not.
func (d *decoder) wants(it item, kind yaml.Kind, want string) bool {
	if it.node.Kind != kind {
		d.report(it, "must be "+want+", not "+describe(it.node), "")
		return false
	}
	return true
}

// blankValue reports whether a value is there but empty.
func blankValue(n *yaml.Node) bool {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Tag == "!!str" && strings.TrimSpace(n.Value) == ""
	case yaml.MappingNode, yaml.SequenceNode:
		return len(n.Content) == 0
	}
	return false
}
