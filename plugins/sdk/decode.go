package sdk

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// decoder holds JSON against a shape and notes all that does not fit. What it decodes is strict: names match byte for byte,
// unknown ones are problems, and so is null.
type decoder struct {
	quote    bool // whether messages may hold values: those of a configuration may, those of parameters may not
	problems Problems
}

// decode reads data, which must fit s, into v. Its error is Problems.
func decode(data []byte, s *shape, quote bool, v any) error {
	if len(bytes.TrimSpace(data)) == 0 {
		data = []byte("{}")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return Problems{{Message: "not valid JSON"}}
	}
	if _, err := dec.Token(); err != io.EOF {
		return Problems{{Message: "not valid JSON: something follows the object"}}
	}
	d := &decoder{quote: quote}
	d.value(tree, s, "")
	if len(d.problems) > 0 {
		return d.problems
	}
	checked, err := json.Marshal(tree) // value may have put the content of files into the tree
	if err != nil {
		return Problems{{Message: "not valid JSON"}}
	}
	if err := json.Unmarshal(checked, v); err != nil {
		return Problems{{Message: "does not fit the Go type"}} // a type with an UnmarshalJSON of its own
	}
	return nil
}

func (d *decoder) add(path, message, hint string) {
	d.problems = append(d.problems, Problem{Path: path, Message: message, Hint: hint})
}

func (d *decoder) value(v any, s *shape, path string) {
	switch s.kind {
	case "object":
		if o, ok := v.(map[string]any); ok {
			d.object(o, s, path)
			return
		}
	case "array":
		if l, ok := v.([]any); ok {
			for i, e := range l {
				d.value(e, s.elem, path+"["+strconv.Itoa(i)+"]")
			}
			return
		}
	case "string":
		if text, ok := v.(string); ok {
			d.text(text, s, path)
			return
		}
	case "boolean":
		if _, ok := v.(bool); ok {
			return
		}
	default:
		if n, ok := v.(json.Number); ok {
			d.number(n, s, path)
			return
		}
	}
	d.add(path, fmt.Sprintf("must be %s, not %s", words[s.kind], jsonType(v)), "")
}

func (d *decoder) object(o map[string]any, s *shape, path string) {
	d.secrets(o, s, path)
	for name := range sorted(o) {
		i := slices.IndexFunc(s.fields, func(f field) bool { return f.name == name })
		if i < 0 {
			d.unknown(name, s, path)
			continue
		}
		d.value(o[name], s.fields[i].shape, join(path, name))
	}
	for _, f := range s.fields {
		if _, ok := o[f.name]; ok || !f.required {
			continue
		}
		if f.secret {
			d.add(path, fmt.Sprintf("%s is missing", f.name+"File"), "")
			continue
		}
		d.add(path, fmt.Sprintf("%s is missing", f.name), "")
	}
}

func (d *decoder) unknown(name string, s *shape, path string) {
	if !fieldName.MatchString(name) || !d.quote {
		d.add(path, "an unknown name", "")
		return
	}
	var known []string
	for _, f := range s.fields {
		if f.secret {
			known = append(known, f.name+"File")
			continue
		}
		known = append(known, f.name)
	}
	hint := "there are no names here"
	if len(known) > 0 {
		hint = "known here: " + strings.Join(known, ", ")
	}
	d.add(join(path, name), "unknown name", hint)
}

// secrets puts the content of the files that are named in o into it.
func (d *decoder) secrets(o map[string]any, s *shape, path string) {
	for _, f := range s.fields {
		name := f.name + "File"
		given, ok := o[name]
		if !ok || !f.secret {
			continue
		}
		delete(o, name)
		file, ok := given.(string)
		if !ok {
			d.add(join(path, name), "must be the path of a file, not "+jsonType(given), "")
			o[f.name] = "" // it is not missing as well
			continue
		}
		if _, twice := o[f.name]; twice {
			d.add(join(path, name), "given as well as "+f.name, "keep the file")
			continue
		}
		content, err := os.ReadFile(file)
		if err == nil {
			content, err = Text(content)
		}
		if err != nil {
			d.add(join(path, name), err.Error(), "")
		}
		o[f.name] = strings.TrimRight(string(content), "\r\n")
	}
}

func (d *decoder) text(v string, s *shape, path string) {
	if !s.text {
		return
	}
	target := reflect.New(s.typ).Interface().(encoding.TextUnmarshaler) // isText saw to it
	switch err := target.UnmarshalText([]byte(v)); {
	case err == nil:
	case d.quote:
		d.add(path, err.Error(), "")
	default:
		d.add(path, "does not have the right form", "")
	}
}

func (d *decoder) number(n json.Number, s *shape, path string) {
	if s.kind == "number" {
		f, err := strconv.ParseFloat(string(n), s.typ.Bits())
		switch {
		case err != nil:
			d.add(path, "the number is too large", "")
		case !strings.ContainsAny(string(n), ".eE") && strconv.FormatFloat(f, 'f', -1, s.typ.Bits()) != string(n):
			d.add(path, "the integer has more digits than a number can hold", "")
		}
		return
	}
	i, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil {
		d.add(path, "must be an integer", "")
		return
	}
	zero := reflect.Zero(s.typ)
	if zero.CanInt() && zero.OverflowInt(i) || zero.CanUint() && (i < 0 || zero.OverflowUint(uint64(i))) {
		d.add(path, "the integer is out of range", "")
	}
}
