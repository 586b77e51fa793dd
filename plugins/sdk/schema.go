package sdk

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// shape is a Go type as JSON Schema sees it.
type shape struct {
	kind   string // object, array, string, boolean, integer, number
	typ    reflect.Type
	text   bool // a string that the Go type reads itself
	fields []field
	elem   *shape
}

type field struct {
	name, doc string
	required  bool
	optional  bool // of facts: it may be null
	secret    bool
	shape     *shape
}

// role is what a type is used for: facts are written, the others are read.
type role int

const (
	read role = iota
	written
)

// schemaOf returns the shape of T, which must be a struct.
func schemaOf[T any](what string, r role) (*shape, error) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s: must be a struct type, not %s", what, t)
	}
	return shapeOf(t, what, r, nil)
}

func shapeOf(t reflect.Type, path string, r role, outer []reflect.Type) (*shape, error) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	s := &shape{typ: t}
	switch {
	case isText(t, r):
		s.kind, s.text = "string", true
	case t == reflect.TypeFor[time.Duration]():
		return nil, fmt.Errorf("%s: time.Duration would be a number of nanoseconds: use sdk.Duration", path)
	case t.Kind() == reflect.Struct:
		if slices.Contains(outer, t) {
			return nil, fmt.Errorf("%s: %s holds itself", path, t)
		}
		s.kind = "object"
		var err error
		s.fields, err = fieldsOf(t, path, r, append(outer, t))
		return s, err
	case t.Kind() == reflect.Slice:
		s.kind = "array"
		elem, err := shapeOf(t.Elem(), path+"[]", r, outer)
		if err != nil {
			return nil, err
		}
		if elem.kind == "array" {
			return nil, fmt.Errorf("%s: a list of lists cannot be described", path)
		}
		if t.Elem().Kind() == reflect.Uint8 {
			return nil, fmt.Errorf("%s: bytes cannot be described: use a string", path)
		}
		s.elem = elem
	default:
		if s.kind = scalarKind(t.Kind()); s.kind == "" {
			return nil, fmt.Errorf("%s: %s cannot be described", path, t)
		}
	}
	return s, nil
}

func scalarKind(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return "integer"
	case reflect.Float32, reflect.Float64:
		return "number"
	}
	return ""
}

func isText(t reflect.Type, r role) bool {
	if r == written {
		return t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
	}
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

var fieldName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func fieldsOf(t reflect.Type, path string, r role, outer []reflect.Type) ([]field, error) {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if !f.IsExported() && !f.Anonymous || tag == "-" {
			continue
		}
		at := path + "." + f.Name
		if f.Anonymous {
			return nil, fmt.Errorf("%s: embedded structs cannot be described: give the field a name", at)
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "" {
			name = f.Name
		}
		if !fieldName.MatchString(name) {
			return nil, fmt.Errorf("%s: the name %q must be letters, digits, _ and -, at most 64", at, name)
		}
		inner, err := shapeOf(f.Type, at, r, outer)
		if err != nil {
			return nil, err
		}
		opts := strings.Split(options, ",")
		if slices.Contains(opts, "string") {
			return nil, fmt.Errorf("%s: the json option string cannot be described", at)
		}
		left := slices.Contains(opts, "omitempty") || slices.Contains(opts, "omitzero")
		fields = append(fields, field{
			name: name, doc: f.Tag.Get("doc"), secret: f.Tag.Get("secret") == "true", shape: inner,
			required: r == read && !left,
			optional: r == written && (left || f.Type.Kind() == reflect.Pointer),
		})
	}
	return fields, checkFields(fields, path, r)
}

// checkFields finds what no field shows alone.
func checkFields(fields []field, path string, r role) error {
	seen := map[string]string{}
	for _, f := range fields {
		key := strings.ToLower(f.name)
		if other, ok := seen[key]; ok {
			return fmt.Errorf("%s: the names %s and %s are equal up to case", path, other, f.name)
		}
		seen[key] = f.name
		if f.secret && (f.shape.kind != "string" || f.shape.text || r == written) {
			return fmt.Errorf("%s: %s cannot be secret: only strings of a configuration can", path, f.name)
		}
	}
	for _, f := range fields {
		if other, ok := seen[strings.ToLower(f.name+"File")]; ok && f.secret {
			return fmt.Errorf("%s: the name %s is taken: it is how the secret %s is given", path, other, f.name)
		}
	}
	return nil
}

// schema returns s as the map that encoding/json writes as its JSON Schema.
func (s *shape) schema() map[string]any {
	m := map[string]any{"type": s.kind}
	switch s.kind {
	case "array":
		m["items"] = s.elem.schema()
	case "object":
		properties, required := map[string]any{}, []string{}
		for _, f := range s.fields {
			p := f.shape.schema()
			if f.doc != "" {
				p["description"] = f.doc
			}
			if f.secret {
				p["writeOnly"] = true
			}
			if f.optional {
				p["type"] = []string{f.shape.kind, "null"}
			}
			if f.required {
				required = append(required, f.name)
			}
			properties[f.name] = p
		}
		m["properties"] = properties
		if len(required) > 0 {
			m["required"] = required
		}
	}
	return m
}

func (s *shape) json() []byte {
	b, err := json.Marshal(s.schema())
	if err != nil {
		panic(err) // maps of strings and booleans
	}
	return b
}
