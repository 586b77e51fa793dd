package conform

import (
	"fmt"
	"slices"
	"strings"
)

// Limits are what Launch lets a process have, for words about it.
type Limits struct {
	Memory      int64 // bytes
	Descriptors int
}

// Hint returns what may be done about text, by which a plugin says that it wanted more than it is allowed, or "". Runtimes
// die of it in words of their own.
func (l Limits) Hint(text string) string {
	if l == (Limits{}) {
		return ""
	}
	text = strings.ToLower(text)
	for _, limit := range []struct {
		words []string
		hint  string
	}{
		{[]string{"out of memory", "cannot allocate memory", "memoryerror", "bad_alloc", "outofmemory"}, fmt.Sprintf(
			"this looks like its limit of memory: %d MiB, of which it can map twice as much; limits: {memory: ...} gives it more, unless it never has enough", l.Memory>>20)},
		{[]string{"too many open files", "emfile"}, fmt.Sprintf(
			"this looks like its limit of %d files and connections; limits: {descriptors: ...} gives it more, unless it forgets to close them", l.Descriptors)},
		{[]string{"operation not permitted", "eperm"}, "a plugin may not start other processes, unless it is declared with limits: {processes: ...}"},
		{[]string{"permission denied", "eacces"},
			"a plugin may read only the files that config names with keys that are file or end in File, and limits: {readable: [...]}; it may write limits: {writable: [...]}"},
	} {
		if slices.ContainsFunc(limit.words, func(w string) bool { return strings.Contains(text, w) }) {
			return limit.hint
		}
	}
	return ""
}

// limited adds a hint to a broken clause that has none.
func (r *runner) limited(v verdict) verdict {
	if v.outcome != Broken || v.hint != "" {
		return v
	}
	text := v.detail
	if r.p != nil && !r.p.running() {
		text += "\n" + strings.Join(r.p.stderr.lines(), "\n")
	}
	v.hint = r.o.Limits.Hint(text)
	return v
}
