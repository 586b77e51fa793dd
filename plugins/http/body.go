package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// body is a JSON document whose strings may have placeholders. It keeps the bytes of everything else.
type body []piece

// piece is bytes as they are, a string with placeholders, or the name of a list.
type piece struct {
	raw    []byte
	filled text
	list   string
}

// parseBody reads the template of a body.
func parseBody(s string) (body, error) {
	if _, err := readJSON([]byte(s)); err != nil {
		return nil, fmt.Errorf("must be JSON: %w", err)
	}
	var b body
	begin := 0
	for at := 0; at < len(s); {
		if s[at] != '"' {
			at++
			continue
		}
		end := stringEnd(s, at)
		p, err := parsePiece(s[at:end], isName(s[end:]))
		if err != nil {
			return nil, err
		}
		if p != nil {
			b = append(b, piece{raw: []byte(s[begin:at])}, *p)
			begin = end
		}
		at = end
	}
	return append(b, piece{raw: []byte(s[begin:])}), nil
}

// stringEnd gives the place behind the string that begins at a place of valid JSON.
func stringEnd(s string, at int) int {
	for at++; s[at] != '"'; at++ {
		if s[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// isName tells whether what follows a string in valid JSON makes it the name of a member.
func isName(rest string) bool {
	trimmed := bytes.TrimLeft([]byte(rest), " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == ':'
}

// parsePiece reads a string of JSON. It is nil when there is nothing to fill in.
func parsePiece(quoted string, name bool) (*piece, error) {
	var plain string
	if err := json.Unmarshal([]byte(quoted), &plain); err != nil {
		return nil, errors.New("must be JSON")
	}
	for _, list := range listNames {
		if plain == "{"+list+"}" && !name {
			return &piece{list: list}, nil
		}
	}
	parsed, err := parseText(plain)
	switch {
	case name && (err != nil || !parsed.constant()):
		return nil, errors.New("a placeholder can only be in a value, not in a name")
	case err != nil:
		return nil, err
	case parsed.constant() && !bytes.ContainsAny([]byte(plain), "{}"):
		return nil, nil
	}
	return &piece{filled: parsed}, nil
}

// fill makes the body of a request.
func (b body) fill(v values) ([]byte, error) {
	var out bytes.Buffer
	for _, p := range b {
		switch {
		case p.list != "":
			list, err := v.list(p.list)
			if err != nil {
				return nil, err
			}
			if err := encode(&out, append([]string{}, list...)); err != nil { // never null
				return nil, err
			}
		case p.filled != nil:
			filled, err := p.filled.fill(v, func(s string) string { return s })
			if err != nil {
				return nil, err
			}
			if err := encode(&out, filled); err != nil {
				return nil, err
			}
		default:
			out.Write(p.raw)
		}
	}
	return out.Bytes(), nil
}

// encode writes v as JSON, without escapes for HTML.
func encode(out *bytes.Buffer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return errors.New("a value cannot be written as JSON")
	}
	out.Truncate(out.Len() - 1) // the line break
	return nil
}
