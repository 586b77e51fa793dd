package dexpatch

import (
	"fmt"
	"strings"
)

// Stat says how much the change is: the lines that each edit adds to which of Dex's own files, the core edits first, and the new files.
func (p *Plan) Stat() string {
	var b strings.Builder
	core := p.statOf(&b, "core: without them there is no hook", true)
	more := p.statOf(&b, "the other edits", false)
	b.WriteString("new files in packages of Dex, called by the lines above\n")
	own, files := 0, 0
	for _, f := range p.LaidIn {
		if !f.inHook() {
			fmt.Fprintf(&b, "%6d  %s\n", f.Lines(), f.File)
			own, files = own+f.Lines(), files+1
		}
	}
	fmt.Fprintf(&b, "%d lines added to %d files of dex %s, %d of them core, and %d in %d new files; %d files are new in %s, the hook's own package\n",
		core+more, len(p.Edited), p.Version, core, own, files, len(p.LaidIn)-files, hookDir)
	return b.String()
}

// statOf lists the edits that are core, or those that are not, and returns how many lines they add.
func (p *Plan) statOf(b *strings.Builder, heading string, core bool) (lines int) {
	b.WriteString(heading + "\n")
	for _, e := range p.Edited {
		for i, s := range e.shares {
			if s.core == core {
				fmt.Fprintf(b, "%6d  %-32s %s\n", s.lines, e.File, e.Why[i])
				lines += s.lines
			}
		}
	}
	return lines
}
