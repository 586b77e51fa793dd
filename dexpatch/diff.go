package dexpatch

import (
	"fmt"
	"slices"
	"strings"
)

// contextLines is how many unchanged lines stand around a change in a diff.
const contextLines = 3

// Diff returns the edits of Dex's own files as a unified diff that patch and git apply take. Files that are laid in are
// not part of it; see LaidIn.
func (p *Plan) Diff() string {
	var b strings.Builder
	for _, e := range p.Edited {
		for _, why := range e.Why {
			fmt.Fprintf(&b, "# %s\n", why)
		}
		fmt.Fprintf(&b, "--- a/%s\n+++ b/%s\n", e.File, e.File)
		e.hunks(&b)
	}
	return b.String()
}

// Summary says in one line what the diff and the new files amount to.
func (p *Plan) Summary() string {
	edited, laid := 0, 0
	for _, e := range p.Edited {
		edited += e.Added()
	}
	for _, f := range p.LaidIn {
		laid += strings.Count(string(f.Data), "\n")
	}
	return fmt.Sprintf("%d lines added to %d files of dex %s, none changed or removed; %d new files with %d lines, most of them under %s",
		edited, len(p.Edited), p.Version, len(p.LaidIn), laid, hookDir)
}

// hunks writes the changed stretches of a file. Lines are only ever added, so a hunk is old lines with new ones between.
func (e *Edited) hunks(b *strings.Builder) {
	var at []int // lines before which something is added
	for n, lines := range e.inserted {
		if len(lines) > 0 {
			at = append(at, n)
		}
	}
	slices.Sort(at)
	last := len(e.old)
	if last > 0 && e.old[last-1] == "" {
		last-- // what SplitAfter leaves behind the final newline
	}
	shift := 0
	for len(at) > 0 {
		n := 1
		for n < len(at) && at[n]-at[n-1] <= 2*contextLines {
			n++
		}
		from, to := max(0, at[0]-contextLines), min(last, at[n-1]+contextLines)
		added := 0
		for _, i := range at[:n] {
			added += len(e.inserted[i])
		}
		fmt.Fprintf(b, "@@ -%d,%d +%d,%d @@\n", from+1, to-from, from+1+shift, to-from+added)
		e.hunk(b, from, to)
		shift += added
		at = at[n:]
	}
}

func (e *Edited) hunk(b *strings.Builder, from, to int) {
	for n := from; n <= to; n++ {
		for _, l := range e.inserted[n] {
			b.WriteString("+" + l)
		}
		if n < to {
			b.WriteString(" " + e.old[n])
		}
	}
}
