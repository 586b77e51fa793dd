package http

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// text is a text with placeholders: {email}. {{ and }} stand for braces.
type text []part

// part is a literal, or the name of a placeholder.
type part struct{ literal, name string }

// parseText reads a text. Names are those of textNames.
func parseText(s string) (text, error) {
	var t text
	literal := func(s string) {
		if s == "" {
			return
		}
		if n := len(t); n > 0 && t[n-1].name == "" {
			t[n-1].literal += s
			return
		}
		t = append(t, part{literal: s})
	}
	for s != "" {
		at := strings.IndexAny(s, "{}")
		if at < 0 {
			literal(s)
			break
		}
		literal(s[:at])
		brace, rest := s[at:at+1], s[at+1:]
		switch end := strings.IndexByte(rest, '}'); {
		case strings.HasPrefix(rest, brace):
			literal(brace)
			s = rest[1:]
		case brace == "}":
			return nil, errors.New(`a "}" that closes nothing: write }} for the character itself`)
		case end < 0:
			return nil, errors.New(`a "{" that is not closed: write {{ for the character itself`)
		default:
			if err := placeholder(rest[:end]); err != nil {
				return nil, err
			}
			t = append(t, part{name: rest[:end]})
			s = rest[end+1:]
		}
	}
	return t, nil
}

func placeholder(name string) error {
	switch {
	case slices.Contains(textNames, name):
		return nil
	case slices.Contains(listNames, name):
		return fmt.Errorf("{%s} is a list: it can only be a whole value in a body", name)
	}
	return errors.New("an unknown placeholder: there are {" + strings.Join(textNames, "}, {") + "}, and {" + strings.Join(listNames, "} and {") + "} in a body")
}

// constant tells whether t has no placeholders.
func (t text) constant() bool {
	return !slices.ContainsFunc(t, func(p part) bool { return p.name != "" })
}

// errEmpty is the error for a value that is needed and empty.
var errEmpty = errors.New("a value that the request needs is empty")

// fill puts values into t, each as escape makes it.
func (t text) fill(v values, escape func(string) string) (string, error) {
	var b strings.Builder
	for _, p := range t {
		if p.name == "" {
			b.WriteString(p.literal)
			continue
		}
		value, err := v.text(p.name)
		if err != nil {
			return "", err
		}
		b.WriteString(escape(value))
	}
	return b.String(), nil
}

// text gives a value. It is not empty.
func (v values) text(name string) (string, error) {
	value, ok := v.texts[name]
	switch {
	case !ok:
		return "", fmt.Errorf("the request needs %s: the lookup has to give it, in with", name)
	case value == "":
		return "", errEmpty
	case !utf8.ValidString(value):
		return "", fmt.Errorf("%s is not valid UTF-8", name)
	}
	return value, nil
}

// list gives a value that is a list. It may be empty.
func (v values) list(name string) ([]string, error) {
	list, ok := v.lists[name]
	if !ok {
		return nil, fmt.Errorf("the request needs %s: the lookup has to give it, in with", name)
	}
	return list, nil
}
