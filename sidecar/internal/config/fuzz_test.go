package config

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParse: no file makes the reader panic, and each problem is inside the file, or about the whole of it.
func FuzzParse(f *testing.F) {
	f.Add([]byte(everything))
	household, err := os.ReadFile("testdata/household.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(household)
	for _, gallery := range []string{"yaml", "listen", "plugins", "steps", "tests", "traps"} {
		archive, err := txtar.ParseFile("testdata/" + gallery + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			input, _, _ := strings.Cut(string(file.Data), dashes)
			f.Add([]byte(input))
		}
	}
	for _, s := range scalars {
		f.Add([]byte("pipeline:\n  - set:\n      a: " + strings.Replace(s.value, "@", "", 1) + "\n"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, src, problems := Parse("t.yaml", data, Options{Builtins: []string{"synology"}})
		for _, p := range problems {
			within(t, src, Pos{p.File, p.Line, p.Col})
			within(t, src, src.Pos(p.Path))
		}
		if err := src.Render(&strings.Builder{}, problems); err != nil {
			t.Fatal(err)
		}
		followScalars(t, src, cfg.Pipeline)
	})
}

func within(t *testing.T, src *Source, p Pos) {
	t.Helper()
	if p.Line == 0 && p.Col == 0 {
		return
	}
	if p.Line < 1 || p.Line > len(src.lines) || p.Col < 1 || p.Col > utf8.RuneCountInString(src.Line(p.Line))+1 {
		t.Fatalf("%v is outside of the file", p)
	}
}

func followScalars(t *testing.T, src *Source, steps []Step) {
	t.Helper()
	for _, s := range steps {
		for _, v := range s.Set {
			if v.Expr != nil {
				for i := range len(v.Expr.Value) + 1 {
					within(t, src, v.Expr.At(i))
				}
				CommentHint(*v.Expr)
			}
		}
		followScalars(t, src, s.Steps)
	}
}
