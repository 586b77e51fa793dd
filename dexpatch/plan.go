package dexpatch

import (
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrApplied says that a Dex tree holds the hook already.
var ErrApplied = errors.New("the hook is in this Dex already")

// ErrNotDex says that a folder is no source tree of Dex.
var ErrNotDex = errors.New("not a source tree of Dex")

// ErrTooOld says that a Dex has no signer beside which the hook could travel.
var ErrTooOld = errors.New("this Dex is too old: the hook travels beside the signer, which came with v2.45.0")

// AnchorError says that a statement on which an edit is anchored does not stand where, or as often as, it should.
type AnchorError struct {
	Version string // of Dex
	File    string
	Func    string // empty: the whole file
	Anchor  string
	Found   int
	Want    int
}

func (e *AnchorError) Error() string {
	where := e.File
	if e.Func != "" {
		where += ", func " + e.Func
	}
	return fmt.Sprintf("dex %s: %s: the statement\n\t%s\nstands there %d times instead of %d; this Dex is not supported, and nothing was changed",
		e.Version, where, e.Anchor, e.Found, e.Want)
}

// Plan is what applying the hook to a Dex tree would write.
type Plan struct {
	Version string // of Dex, as far as the tree tells
	Edited  []Edited
	LaidIn  []LaidIn

	dir string
}

// Edited is a file of Dex with its new lines.
type Edited struct {
	File string
	Why  string

	mode     fs.FileMode
	old      []string // lines with their ends
	inserted map[int][]string
}

// LaidIn is a new file.
type LaidIn struct {
	File string
	Data []byte
}

// NewPlan works out the changes to the Dex tree in dir and writes nothing. version names the Dex in errors; if it is empty,
// the tree is asked. Errors that callers tell apart: ErrNotDex, ErrTooOld, ErrApplied, *AnchorError.
func NewPlan(dir, version string) (*Plan, error) { return newPlan(dir, version, Edits()) }

func newPlan(dir, version string, edits []Edit) (*Plan, error) {
	if err := checkTree(dir); err != nil {
		return nil, err
	}
	if version == "" {
		version = treeVersion(dir)
	}
	p := &Plan{Version: version, dir: dir}
	for _, e := range edits {
		if err := p.add(e); err != nil {
			return nil, err
		}
	}
	var err error
	p.LaidIn, err = laidIn()
	return p, err
}

// checkTree refuses folders that hold something else, or a Dex with the hook in it.
func checkTree(dir string) error {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return fmt.Errorf("%s: %w: %w", dir, ErrNotDex, err)
	}
	first, _, _ := strings.Cut(string(mod), "\n")
	if strings.TrimSpace(first) != "module "+DexModule {
		return fmt.Errorf("%s: %w: its go.mod does not begin with module %s", dir, ErrNotDex, DexModule)
	}
	if _, err := os.Stat(filepath.Join(dir, hookDir)); err == nil {
		return fmt.Errorf("%s: %w: %s exists", dir, ErrApplied, hookDir)
	}
	if _, err := os.Stat(filepath.Join(dir, "server", "signer")); err != nil {
		return fmt.Errorf("%s: %w", dir, ErrTooOld)
	}
	return nil
}

// add plans one edit.
func (p *Plan) add(e Edit) error {
	var fitting []*Edited
	var failed error
	for _, v := range e.Variants {
		edited, err := p.try(v)
		if err == nil {
			fitting = append(fitting, edited)
		} else if failed == nil {
			failed = err
		}
	}
	switch {
	case len(fitting) == 0:
		return failed
	case len(fitting) > 1:
		return fmt.Errorf("dex %s: %s: more than one shape of this edit fits; nothing was changed", p.Version, e.Variants[0].File)
	}
	fitting[0].Why = e.Why
	p.Edited = append(p.Edited, *fitting[0])
	return nil
}

// try places the lines of a variant.
func (p *Plan) try(v Variant) (*Edited, error) {
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
	out := &Edited{File: v.File, mode: info.Mode().Perm(), old: strings.SplitAfter(string(data), "\n"), inserted: map[int][]string{}}
	for _, i := range v.Inserts {
		from, to, err := span(v.File, data, i.Func, len(out.old))
		if err != nil {
			return nil, fmt.Errorf("dex %s: %w", p.Version, err)
		}
		if found := out.place(i, from, to); found != max(i.Count, 1) {
			return nil, &AnchorError{Version: p.Version, File: v.File, Func: i.Func, Anchor: i.Anchor, Found: found, Want: max(i.Count, 1)}
		}
	}
	if _, err := format.Source([]byte(out.text())); err != nil {
		return nil, fmt.Errorf("dex %s: %s does not parse after the edit: %w", p.Version, v.File, err)
	}
	return out, nil
}

// span returns the lines of the functions with the name, or of the whole file, counted from 0. A name that is not there
// gives an empty span.
func span(file string, data []byte, name string, lines int) (from, to int, err error) {
	if name == "" {
		return 0, lines, nil
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, data, parser.SkipObjectResolution)
	if err != nil {
		return 0, 0, err
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == name {
			if to > 0 {
				return 0, 0, fmt.Errorf("%s: there is more than one func %s", file, name)
			}
			from, to = fset.Position(fn.Pos()).Line-1, fset.Position(fn.End()).Line
		}
	}
	return from, to, nil
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
		indent := e.old[n][:len(e.old[n])-len(text)]
		e.inserted[n] = append(e.inserted[n], indented(i.Before, indent)...)
		e.inserted[n+1] = append(e.inserted[n+1], indented(i.After, indent)...)
	}
	return found
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
		b.WriteString(l)
	}
	return b.String()
}

// Added returns how many lines are new.
func (e *Edited) Added() int {
	n := 0
	for _, lines := range e.inserted {
		n += len(lines)
	}
	return n
}
