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

// ErrTooOld says that a Dex knows no types of signers.
var ErrTooOld = errors.New("this Dex is too old: the hook is a type of signer, and signers came with v2.45.0")

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
	Edited  []*Edited
	LaidIn  []LaidIn
	Lost    []string // what optional edits without a place would have given

	dir string
	lay []string // new files of the edits
}

// Edited is a file of Dex with its new lines.
type Edited struct {
	File string
	Why  []string // a sentence of each edit

	shares   []share // as Why
	mode     fs.FileMode
	old      []string         // lines with their ends
	inserted map[int][]string // before the line of the number
	replaced map[int][]string // in its place
}

// LaidIn is a new file.
type LaidIn struct {
	File string
	Data []byte
}

// Warnings are sentences on the optional edits that find no place: what is lost without them.
func (p *Plan) Warnings() []string {
	var out []string
	for _, lost := range p.Lost {
		out = append(out, fmt.Sprintf("warning: an optional edit finds no place in dex %s: %s", p.Version, lost))
	}
	return out
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
	p.LaidIn, err = laidIn(p.lay)
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
	var chosen Variant
	var failed error
	for _, v := range e.Variants {
		edited, err := p.try(v)
		if err == nil {
			fitting, chosen = append(fitting, edited), v
		} else if failed == nil || closer(err, failed) {
			failed = err
		}
	}
	switch {
	case len(fitting) > 1:
		return fmt.Errorf("dex %s: %s: more than one shape of this edit fits; nothing was changed", p.Version, e.Variants[0].File)
	case len(fitting) == 1:
		p.keep(fitting[0], e, chosen.Lay)
		return nil
	case e.Lost != "" && errors.As(failed, new(*AnchorError)):
		p.Lost = append(p.Lost, e.Lost)
		return nil
	}
	return failed
}

// closer reports whether an error says more than another about why no shape fits: a file that is there says more than one that
// is not.
func closer(err, than error) bool {
	return errors.Is(than, fs.ErrNotExist) && !errors.Is(err, fs.ErrNotExist)
}

// try places the lines of a variant.
func (p *Plan) try(v Variant) (*Edited, error) {
	out, err := p.open(v)
	if err != nil {
		return nil, err
	}
	data := []byte(strings.Join(out.old, ""))
	for _, i := range v.Inserts {
		from, to, err := span(v.File, data, i.Func, len(out.old))
		if err != nil {
			return nil, fmt.Errorf("dex %s: %w", p.Version, err)
		}
		want := max(i.Count, 1)
		if found := out.place(i, from, to); found != want {
			return nil, &AnchorError{Version: p.Version, File: v.File, Func: i.Func, Anchor: i.Anchor, Found: found, Want: want}
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
