package facts

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Decode reads the JSON object of an answer. The result is complete: what data does not give has its zero value, or is nil where
// it may be null. Empty data gives only those. A member that the schema does not have, a value of another type, null where the schema does
// not have it, an integer beyond 64 bits, and two members whose names are equal up to case are errors; they name the place, never a value.
//
// The result is the caller's to change. Required is not looked at: [Type.Problems] does.
func (t *Type) Decode(data []byte) (map[string]any, error) {
	if t.Kind != Object {
		return nil, errors.New("type is not an object")
	}
	if len(data) == 0 {
		return t.zeroObject(), nil
	}
	v, err := read(data)
	if err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if !ok {
		return nil, t.mismatch(v, "")
	}
	return t.decodeObject(o, "")
}

// Check reports why the JSON value data is not of type t, as Decode does for objects; nil when it is.
func (t *Type) Check(data []byte) error {
	v, err := read(data)
	if err != nil {
		return err
	}
	_, err = t.decode(v, "")
	return err
}

func (t *Type) decodeObject(o object, path string) (map[string]any, error) {
	m := make(map[string]any, len(t.Fields))
	for _, member := range o {
		f := t.Fields[member.name]
		if f == nil {
			return nil, fmt.Errorf("%s: not in the schema", join(path, member.name))
		}
		v, err := f.decode(member.value, join(path, member.name))
		if err != nil {
			return nil, err
		}
		m[member.name] = v
	}
	for name, f := range t.Fields {
		if _, ok := m[name]; !ok {
			m[name] = f.Zero()
		}
	}
	return m, nil
}

func (t *Type) decode(v any, path string) (any, error) {
	if v == nil && t.Nullable {
		return nil, nil
	}
	switch t.Kind {
	case Object:
		if o, ok := v.(object); ok {
			return t.decodeObject(o, path)
		}
	case List:
		if l, ok := v.([]any); ok {
			return t.Elem.decodeList(l, path)
		}
	default:
		got, why := t.scalar(v)
		if why != "" {
			return nil, errors.New(at(path) + why)
		}
		return got, nil
	}
	return nil, t.mismatch(v, path)
}

func (t *Type) mismatch(v any, path string) error {
	return fmt.Errorf("%smust be %s, not %s", at(path), t.Noun(), describe(v))
}

// decodeList decodes a list whose elements are of type t.
func (t *Type) decodeList(l []any, path string) (any, error) {
	switch t.Kind {
	case String:
		return decodeAll[string](t, l, path)
	case Bool:
		return decodeAll[bool](t, l, path)
	case Int:
		return decodeAll[int64](t, l, path)
	case Float:
		return decodeAll[float64](t, l, path)
	default:
		return decodeAll[map[string]any](t, l, path)
	}
}

func decodeAll[E any](t *Type, l []any, path string) (any, error) {
	out := make([]E, 0, len(l))
	for i, e := range l {
		v, err := t.decode(e, index(path, i))
		if err != nil {
			return nil, err
		}
		out = append(out, v.(E)) // decode returns what the kind says
	}
	return out, nil
}

// scalar returns v as the Go value of t, or why it is not one.
func (t *Type) scalar(v any) (any, string) {
	switch v := v.(type) {
	case string:
		if t.Kind == String {
			return v, ""
		}
	case bool:
		if t.Kind == Bool {
			return v, ""
		}
	case json.Number:
		switch t.Kind {
		case Int:
			return integer(v)
		case Float:
			f, err := strconv.ParseFloat(string(v), 64)
			switch {
			case err != nil || math.IsInf(f, 0):
				return nil, "the number is too large"
			case !strings.ContainsAny(string(v), ".eE") && strconv.FormatFloat(f, 'f', -1, 64) != string(v):
				return nil, "the integer has more digits than a number can hold"
			}
			return f, ""
		}
	}
	return nil, "must be " + withArticle(t.Kind.String()) + ", not " + describe(v)
}

func integer(n json.Number) (any, string) {
	i, err := strconv.ParseInt(string(n), 10, 64)
	switch {
	case err == nil:
		return i, ""
	case errors.Is(err, strconv.ErrRange):
		return nil, "the integer does not fit in 64 bits"
	}
	return nil, "must be an integer, without fraction and exponent"
}

// describe names the JSON type of v.
func describe(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	}
	return "an object"
}

func withArticle(noun string) string {
	switch noun[0] {
	case 'a', 'i', 'o':
		return "an " + noun
	}
	return "a " + noun
}
