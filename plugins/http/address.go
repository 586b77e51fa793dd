package http

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"unicode"
)

// target is where requests go: a constant origin, and a path and query made of values.
type target struct {
	origin url.URL // scheme and host
	path   []text  // segments, escaped where they are literal
	query  []field
}

// field is a member of a query.
type field struct {
	name  string // escaped
	value text
	bare  bool // without =
}

// parseTarget reads the template of a URL. Its errors do not repeat it.
func parseTarget(s string) (*target, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if scheme = strings.ToLower(scheme); !ok || scheme != "https" && scheme != "http" {
		return nil, errors.New("must begin with https:// or http://")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`|", r) }) {
		return nil, errors.New("holds a blank, or a character that has to be written as %XX")
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, rest := rest[:end], rest[end:]
	t := &target{origin: url.URL{Scheme: scheme, Host: host}}
	if err := t.checkHost(); err != nil {
		return nil, err
	}
	if strings.Contains(rest, "#") {
		return nil, errors.New("has a part behind #, which is never sent")
	}
	path, query, asked := strings.Cut(rest, "?")
	if err := t.parsePath(path); err != nil {
		return nil, err
	}
	if !asked {
		return t, nil
	}
	return t, t.parseQuery(query)
}

func (t *target) checkHost() error {
	host := t.origin.Host
	switch {
	case strings.ContainsAny(host, "{}"):
		return errors.New("the host is constant: no placeholder can be in it")
	case strings.Contains(host, "@"):
		return errors.New("a password does not belong here: use bearerFile, or headers with valueFile")
	}
	u, err := url.Parse(t.origin.String())
	if err != nil || u.Hostname() == "" || u.Host != host {
		return errors.New("the host cannot be read")
	}
	return nil
}

func (t *target) parsePath(path string) error {
	if path == "" {
		path = "/"
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		parsed, err := parseURLText(segment)
		if err != nil {
			return fmt.Errorf("path: %w", err)
		}
		if plain, _ := parsed.plain(values{}); parsed.constant() && dots(plain) {
			return errors.New("path: . and .. are not names: write the path that is meant")
		}
		t.path = append(t.path, parsed)
	}
	return nil
}

func (t *target) parseQuery(query string) error {
	if query == "" {
		return nil
	}
	for member := range strings.SplitSeq(query, "&") {
		name, value, given := strings.Cut(member, "=")
		if strings.ContainsAny(name, "{}") {
			return errors.New("query: a placeholder can only be in a value, behind =")
		}
		if _, err := parseURLText(name); err != nil {
			return fmt.Errorf("query: %w", err)
		}
		parsed, err := parseURLText(value)
		if err != nil {
			return fmt.Errorf("query: %w", err)
		}
		t.query = append(t.query, field{name, parsed, !given})
	}
	return nil
}

// parseURLText reads a text whose literals are escaped as in a URL.
func parseURLText(s string) (text, error) {
	t, err := parseText(s)
	if err != nil {
		return nil, err
	}
	for _, p := range t {
		if strings.ContainsAny(p.literal, "{}[]") {
			return nil, errors.New("a bracket or brace has to be written as %XX")
		}
		if _, err := url.PathUnescape(p.literal); err != nil {
			return nil, errors.New("% is not followed by two hex digits")
		}
	}
	return t, nil
}

// fill makes the URL of a request.
func (t *target) fill(v values) (*url.URL, error) {
	var path, plain, query strings.Builder
	for _, segment := range t.path {
		escaped, err := segment.fill(v, url.PathEscape)
		if err != nil {
			return nil, err
		}
		name, ok := segment.plain(v)
		if !ok || dots(name) {
			return nil, errPath
		}
		path.WriteString("/" + escaped)
		plain.WriteString("/" + name)
	}
	for i, f := range t.query {
		value, err := f.value.fill(v, url.QueryEscape)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			query.WriteByte('&')
		}
		query.WriteString(f.name)
		if !f.bare {
			query.WriteString("=" + value)
		}
	}
	u := t.origin
	u.Path, u.RawPath, u.RawQuery = plain.String(), path.String(), query.String()
	if u.EscapedPath() != u.RawPath {
		return nil, errPath // it would be escaped again, and %2F become /
	}
	return &u, nil
}

var errPath = errors.New("a value cannot be part of a path: put its placeholder into the query or a body")

// plain is a segment without escapes, as a server reads it. It is false for values that a server might take for more than one
// name: many undo %2F before they look for slashes.
func (t text) plain(v values) (string, bool) {
	var b strings.Builder
	for _, p := range t {
		literal, err := url.PathUnescape(p.literal)
		value := v.texts[p.name]
		if err != nil || strings.ContainsFunc(value, func(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) }) {
			return "", false
		}
		b.WriteString(literal + value)
	}
	return b.String(), true
}

// dots tells whether a segment leads elsewhere.
func dots(name string) bool { return name == "." || name == ".." }

// literalAddress is the address of a host that is written as one.
func (t *target) literalAddress() (netip.Addr, bool) {
	a, err := netip.ParseAddr(t.origin.Hostname())
	return a, err == nil
}
