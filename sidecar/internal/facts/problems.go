package facts

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is something wrong with a configuration.
type Problem struct {
	Path    string // inside the configuration, like accounts[2].name; empty for the whole. It exists in the configuration
	Message string // holds no value
	Hint    string // how to mend it; may be empty
	Key     bool   // the last key of the path is wrong, whatever stands behind it
}

// Problems returns all that is wrong with the JSON object data as a configuration of type t: unknown and missing keys,
// values of another type, and secrets that stand in it. They come in the order of data, missing keys last. Empty data
// counts as an empty object. Nil means that there are none.
func (t *Type) Problems(data []byte) []Problem {
	if len(data) == 0 {
		data = []byte("{}")
	}
	v, err := read(data)
	if err != nil {
		return []Problem{{Message: err.Error()}}
	}
	var c collector
	c.check(t, v, "")
	return c.problems
}

type collector struct{ problems []Problem }

func (c *collector) add(path, message, hint string) {
	c.problems = append(c.problems, Problem{Path: path, Message: message, Hint: hint})
}

func (c *collector) check(t *Type, v any, path string) {
	if v == nil && t.Nullable {
		return
	}
	switch t.Kind {
	case Object:
		if o, ok := v.(object); ok {
			c.object(t, o, path)
			return
		}
	case List:
		if l, ok := v.([]any); ok {
			for i, e := range l {
				c.check(t.Elem, e, index(path, i))
			}
			return
		}
	default:
		if _, why := t.scalar(v); why != "" {
			c.add(path, why, "")
		}
		return
	}
	c.add(path, "must be "+t.Noun()+", not "+describe(v), t.form())
}

// form shows how a list of objects is written; empty for all else.
func (t *Type) form() string {
	if t.Kind != List || len(t.Elem.Required) == 0 {
		return ""
	}
	var members []string
	for _, name := range t.Elem.Required {
		members = append(members, t.Elem.written(name)+": ...")
	}
	return "write [{" + strings.Join(members, ", ") + "}]"
}

func (c *collector) object(t *Type, o object, path string) {
	have := map[string]bool{}
	for _, m := range o {
		inner := extend(path, m.name)
		have[m.name] = true
		f := t.Fields[m.name]
		switch secret := t.secretOf(m.name); {
		case f != nil && f.Secret:
			c.problems = append(c.problems, Problem{
				Path: inner, Message: "a secret is not written here", Hint: fmt.Sprintf("put it in a file and write %sFile: PATH", m.name), Key: true,
			})
		case f != nil:
			c.check(f, m.value, inner)
		case secret != "":
			have[secret] = true
			c.check(&Type{Kind: String}, m.value, inner)
		default:
			c.problems = append(c.problems, Problem{Path: inner, Message: fmt.Sprintf("unknown key %q", m.name), Hint: t.keyHint(m.name), Key: true})
		}
	}
	for _, name := range t.Required {
		if !have[name] {
			c.add(path, fmt.Sprintf("key %q is missing", t.written(name)), t.Fields[name].Description)
		}
	}
}

// secretOf returns the secret that the key name gives the file of; empty when it is none.
func (t *Type) secretOf(name string) string {
	base, ok := strings.CutSuffix(name, "File")
	if f := t.Fields[base]; ok && f != nil && f.Secret {
		return base
	}
	return ""
}

// written returns the key under which a configuration gives the field.
func (t *Type) written(name string) string {
	if t.Fields[name].Secret {
		return name + "File"
	}
	return name
}

func (t *Type) keyHint(name string) string {
	var keys []string
	for _, n := range t.Names() {
		if w := t.written(n); !slices.Contains(keys, w) {
			keys = append(keys, w)
		}
	}
	if near := Closest(name, keys); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(keys) == 0 {
		return "no keys are known here"
	}
	return "known here: " + strings.Join(keys, ", ")
}
