package confine

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Words are the first and the last lines that a process printed. What it died of stands in either: a compiler names the cause first, a
// trace names it last.
type Words struct {
	first, last []string
	left        int    // lines between them
	telling     string // the first of those that names something refused
}

// telling is what stands in a line that says why: a trace below it is longer than what is shown.
var telling = regexp.MustCompile(`(?i)permission denied|eacces|accessdenied|operation not permitted|eperm|out ?of ?memory|cannot allocate memory|too many open files|^["]?[A-Za-z.]*(?:error|exception): `)

const firstWords, lastWords = 3, 3

// Add takes a line.
func (w *Words) Add(line string) {
	switch line = Quote(line); {
	case len(w.first) < firstWords:
		w.first = append(w.first, line)
	default:
		w.last = append(w.last, line)
		if len(w.last) > lastWords {
			if w.telling == "" && telling.MatchString(w.last[0]) {
				w.telling = w.last[0]
			}
			w.last, w.left = w.last[1:], w.left+1
		}
	}
}

// String is the end of a sentence about a process that ended, or nothing.
func (w *Words) String() string {
	switch {
	case len(w.first) == 0:
		return ""
	case w.left == 0:
		return "; its last words: " + strings.Join(slices.Concat(w.first, w.last), " ")
	}
	if w.telling != "" {
		return fmt.Sprintf("; its first words: %s; then: %s; its last, %d lines later: %s", strings.Join(w.first, " "), w.telling, w.left, strings.Join(w.last, " "))
	}
	return fmt.Sprintf("; its first words: %s; its last, %d lines later: %s", strings.Join(w.first, " "), w.left, strings.Join(w.last, " "))
}

// Quote returns s short and harmless to print.
func Quote(s string) string {
	const most = 200
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}
