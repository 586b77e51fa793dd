package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/sidecar/fold"
)

// maxDepth is how deep JSON may be nested.
const maxDepth = 32

var (
	errJSON  = errors.New("not valid JSON")
	errUTF8  = errors.New("not valid UTF-8")
	errTwice = errors.New("an object has a member twice, up to case")
	errDeep  = errors.New("nested too deep")
)

// readJSON reads one value: map[string]any, []any, string, json.Number, bool or nil. It refuses what two readers could
// understand differently. Its errors repeat nothing of data.
func readJSON(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errUTF8
	}
	if !json.Valid(data) { // the decoder's tokens alone are not held against the grammar
		return nil, errJSON
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := readValue(dec, 0)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func readValue(dec *json.Decoder, depth int) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, errJSON
	}
	delim, opens := token.(json.Delim)
	switch {
	case !opens:
		return token, nil
	case depth == maxDepth:
		return nil, errDeep
	case delim == '[':
		return readList(dec, depth+1)
	case delim == '{':
		return readObject(dec, depth+1)
	}
	return nil, errJSON
}

func readList(dec *json.Decoder, depth int) (any, error) {
	list := []any{}
	for dec.More() {
		v, err := readValue(dec, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if _, err := dec.Token(); err != nil {
		return nil, errJSON
	}
	return list, nil
}

func readObject(dec *json.Decoder, depth int) (any, error) {
	object, seen := map[string]any{}, map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errJSON
		}
		key := fold.Key(name)
		if seen[key] {
			return nil, errTwice
		}
		seen[key] = true
		if object[name], err = readValue(dec, depth); err != nil {
			return nil, err
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, errJSON
	}
	return object, nil
}

// pointer leads to a place in JSON (RFC 6901).
type pointer []string

// parsePointer reads a pointer: # for the whole, or /a/0/b.
func parsePointer(s string) (pointer, error) {
	switch {
	case s == "#":
		return pointer{}, nil
	case !strings.HasPrefix(s, "/"):
		return nil, errors.New("must begin with /, like /result/name, or be # for the whole reply")
	}
	var p pointer
	for token := range strings.SplitSeq(s[1:], "/") {
		if bad := strings.ReplaceAll(strings.ReplaceAll(token, "~0", ""), "~1", ""); strings.Contains(bad, "~") {
			return nil, errors.New("~ is written ~0, and / in a name ~1")
		}
		p = append(p, strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~"))
	}
	return p, nil
}

// each is the token that stands for all elements of a list.
const each = "*"

// in gives what p leads to in a value, or nil if that is nothing, or null. For each element of a list that is a list of what it leads to there.
func (p pointer) in(v any) any {
	for i, token := range p {
		if list, ok := v.([]any); ok && token == each {
			all := make([]any, len(list))
			for j, element := range list {
				all[j] = p[i+1:].in(element)
			}
			return all
		}
		switch inner := v.(type) {
		case map[string]any:
			v = inner[token]
		case []any:
			i, ok := index(token)
			if !ok || i >= len(inner) {
				return nil
			}
			v = inner[i]
		default:
			return nil
		}
	}
	return v
}

// index reads a place in a list: digits without a zero before them.
func index(token string) (i int, ok bool) {
	if token == "" || len(token) > 6 || len(token) > 1 && token[0] == '0' {
		return 0, false
	}
	for _, r := range token {
		if r < '0' || r > '9' {
			return 0, false
		}
		i = 10*i + int(r-'0')
	}
	return i, true
}
