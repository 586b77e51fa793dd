package facts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/sidecar/fold"
)

// maxDepth is how deep JSON may be nested.
const maxDepth = 32

// member is one member of a JSON object, in the order of the text.
type member struct {
	name  string
	value any
}

// object is a JSON object whose member names differ under case folding.
type object []member

// read parses one JSON value: nil, bool, string, json.Number, []any or object.
func read(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not valid UTF-8")
	}
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		// The text of a syntax error quotes a character of the data; the offset says enough.
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("not valid JSON at byte %d", syntax.Offset)
		}
		return nil, errors.New("not valid JSON")
	}
	r := reader{dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	return r.value("", 0)
}

type reader struct{ dec *json.Decoder }

func (r reader) value(path string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%snested deeper than %d", at(path), maxDepth)
	}
	tok, err := r.dec.Token()
	if err != nil {
		return nil, errors.New("not valid JSON")
	}
	switch tok {
	case json.Delim('{'):
		return r.object(path, depth)
	case json.Delim('['):
		return r.list(path, depth)
	}
	return tok, nil
}

func (r reader) object(path string, depth int) (any, error) {
	o := object{}
	seen := map[string]bool{}
	for r.dec.More() {
		tok, err := r.dec.Token()
		if err != nil {
			return nil, errors.New("not valid JSON")
		}
		name := tok.(string) // the text is valid JSON, so a member starts with its name
		inner := join(path, name)
		key := fold.Key(name)
		if seen[key] {
			return nil, fmt.Errorf("%smember given twice, up to case", at(inner))
		}
		seen[key] = true
		v, err := r.value(inner, depth+1)
		if err != nil {
			return nil, err
		}
		o = append(o, member{name, v})
	}
	_, err := r.dec.Token()
	return o, err
}

func (r reader) list(path string, depth int) (any, error) {
	l := []any{}
	for r.dec.More() {
		v, err := r.value(index(path, len(l)), depth+1)
		if err != nil {
			return nil, err
		}
		l = append(l, v)
	}
	_, err := r.dec.Token()
	return l, err
}

// at turns a path into the start of a message.
func at(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

// join appends a member to a path. A name that does not look like one may be somebody's data and is not repeated.
func join(path, name string) string {
	if !validName(name) {
		name = "(a name)"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// validName reports whether name can be that of a field: a letter or _, then letters, digits, _ and -; at most 64.
func validName(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
		case i > 0 && ('0' <= c && c <= '9' || c == '-'):
		default:
			return false
		}
	}
	return true
}
