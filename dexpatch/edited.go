package dexpatch

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// share is what one edit adds to a file.
type share struct {
	core  bool
	lines int
}

// keep makes an edited file part of the plan.
func (p *Plan) keep(edited *Edited, by Edit, lay []string) {
	p.lay = append(p.lay, lay...)
	if edited.Added() == 0 {
		return
	}
	i := slices.IndexFunc(p.Edited, func(e *Edited) bool { return e.File == edited.File })
	if i < 0 {
		edited.Why, edited.shares = []string{by.Why}, []share{{by.Core, edited.Added()}}
		p.Edited = append(p.Edited, edited)
		return
	}
	if known := p.Edited[i]; edited.Added() > known.Added() {
		edited.Why = append(slices.Clone(known.Why), by.Why)
		edited.shares = append(slices.Clone(known.shares), share{by.Core, edited.Added() - known.Added()})
		p.Edited[i] = edited
	}
}

// open returns the file as the plan has it so far.
func (p *Plan) open(v Variant) (*Edited, error) {
	if i := slices.IndexFunc(p.Edited, func(e *Edited) bool { return e.File == v.File }); i >= 0 {
		known := *p.Edited[i]
		known.inserted, known.replaced = map[int][]string{}, maps.Clone(known.replaced)
		for n, lines := range p.Edited[i].inserted {
			known.inserted[n] = slices.Clone(lines)
		}
		return &known, nil
	}
	path := filepath.Join(p.dir, filepath.FromSlash(v.File))
	data, err := os.ReadFile(path)
	if err != nil {
		i := v.Inserts[0]
		return nil, fmt.Errorf("%w (%w)", &AnchorError{Version: p.Version, File: v.File, Func: i.Func, Anchor: i.Anchor, Want: max(i.Count, 1)}, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if strings.Contains(string(data), hookImport) {
		return nil, fmt.Errorf("%s: %w: %s imports it", p.dir, ErrApplied, v.File)
	}
	return &Edited{File: v.File, mode: info.Mode().Perm(), old: strings.SplitAfter(string(data), "\n"), inserted: map[int][]string{}, replaced: map[int][]string{}}, nil
}

// place adds the lines at each anchor between two lines and returns how many there were.
func (e *Edited) place(i Insert, from, to int) int {
	found := 0
	for n := from; n < to; n++ {
		text := strings.TrimLeft(e.old[n], " \t")
		if strings.TrimRight(text, "\r\n") != i.Anchor {
			continue
		}
		found++
		if i.isImport() && e.imports() {
			continue
		}
		indent := e.old[n][:len(e.old[n])-len(text)]
		if i.Outside {
			indent = ""
		}
		if i.Instead != "" {
			e.replaced[n] = indented(i.Instead, indent)
		}
		e.inserted[n] = append(e.inserted[n], indented(i.Before, indent)...)
		e.inserted[n+1] = append(e.inserted[n+1], indented(i.After, indent)...)
	}
	return found
}

// isImport reports whether the insert adds the import of the hook, which several edits of a file need.
func (i Insert) isImport() bool { return i.Before == hookImportLine || i.After == hookImportLine }

// imports reports whether an earlier edit of the file added the import.
func (e *Edited) imports() bool {
	for _, lines := range e.inserted {
		if slices.ContainsFunc(lines, func(l string) bool { return strings.TrimSpace(l) == strings.TrimSpace(hookImportLine) }) {
			return true
		}
	}
	return false
}

func indented(text, indent string) []string {
	var out []string
	for l := range strings.Lines(text) {
		if l != "\n" {
			l = indent + l
		}
		out = append(out, l)
	}
	return out
}

// text is the file with its new lines.
func (e *Edited) text() string {
	var b strings.Builder
	for n, l := range e.old {
		for _, added := range e.inserted[n] {
			b.WriteString(added)
		}
		if instead, ok := e.replaced[n]; ok {
			l = strings.Join(instead, "")
		}
		b.WriteString(l)
	}
	return b.String()
}

// Added returns how many lines are new.
func (e *Edited) Added() int {
	n := 0
	for _, lines := range e.replaced {
		n += len(lines)
	}
	for _, lines := range e.inserted {
		n += len(lines)
	}
	return n
}

// Changed returns how many lines of Dex others stand in the place of.
func (e *Edited) Changed() int { return len(e.replaced) }
