package config

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// walker goes through the value of a scalar and through its characters in the file at the same time.
type walker struct {
	src       *Source
	style     yaml.Style
	value     string
	at        int // bytes of value
	line, col int
	text      []rune // the current line
	indent    int    // of block scalars
}

// walk goes to an offset. It reports false when value and file do not agree.
func (w *walker) walk(offset int) bool {
	w.text = []rune(w.src.Line(w.line))
	switch {
	case w.style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		if !w.enterBlock() {
			return false
		}
	case w.style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		w.col++
	}
	for w.at < offset {
		if !w.next() {
			return false
		}
	}
	w.skipJoins()
	return true
}

// next goes over one character of the value.
func (w *walker) next() bool {
	w.skipJoins()
	r, size := utf8.DecodeRuneInString(w.value[w.at:])
	if w.style&yaml.LiteralStyle != 0 {
		return w.literal(r, size)
	}
	if (r == ' ' || r == '\n') && w.atEnd() {
		return w.fold()
	}
	if w.col > len(w.text) {
		return false
	}
	c, width := w.char()
	if c != r {
		return false
	}
	w.at += size
	w.col += width
	return true
}

// char reads the character of the file under the cursor, and how many characters it takes there.
func (w *walker) char() (rune, int) {
	c := w.text[w.col-1]
	switch {
	case c == '\'' && w.style&yaml.SingleQuotedStyle != 0:
		return c, 2
	case c == '\\' && w.style&yaml.DoubleQuotedStyle != 0:
		return unescape(w.text[w.col-1:])
	}
	return c, 1
}

// atEnd reports whether nothing but blanks is left of the line.
func (w *walker) atEnd() bool {
	for i := w.col - 1; i < len(w.text); i++ {
		if w.text[i] != ' ' && w.text[i] != '\t' {
			return false
		}
	}
	return true
}

// fold goes over a line break, which YAML made a space, or, with empty lines, line feeds.
func (w *walker) fold() bool {
	if w.value[w.at] == ' ' {
		w.at++
	} else {
		for w.at < len(w.value) && w.value[w.at] == '\n' {
			w.at++
		}
	}
	if w.at == len(w.value) {
		return true
	}
	return w.nextLine(true)
}

// literal goes over one character of a literal block, where lines are lines.
func (w *walker) literal(r rune, size int) bool {
	w.at += size
	if r == '\n' {
		return w.at == len(w.value) || w.nextLine(false)
	}
	if w.col > len(w.text) || w.text[w.col-1] != r {
		return false
	}
	w.col++
	return true
}

// nextLine goes to the first character of the next line, or of the next line that is not empty.
func (w *walker) nextLine(skipEmpty bool) bool {
	for w.line < len(w.src.lines) {
		w.line++
		w.text = []rune(w.src.Line(w.line))
		blanks := len(w.text) - len([]rune(strings.TrimLeft(string(w.text), " \t")))
		if blanks == len(w.text) && skipEmpty {
			continue
		}
		if w.indent > 0 {
			blanks = min(w.indent, len(w.text))
		}
		w.col = blanks + 1
		return true
	}
	return false
}

// enterBlock goes from the | or > to the first line of the block.
func (w *walker) enterBlock() bool {
	literal := w.style&yaml.LiteralStyle != 0
	probe := *w
	if !probe.nextLine(true) {
		return w.value == ""
	}
	w.indent = probe.col - 1
	header := w.text[w.col-1:]
	if strings.ContainsAny(string(header[:min(len(header), 3)]), "123456789") {
		// An indentation that the file gives as a number is counted from the parent, which is not known here.
		return false
	}
	if !literal {
		for w.at < len(w.value) && w.value[w.at] == '\n' {
			w.at++
		}
	}
	return w.nextLine(!literal)
}

// skipJoins goes over backslashes at the end of a line: in double quotes they join it to the next one.
func (w *walker) skipJoins() {
	if w.style&yaml.DoubleQuotedStyle == 0 {
		return
	}
	for w.col == len(w.text) && w.col > 0 && w.text[w.col-1] == '\\' {
		if !w.nextLine(true) {
			return
		}
	}
}
