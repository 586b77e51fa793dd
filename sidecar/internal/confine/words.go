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
var telling = regexp.MustCompile(`(?i)permission denied|eacces|operation not permitted|eperm|out ?of ?memory|cannot allocate memory|too many open files`)

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

// refusedPath is a path beside the words for a refused access, as Go, C, Node, Python, Ruby and Java write them.
var refusedPath = regexp.MustCompile(`(?i)(/[^\s:'"()@\\]+)\\?['"]?\)?:? \(?permission denied|(?:permission denied|eacces)[^/\n]{0,60}?(/[^\s:'"()\\]+)`)

// Hint returns what may be done about text, by which a process under l says that it wanted more than it is allowed, or "". Runtimes
// say it in words of their own, and no kernel says which rule it was.
func (l Limits) Hint(text string) string {
	lower := strings.ToLower(text)
	for _, limit := range []struct {
		words []string
		hint  string
	}{
		{[]string{"out of memory", "cannot allocate memory", "memoryerror", "bad_alloc", "outofmemory"}, fmt.Sprintf(
			"this looks like its limit of memory: %d MiB, of which it can map twice as much; limits: {memory: ...} gives it more, unless it never has enough", l.Memory>>20)},
		{[]string{"too many open files", "emfile"}, fmt.Sprintf(
			"this looks like its limit of %d files and connections; limits: {descriptors: ...} gives it more, unless it forgets to close them", l.Descriptors)},
		{[]string{"operation not permitted", "eperm"}, "a plugin may not start other processes, unless it is declared with limits: {processes: ...}"},
		{[]string{"permission denied", "eacces"}, refusedAccess(text)},
	} {
		if slices.ContainsFunc(limit.words, func(w string) bool { return strings.Contains(lower, w) }) {
			return limit.hint
		}
	}
	return ""
}

func refusedAccess(text string) string {
	const rule = "a plugin may read only the files that config names with keys that are file or end in File, and limits: {readable: [...]}; it may write limits: {writable: [...]}"
	if m := refusedPath.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("no rule lets it use %s: %s", m[1]+m[2], rule)
	}
	return rule
}
