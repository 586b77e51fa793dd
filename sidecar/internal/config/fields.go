package config

import (
	"reflect"
	"slices"
	"strings"
)

// field is what the tags of a struct field say.
type field struct {
	key, doc               string
	index                  []int
	typ                    reflect.Type
	required, named, empty bool
	words                  []string // nil: any
}

// fieldsOf lists the fields of a struct that have a key, in their order.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("key")
		if key == "" {
			continue
		}
		is := strings.Fields(f.Tag.Get("is"))
		out = append(out, field{
			key: key, doc: f.Tag.Get("doc"), index: f.Index, typ: f.Type,
			required: slices.Contains(is, "required"),
			named:    slices.Contains(is, "named"),
			empty:    slices.Contains(is, "empty"),
			words:    words(f.Tag.Get("one")),
		})
	}
	return out
}

func words(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Fields(text)
}

// hint says what a missing key is for.
func (f field) hint() string {
	if f.doc == "" {
		return ""
	}
	return f.key + ": " + f.doc
}
