package config

import (
	"strconv"
	"strings"
)

// Join adds to a path the rest of one, such as accounts[2].name, [2] or nothing.
func Join(path, rest string) string {
	switch {
	case rest == "":
		return path
	case path == "" || rest[0] == '[':
		return path + rest
	}
	return path + "." + rest
}

// member is the path of a key. A key that is no plain word stands in brackets: clients["my.app"].
func member(path, key string) string {
	if !plainKey(key) {
		return path + "[" + strconv.Quote(key) + "]"
	}
	return Join(path, key)
}

func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func plainKey(key string) bool {
	for i, r := range key {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r != '-' && (r < '0' || '9' < r)) {
			return false
		}
	}
	return key != ""
}

// segment is one part of a path: a key, or an index.
type segment struct {
	key   string
	index int // -1: a key
}

// nextSegment cuts the first part off a path. It reports false at the end, and where the path is not written as ours are.
func nextSegment(path string) (segment, string, bool) {
	path = strings.TrimPrefix(path, ".")
	if path == "" {
		return segment{}, "", false
	}
	if path[0] != '[' {
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			end = len(path)
		}
		return segment{path[:end], -1}, path[end:], true
	}
	if quoted, err := strconv.QuotedPrefix(path[1:]); err == nil {
		key, _ := strconv.Unquote(quoted)
		rest, closed := strings.CutPrefix(path[1+len(quoted):], "]")
		return segment{key, -1}, rest, closed
	}
	number, rest, closed := strings.Cut(path[1:], "]")
	index, err := strconv.Atoi(number)
	return segment{"", index}, rest, closed && err == nil && index >= 0
}
