package rules

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// decodeClaim returns the value of a claim for expressions: nil, bool, string, int64, float64, []string, []any or
// map[string]any. raw is valid JSON, or nil when there is no such claim. An integer that int64 cannot hold is a failure,
// because a rule would see, and pass on, another number.
func decodeClaim(name string, raw []byte) any {
	if raw == nil {
		return nil
	}
	if s, ok := plainString(raw); ok {
		return s
	}
	if l, ok := plainStrings(raw); ok {
		return l
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		panic(failuref("claim %q is not JSON", name))
	}
	return typed(name, v)
}

// plainString decodes a string without escapes.
func plainString(raw []byte) (string, bool) {
	n := len(raw)
	if n < 2 || raw[0] != '"' || raw[n-1] != '"' || bytes.IndexByte(raw, '\\') >= 0 {
		return "", false
	}
	return string(raw[1 : n-1]), true
}

// plainStrings decodes a list of strings without escapes: groups, most of the time.
func plainStrings(raw []byte) ([]string, bool) {
	if len(raw) < 2 || raw[0] != '[' || bytes.IndexByte(raw, '\\') >= 0 {
		return nil, false
	}
	list := make([]string, 0, bytes.Count(raw, []byte{'"'})/2)
	rest := string(raw[1:]) // copied once; the elements are parts of it
	for {
		rest = strings.TrimLeft(rest, " \t\r\n,") // valid JSON has commas only where they belong
		if rest == "]" {
			return list, true
		}
		if len(rest) < 2 || rest[0] != '"' {
			return nil, false
		}
		end := strings.IndexByte(rest[1:], '"')
		if end < 0 {
			return nil, false
		}
		list = append(list, rest[1:1+end])
		rest = rest[2+end:]
	}
}

// typed replaces numbers, and lists of nothing but strings.
func typed(name string, v any) any {
	switch v := v.(type) {
	case json.Number:
		return number(name, v)
	case []any:
		return typedList(name, v)
	case map[string]any:
		for key, value := range v {
			v[key] = typed(name, value)
		}
	}
	return v
}

func typedList(name string, list []any) any {
	texts := make([]string, 0, len(list))
	for i, e := range list {
		if s, ok := e.(string); ok {
			texts = append(texts, s)
		}
		list[i] = typed(name, e)
	}
	if len(texts) == len(list) {
		return texts
	}
	return list
}

func number(name string, n json.Number) any {
	s := string(n)
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !bytes.ContainsAny([]byte(s), ".eE") {
		panic(unfitf("claim %q holds a number that does not fit in 64 bits", name))
	}
	return f
}
