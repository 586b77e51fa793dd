package dexpatch

import (
	"fmt"
	"strings"
)

// contextLines is how many unchanged lines stand around a change in a diff.
const contextLines = 3

// Diff returns the change as a unified diff that patch and git apply take: the edits of Dex's own files, then the new files in
// Dex's own packages, whole. Those of the hook's own folder are only named; see LaidIn.
func (p *Plan) Diff() string {
	var b strings.Builder
	p.edits(&b)
	own := 0
	for _, f := range p.LaidIn {
		if !f.inHook() {
			fmt.Fprintf(&b, "# New, called by the lines above.\n--- /dev/null\n+++ b/%s\n@@ -0,0 +1,%d @@\n", f.File, f.Lines())
			for l := range strings.Lines(string(f.Data)) {
				b.WriteString("+" + l)
			}
			own++
		}
	}
	fmt.Fprintf(&b, "# New in %s, the hook's own package, which is not shown here (%d files; claimsmith dex apply writes them):\n", hookDir, len(p.LaidIn)-own)
	for _, f := range p.LaidIn {
		if f.inHook() {
			fmt.Fprintf(&b, "#   %s\n", f.File)
		}
	}
	return b.String()
}

// inHook reports whether the file belongs to the hook's own folder and not to a package of Dex.
func (f LaidIn) inHook() bool { return strings.HasPrefix(f.File, hookDir+"/") }

// Lines returns how many lines the file has.
func (f LaidIn) Lines() int { return strings.Count(string(f.Data), "\n") }

// edits writes the diff of Dex's own files.
func (p *Plan) edits(b *strings.Builder) {
	for _, e := range p.Edited {
		for _, why := range e.Why {
			fmt.Fprintf(b, "# %s\n", why)
		}
		fmt.Fprintf(b, "--- a/%s\n+++ b/%s\n", e.File, e.File)
		e.hunks(b)
	}
}

// Summary says in one line what the diff and the new files amount to.
func (p *Plan) Summary() string {
	edited, changed := 0, 0
	for _, e := range p.Edited {
		edited, changed = edited+e.Added(), changed+e.Changed()
	}
	var own, hook, ownLines, hookLines int
	for _, f := range p.LaidIn {
		if f.inHook() {
			hook, hookLines = hook+1, hookLines+f.Lines()
		} else {
			own, ownLines = own+1, ownLines+f.Lines()
		}
	}
	return fmt.Sprintf("%d lines added to %d files of dex %s, in the place of %d; %d new files with %d lines in its packages, %d with %d under %s",
		edited, len(p.Edited), p.Version, changed, own, ownLines, hook, hookLines, hookDir)
}

// hunks writes the changed stretches of a file: old lines with new ones between, and in the place of some.
func (e *Edited) hunks(b *strings.Builder) {
	var at []int // lines before which something is added, or which are replaced
	for n := range e.old {
		if len(e.inserted[n]) > 0 || e.replaced[n] != nil {
			at = append(at, n)
		}
	}
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
			if instead, ok := e.replaced[i]; ok {
				added += len(instead) - 1
			}
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
		if n == to {
			return
		}
		instead, ok := e.replaced[n]
		if !ok {
			b.WriteString(" " + e.old[n])
			continue
		}
		b.WriteString("-" + e.old[n])
		for _, l := range instead {
			b.WriteString("+" + l)
		}
	}
}
