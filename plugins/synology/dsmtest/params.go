package dsmtest

import (
	"encoding/json"
	"strconv"
)

// params are the parameters of a call. Where the API says requestFormat JSON each value is JSON; bare words are taken as
// strings, as DSM does. Recorded from MIKE and N4S4.
type params struct {
	values map[string]string
	json   bool
}

// text returns a string; "" and true when it is not there, false when it is something else: an account of digits only has
// to be sent with quotes.
func (p params) text(name string) (string, bool) {
	raw := p.values[name]
	if !p.json || raw == "" {
		return raw, true
	}
	var v any
	if json.Unmarshal([]byte(raw), &v) != nil {
		return raw, true
	}
	s, ok := v.(string)
	return s, ok
}

// list returns a JSON array of strings; nil when it is not there.
func (p params) list(name string) ([]string, bool) {
	raw := p.values[name]
	if raw == "" {
		return nil, true
	}
	var v []string
	return v, json.Unmarshal([]byte(raw), &v) == nil
}

// number returns an integer, with or without quotes.
func (p params) number(name string, otherwise int) (int, bool) {
	raw := p.values[name]
	if raw == "" {
		return otherwise, true
	}
	var s string
	if json.Unmarshal([]byte(raw), &s) == nil {
		raw = s
	}
	v, err := strconv.Atoi(raw)
	return v, err == nil
}

// truth returns true or false, in lower case only: recorded from N4S4, whose True was refused.
func (p params) truth(name string, otherwise bool) (value, ok bool) {
	switch p.values[name] {
	case "":
		return otherwise, true
	case "true", `"true"`:
		return true, true
	case "false", `"false"`:
		return false, true
	default:
		return false, false
	}
}
