package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxInput is the longest input, in bytes.
const maxInput = 1 << 20

// original is an expression of another system.
type original interface {
	source() string
	// port returns what it is in rules, as a value or a condition that has to hold, and what is not quite the same; the error says why there
	// is nothing.
	port(s *scope, condition bool) (value, []string, error)
	// run is its value by its own engine.
	run(vars map[string]any) (any, error)
	// literals are the texts in it.
	literals() []string
}

// syntaxError is a text that is no expression: in this line, from one, behind so many characters.
type syntaxError struct {
	line, col int
	message   string
}

func (e *syntaxError) Error() string { return e.message }

// problem is something about an input, at a place in it.
type problem struct {
	line, col           int
	path, message, hint string
	warning             bool
}

// problems are all that is wrong with an input.
type problems struct {
	file  string
	lines []string
	list  []problem
}

func (p *problems) Error() string { return fmt.Sprintf("%s: %d problems", p.file, len(p.list)) }

// render writes them as check does: with the line, a caret and a hint.
func (p *problems) render(w io.Writer) {
	slices.SortStableFunc(p.list, func(a, b problem) int { return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.col, b.col)) })
	for _, one := range p.list {
		head := fmt.Sprintf("%s:%d:%d: ", p.file, one.line, one.col)
		if one.warning {
			head += "warning: "
		}
		if one.path != "" {
			head += one.path + ": "
		}
		fmt.Fprintln(w, visible(head+one.message))
		if one.line >= 1 && one.line <= len(p.lines) {
			line := []rune(p.lines[one.line-1])
			before := line[:min(max(one.col-1, 0), len(line))]
			pad := strings.Map(func(r rune) rune {
				if r == '\t' {
					return r
				}
				return ' '
			}, string(before))
			fmt.Fprintf(w, "%5d | %s\n      | %s^\n", one.line, visible(string(line)), pad)
		}
		if one.hint != "" {
			fmt.Fprintln(w, "hint: "+visible(one.hint))
		}
	}
}

// visible makes a text fit for one line of a terminal.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return ' '
		case r == '\t' || strconv.IsPrint(r):
			return r
		}
		return '\uFFFD'
	}, s)
}

// input is a text with all that has been found wrong with it.
type input struct {
	problems
	text string
}

func newInput(file, text string) *input {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return &input{problems{file: file, lines: strings.Split(text, "\n")}, text}
}

func (in *input) wrong(at place, path, message, hint string) {
	in.list = append(in.list, problem{at.line, at.col, path, message, hint, false})
}

// err is nil where nothing is wrong.
func (in *input) err() error {
	if len(in.list) == 0 {
		return nil
	}
	return &in.problems
}

// place is where something stands, both from one.
type place struct{ line, col int }

// scalar is a text of a YAML file, with its place.
type scalar struct {
	text string
	node *yaml.Node
}

func (s *scalar) UnmarshalYAML(n *yaml.Node) error {
	s.node = n
	return n.Decode(&s.text)
}

func (s scalar) given() bool { return s.node != nil }

func (s scalar) place() place {
	if s.node == nil {
		return place{1, 1}
	}
	return place{s.node.Line, s.node.Column}
}

// within is the place of a character of a scalar, as far as its form lets it be found.
func (in *input) within(s scalar, line, col int) place {
	at := s.place()
	switch {
	case s.node == nil:
		return place{line, col + 1}
	case s.node.Style&yaml.LiteralStyle != 0:
		return in.indented(at.line+line, col)
	case s.node.Style&yaml.FoldedStyle != 0:
		n := at.line + 1
		for ; n < len(in.lines); n++ {
			length := len([]rune(strings.TrimSpace(in.lines[n-1]))) + 1
			if col < length {
				break
			}
			col -= length
		}
		return in.indented(n, col)
	case s.node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		return place{at.line, at.col + 1 + col}
	}
	return place{at.line, at.col + col}
}

func (in *input) indented(line, col int) place {
	if line > len(in.lines) {
		return place{len(in.lines), 1}
	}
	text := in.lines[line-1]
	return place{line, len(text) - len(strings.TrimLeft(text, " ")) + 1 + col}
}

// expression parses what a scalar holds.
func (in *input) expression(l *celLanguage, s scalar, path string) original {
	o, err := l.parse(s.text)
	if err == nil {
		return o
	}
	in.syntax(err, s, path)
	return nil
}

func (in *input) syntax(err error, s scalar, path string) {
	var wrong *syntaxError
	if !errors.As(err, &wrong) {
		in.wrong(s.place(), path, err.Error(), "")
		return
	}
	hint := ""
	if strings.Contains(s.text, "{{") {
		hint = "a template was not filled in: {{ }} is no part of the language"
	}
	in.wrong(in.within(s, wrong.line, wrong.col), path, wrong.message, hint)
}

// documents decodes each YAML document of an input.
func (in *input) documents(each func(*yaml.Node)) {
	d := yaml.NewDecoder(bytes.NewReader([]byte(in.text)))
	for {
		var n yaml.Node
		err := d.Decode(&n)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			in.malformed(err)
			return
		}
		each(&n)
	}
}

var yamlType = regexp.MustCompile(`^cannot unmarshal !!(seq|map|str) `)

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): `)

// malformed notes an error of the YAML library, which has its place in its words.
func (in *input) malformed(err error) {
	messages := []string{err.Error()}
	if wrong := new(yaml.TypeError); errors.As(err, &wrong) {
		messages = wrong.Errors
	}
	for _, message := range messages {
		at := place{1, 1}
		if m := yamlLine.FindStringSubmatch(message); m != nil {
			at.line, _ = strconv.Atoi(m[1])
			message = message[len(m[0]):]
		}
		if m := yamlType.FindStringSubmatch(message); m != nil {
			in.wrong(at, "", "this is not expected to be "+map[string]string{"seq": "a list", "map": "an object", "str": "a text"}[m[1]], "")
			continue
		}
		in.wrong(at, "", "this YAML cannot be read: "+strings.TrimPrefix(message, "yaml: "), "")
	}
}

// decode reads a document into what a configuration is made of.
func decode[T any](in *input, n *yaml.Node) (out T) {
	if err := n.Decode(&out); err != nil {
		in.malformed(err)
	}
	return out
}
