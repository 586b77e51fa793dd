package config

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
)

// maxSnippet is how many characters of a line are shown.
const maxSnippet = 160

// Render prints problems in the order of the file, each with the line that it is about, a caret under the place and a hint
// where there is one. Lines that may hold a secret are left out. The error is the writer's.
func (s *Source) Render(w io.Writer, problems []Problem) error {
	var out strings.Builder
	for _, p := range Sorted(problems) {
		out.WriteString(p.String() + "\n")
		s.snippet(&out, p)
		if p.Hint != "" {
			out.WriteString("hint: " + oneLine(p.Hint) + "\n")
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (s *Source) snippet(out *strings.Builder, p Problem) {
	if p.File != s.name || p.Line < 1 || p.Line > len(s.lines) || p.Secret || s.secret(p.Line) {
		return
	}
	col, first := max(p.Col, 1), 1
	if col > maxSnippet*3/4 {
		first = col - maxSnippet/2
	}
	line := head(s.from(Pos{Line: p.Line, Col: first}), maxSnippet+1)
	if len(line) > maxSnippet {
		line = append(line[:maxSnippet-1], '…')
	}
	split := min(col-first, len(line))
	before, after := line[:split], line[split:]
	if first > 1 && split > 0 {
		before[0] = '…'
	}
	fmt.Fprintf(out, "%5d | %s%s\n", p.Line, shown(before), shown(after))
	fmt.Fprintf(out, "      | %s^\n", strings.Map(blank, shown(before)))
}

// head is the beginning of a text, in characters.
func head(text string, most int) []rune {
	var out []rune
	for _, r := range text {
		if len(out) == most {
			break
		}
		out = append(out, r)
	}
	return out
}

// blank keeps tabs, so that the caret stands under its character however wide a tab is.
func blank(r rune) rune {
	if r == '\t' {
		return r
	}
	return ' '
}

// shown makes a piece of a line fit for a terminal.
func shown(line []rune) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return visible(r)
	}, string(line))
}

// oneLine makes a text fit for one line of a terminal: part of it may come from a plugin.
func oneLine(text string) string { return strings.Map(visible, text) }

func visible(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return ' '
	case unicode.IsControl(r) || reordersText(r) || breaksLine(r):
		return '�'
	}
	return r
}

// secretKey finds a key that sounds like a secret and has its value beside it; passwordFile does not.
var secretKey = regexp.MustCompile(`(?i)(password|passwd|passphrase|secret|token|credential|api_?key|private_?key)s?["']?\s*:\s*[^\s#]`)

// discreet replaces a hint that repeats a line if the line may hold a secret.
func (s *Source) discreet(pos Pos, hint string) string {
	if hint != "" && s.secret(pos.Line) {
		return "put the value in quotes"
	}
	return hint
}

// secret reports whether a line of the file may hold a secret.
func (s *Source) secret(line int) bool {
	if long, ok := s.long[line-1]; ok {
		return long.secret
	}
	return holdsSecret(s.Line(line))
}

// holdsSecret reports whether a line looks as if somebody wrote a secret into the configuration.
func holdsSecret(line string) bool { return secretKey.MatchString(line) }
