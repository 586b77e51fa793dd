package facts

import "fmt"

// Given is Decode for facts that a person wrote, with all that is wrong with them, as [Type.Problems] finds it. A list of named values, which
// rules read by name, may be written that way too: {quota: 5 GB, mail: [a@x.org, b@x.org]}.
func (t *Type) Given(data []byte) (map[string]any, []Problem) {
	if len(data) == 0 {
		data = []byte("{}")
	}
	v, err := read(data)
	if err != nil {
		return nil, []Problem{{Message: err.Error()}}
	}
	var c collector
	if o, ok := v.(object); ok {
		for i, m := range o {
			if named, ok := m.value.(object); ok && t.Fields[m.name].IsNamed() {
				o[i].value = c.spread(named, t.Fields[m.name].Elem, m.name)
			}
		}
	}
	if c.check(t, v, ""); c.problems != nil {
		return nil, c.problems
	}
	facts, err := t.decodeObject(v.(object), "")
	if err != nil {
		return nil, []Problem{{Message: err.Error()}}
	}
	return facts, nil
}

// IsNamed reports whether values of type t are lists of objects with a name and a text called value.
func (t *Type) IsNamed() bool {
	if t == nil || t.Kind != List || t.Elem.Kind != Object {
		return false
	}
	name, value := t.Elem.Fields["name"], t.Elem.Fields["value"]
	return name != nil && name.Kind == String && value != nil && value.Kind == String
}

// spread is the list that an object of named values stands for.
func (c *collector) spread(named object, elem *Type, path string) []any {
	list := make([]any, 0, len(named))
	for _, m := range named {
		values, ok := m.value.([]any)
		if _, one := m.value.(string); one {
			values, ok = []any{m.value}, true
		}
		for _, v := range values {
			if _, text := v.(string); !text {
				ok = false
			}
		}
		if !ok || len(values) == 0 {
			c.add(extend(path, m.name), fmt.Sprintf("must be a string or a list of strings, not %s", describe(m.value)), "")
			continue
		}
		e := object{{"name", m.name}, {"value", values[0]}}
		if elem.Fields["values"] != nil {
			e = append(e, member{"values", values})
		}
		list = append(list, e)
	}
	return list
}
