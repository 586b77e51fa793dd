package config

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Source is the text of a file, for whoever has to say where something stands in it. It is safe for concurrent use.
type Source struct {
	name  string
	lines []string
	long  map[int]longLine // by index
	root  *yaml.Node       // nil: the file could not be read as YAML
}

// longLine is what is found out once about a line that is too long to be searched again and again.
type longLine struct {
	marks  []int // where every markEvery-th character begins
	secret bool  // it may hold a secret
}

// markEvery is how many characters are counted at most to find a place in a line: a whole file may be one line.
const markEvery = 256

// Place is where a part of the file stands. It is embedded in all that Config is made of.
type Place struct {
	Pos  Pos
	Path string

	node *yaml.Node
}

func newSource(name, text string) *Source {
	s := &Source{name: name, lines: strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), long: map[int]longLine{}}
	for i, line := range s.lines {
		if len(line) <= markEvery {
			continue
		}
		n, long := 0, longLine{secret: holdsSecret(line)}
		for at := range line {
			if n%markEvery == 0 {
				long.marks = append(long.marks, at)
			}
			n++
		}
		s.long[i] = long
	}
	return s
}

// Name is the name of the file as it was given.
func (s *Source) Name() string { return s.name }

// Line returns a line by its number, counted from one, and nothing for a line that is not there.
func (s *Source) Line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// Pos returns where a path such as plugins.nas.config.accounts[2].name stands: its value, or, where that is a block of
// further lines, its key. Of a path that does not exist it returns the nearest part that does.
func (s *Source) Pos(path string) Pos {
	key, node := s.find(path)
	return s.place(key, node)
}

// KeyProblem is a problem of the key at the end of a path, and not of what stands behind it.
func (s *Source) KeyProblem(path, message, hint string) Problem {
	key, node := s.find(path)
	if key == nil {
		return problemAt(s.place(nil, node), path, message, hint)
	}
	return problemAt(s.start(key), path, message, hint)
}

// Problem is a problem at a path.
func (s *Source) Problem(path, message, hint string) Problem {
	return problemAt(s.Pos(path), path, message, hint)
}

func problemAt(pos Pos, path, message, hint string) Problem {
	return Problem{File: pos.File, Line: pos.Line, Col: pos.Col, Path: path, Message: message, Hint: hint}
}

// find returns the last key and the last value on a path that exist.
func (s *Source) find(path string) (key, node *yaml.Node) {
	node = s.root
	for node != nil {
		seg, rest, ok := nextSegment(path)
		if !ok {
			break
		}
		k, v := descend(node, seg)
		if v == nil {
			break
		}
		key, node, path = k, v, rest
	}
	return key, node
}

func descend(node *yaml.Node, seg segment) (key, value *yaml.Node) {
	if node.Kind == yaml.SequenceNode && seg.index >= 0 && seg.index < len(node.Content) {
		return nil, node.Content[seg.index]
	}
	if node.Kind == yaml.MappingNode && seg.index < 0 {
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Kind == yaml.ScalarNode && node.Content[i].Value == seg.key {
				return node.Content[i], node.Content[i+1]
			}
		}
	}
	return nil, nil
}

// place is where a value stands; its key, when the value is a block of further lines or nothing at all.
func (s *Source) place(key, node *yaml.Node) Pos {
	if node == nil {
		return Pos{File: s.name, Line: 1, Col: 1}
	}
	block := node.Kind != yaml.ScalarNode && node.Kind != yaml.AliasNode && node.Style&yaml.FlowStyle == 0
	if key != nil && (block || empty(node)) {
		return s.start(key)
	}
	return s.start(node)
}

// start is where a node begins. The reader takes a file for one line longer when that does not end in a line feed.
func (s *Source) start(node *yaml.Node) Pos {
	if node.Line > len(s.lines) {
		return Pos{File: s.name, Line: len(s.lines), Col: utf8.RuneCountInString(s.Line(len(s.lines))) + 1}
	}
	return Pos{File: s.name, Line: node.Line, Col: node.Column}
}

// empty reports whether a node has no characters of its own.
func empty(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.Value == "" &&
		node.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

// from is the text of a file from a place to the end of its line.
func (s *Source) from(pos Pos) string {
	line, chars := s.Line(pos.Line), max(pos.Col, 1)-1
	if marks := s.long[pos.Line-1].marks; len(marks) > 0 {
		nearest := min(chars/markEvery, len(marks)-1)
		line, chars = line[marks[nearest]:], chars-nearest*markEvery
	}
	for at := range line {
		if chars == 0 {
			return line[at:]
		}
		chars--
	}
	return ""
}
