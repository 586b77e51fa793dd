package facts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Parse reads a schema. Its top level must be an object. What is beyond the subset is an error that names the place, like
// `properties.groups.items: keyword "enum" is not supported`.
func Parse(schema []byte) (*Type, error) {
	v, err := read(schema)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	o, ok := v.(object)
	if !ok {
		return nil, errors.New("schema: not a JSON object")
	}
	t, err := parse(o, "")
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if t.Kind != Object || t.Nullable {
		return nil, fmt.Errorf("schema: type must be object and nothing else, not %s", t.Kind)
	}
	return t, nil
}

// ParseFacts is Parse for the schema of facts: names that the host adds itself are refused too.
func ParseFacts(schema []byte) (*Type, error) {
	t, err := Parse(schema)
	if err != nil {
		return nil, err
	}
	return t, t.CheckFacts()
}

// CheckFacts returns an error if a field has a name that the host adds itself.
func (t *Type) CheckFacts() error {
	for _, name := range t.Names() {
		if Reserved(name) {
			return fmt.Errorf("schema: properties.%s: the name belongs to the host", name)
		}
	}
	return nil
}

// Names returns the names of the fields of an object, sorted.
func (t *Type) Names() []string {
	names := make([]string, 0, len(t.Fields))
	for name := range t.Fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// keyword reads one keyword of a schema into t.
type keyword func(t *Type, v any, path string) error

// keywordFor returns how a keyword other than "type" is read, and the kind to which it is tied (0: any); nil: unknown.
func keywordFor(name string) (kind Kind, read keyword) {
	switch name {
	case "description":
		return 0, func(t *Type, v any, path string) (err error) {
			t.Description, err = text(v, path)
			return err
		}
	case "title", "$schema":
		return 0, func(_ *Type, v any, path string) error {
			_, err := text(v, path)
			return err
		}
	case "writeOnly":
		return 0, readSecret
	case "properties":
		return Object, readProperties
	case "required":
		return Object, readRequired
	case "additionalProperties":
		return Object, readAdditional
	case "items":
		return List, readItems
	}
	return 0, nil
}

func parse(o object, path string) (*Type, error) {
	t := &Type{}
	for _, m := range o {
		if m.name == "type" {
			if err := readType(t, m.value, join(path, "type")); err != nil {
				return nil, err
			}
		}
	}
	if t.Kind == 0 {
		return nil, fmt.Errorf("%s\"type\" is missing", at(path))
	}
	for _, m := range o {
		if m.name == "type" {
			continue
		}
		kind, read := keywordFor(m.name)
		switch {
		case read == nil:
			return nil, fmt.Errorf("%skeyword %q is not supported", at(path), m.name)
		case kind != 0 && kind != t.Kind:
			return nil, fmt.Errorf("%skeyword %q does not go with type %s", at(path), m.name, t.Kind)
		}
		if err := read(t, m.value, extend(path, m.name)); err != nil {
			return nil, err
		}
	}
	return t, finish(t, path)
}

// finish checks what takes more than one keyword.
func finish(t *Type, path string) error {
	if t.Kind == List && t.Elem == nil {
		return fmt.Errorf("%s\"items\" is missing", at(path))
	}
	for i, name := range t.Required {
		if t.Fields[name] == nil {
			return fmt.Errorf("%s: not one of the properties", index(extend(path, "required"), i))
		}
	}
	return nil
}

func readType(t *Type, v any, path string) error {
	if both, ok := v.([]any); ok && len(both) == 2 && both[1] == "null" {
		t.Nullable, v = true, both[0]
	}
	if _, list := v.([]any); list {
		v = nil
	}
	switch v {
	case "object":
		t.Kind, t.Fields = Object, map[string]*Type{}
	case "string":
		t.Kind = String
	case "boolean":
		t.Kind = Bool
	case "integer":
		t.Kind = Int
	case "number":
		t.Kind = Float
	case "array":
		t.Kind = List
	default:
		return fmt.Errorf("%s: must be one of object, string, boolean, integer, number and array, or a list of one of them and null", path)
	}
	return nil
}

func readSecret(t *Type, v any, path string) error {
	secret, ok := v.(bool)
	if !ok {
		return fmt.Errorf("%s: must be true or false", path)
	}
	if secret && (t.Kind != String || t.Nullable) {
		return fmt.Errorf("%s: only a string can be secret", path)
	}
	t.Secret = secret
	return nil
}

func readProperties(t *Type, v any, path string) error {
	o, ok := v.(object)
	if !ok {
		return fmt.Errorf("%s: must be an object", path)
	}
	for _, m := range o {
		if !validName(m.name) {
			return fmt.Errorf("%s: the name %q must be letters, digits, _ and -, at most 64", path, m.name)
		}
		inner, ok := m.value.(object)
		if !ok {
			return fmt.Errorf("%s: must be an object", join(path, m.name))
		}
		field, err := parse(inner, join(path, m.name))
		if err != nil {
			return err
		}
		t.Fields[m.name] = field
	}
	return nil
}

func readRequired(t *Type, v any, path string) error {
	l, ok := v.([]any)
	if !ok {
		return fmt.Errorf("%s: must be a list of strings", path)
	}
	for i, e := range l {
		name, err := text(e, index(path, i))
		if err != nil {
			return err
		}
		t.Required = append(t.Required, name)
	}
	slices.SortFunc(t.Required, strings.Compare)
	return nil
}

func readAdditional(_ *Type, v any, path string) error {
	if v != false {
		return fmt.Errorf("%s: must be false", path)
	}
	return nil
}

func readItems(t *Type, v any, path string) error {
	o, ok := v.(object)
	if !ok {
		return fmt.Errorf("%s: must be an object", path)
	}
	elem, err := parse(o, path)
	if err != nil {
		return err
	}
	if elem.Kind == List {
		return fmt.Errorf("%s: a list of lists is not supported", path)
	}
	if elem.Nullable {
		return fmt.Errorf("%s: a list of what may be null is not supported", path)
	}
	if elem.Secret {
		return fmt.Errorf("%s: a list of secrets is not supported", path)
	}
	t.Elem = elem
	return nil
}

func text(v any, path string) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s: must be a string", path)
	}
	return s, nil
}

// extend is join for a keyword, whose name is ours to repeat.
func extend(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
