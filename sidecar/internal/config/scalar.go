package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFollowed is how far into a scalar a place is searched, in bytes. Expressions are shorter.
const maxFollowed = 64 << 10

// Scalar is text of the file that somebody else reads further: an expression, or a message. Pos is where it begins as
// YAML; for quoted text that is the quote.
type Scalar struct {
	Place
	Value string

	src   *Source
	parts []part // of lists and maps, in the order of the text
}

// part is an expression inside of another: where it begins there, and where it stands in the file.
type part struct {
	begin int
	*Scalar
}

func newScalar(src *Source, place Place, node *yaml.Node) *Scalar {
	place.Pos, place.node = src.start(node), node
	return &Scalar{Place: place, Value: node.Value, src: src}
}

// At is the place in the file of the byte of Value at offset, through quotes, escapes, folded lines and block indentation.
// An offset that cannot be followed is at the beginning.
func (s Scalar) At(offset int) Pos {
	if p, ok := s.partAt(offset); ok {
		return p.At(offset - p.begin)
	}
	if s.src == nil || offset < 0 || offset > len(s.Value) || offset > maxFollowed {
		return s.Pos
	}
	w := walker{src: s.src, style: s.node.Style, value: s.Value, line: s.Pos.Line, col: s.Pos.Col}
	if !w.walk(offset) {
		return s.Pos
	}
	return Pos{File: s.Pos.File, Line: w.line, Col: w.col}
}

// PathAt is the path of the byte of Value at offset: that of a member or an element of a list or a map.
func (s Scalar) PathAt(offset int) string {
	if p, ok := s.partAt(offset); ok {
		return p.Path
	}
	return s.Path
}

// Line is the line of the file on which the scalar begins.
func (s Scalar) Line() string {
	if s.src == nil {
		return ""
	}
	return s.src.Line(s.Pos.Line)
}

// Problem is a problem with the byte of Value at offset; a negative offset means the whole. Without a hint of the
// caller's it gets that of CommentHint.
func (s Scalar) Problem(offset int, message, hint string) Problem {
	if p, ok := s.partAt(offset); ok {
		return p.Problem(offset-p.begin, message, hint)
	}
	if hint == "" {
		hint = CommentHint(s)
	}
	return problemAt(s.At(max(offset, 0)), s.Path, message, hint)
}

// CommentHint returns a hint if YAML took the end of an expression for a comment, as in
// groups: map(nas.groups, "nas:" + #), and else nothing.
func CommentHint(s Scalar) string {
	if s.src == nil || s.node.Style != 0 || balanced(s.Value) {
		return ""
	}
	end := s.At(len(s.Value))
	rest := s.src.from(end)
	if after := strings.TrimLeft(rest, " \t"); after == rest || !strings.HasPrefix(after, "#") {
		return ""
	}
	whole := s.Value + rest
	return `in YAML " #" starts a comment, so the expression ends before it: quote the whole of it: ` + quoteYAML(whole)
}

// cutOff reports whether YAML took the end of a sentence for a comment, as in: Call #42. A comment that is meant as one has a
// space behind its #.
func cutOff(s Scalar) bool {
	if s.src == nil || s.node.Style != 0 {
		return false
	}
	rest := s.src.from(s.At(len(s.Value)))
	after := strings.TrimLeft(rest, " \t")
	return after != rest && len(after) > 1 && after[0] == '#' && !strings.ContainsAny(after[1:2], " \t#")
}

// balanced reports whether brackets and quotes of an expression are closed.
func balanced(expr string) bool {
	depth, quote := 0, rune(0)
	escaped := false
	for _, r := range expr {
		switch {
		case escaped:
			escaped = false
		case quote != 0:
			if r == '\\' && quote != '`' {
				escaped = true
			}
			if r == quote {
				quote = 0
			}
		case strings.ContainsRune("\"'`", r):
			quote = r
		case strings.ContainsRune("([{", r):
			depth++
		case strings.ContainsRune(")]}", r):
			depth--
		}
	}
	return depth <= 0 && quote == 0
}

// quoteYAML writes a text of one line as a YAML scalar.
func quoteYAML(text string) string {
	if !strings.ContainsAny(text, `"\`) {
		return `"` + text + `"`
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
