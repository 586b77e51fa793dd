package dexpatch

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write puts files into a new folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read returns all files of a folder.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPlan(t *testing.T) {
	const mod = "module github.com/dexidp/dex\n\ngo 1.25.8\n"
	const file = `package a

func one() {
	sign()
}

func two() {
	if true {
		sign()
		sign()
	}
}
`
	hook := func(i Insert) []Edit { return []Edit{{Variants: []Variant{{File: "a.go", Inserts: []Insert{i}}}}} }
	tests := []struct {
		name    string
		files   map[string]string // beside go.mod, server/signer and a.go
		edits   []Edit
		want    string // a.go afterwards
		wantErr string
		wantIs  error
	}{
		{
			name:  "lines are added around an anchor with its indentation",
			edits: hook(Insert{Func: "one", Anchor: "sign()", Before: "if ask() {\n\treturn\n}\n\n", After: "done()\n"}),
			want:  strings.Replace(file, "\tsign()\n", "\tif ask() {\n\t\treturn\n\t}\n\n\tsign()\n\tdone()\n", 1),
		},
		{
			name:  "an anchor may be expected more than once",
			edits: hook(Insert{Func: "two", Anchor: "sign()", Count: 2, Before: "ask()\n"}),
			want:  strings.ReplaceAll(file, "\t\tsign()\n", "\t\task()\n\t\tsign()\n"),
		},
		{
			name:    "an anchor that is gone is an error",
			edits:   hook(Insert{Func: "one", Anchor: "sign(payload)", Before: "ask()\n"}),
			wantErr: "dex v9: a.go, func one: the statement\n\tsign(payload)\nstands there 0 times instead of 1; this Dex is not supported, and nothing was changed",
		},
		{
			name:    "an anchor that stands more often than expected is an error",
			edits:   hook(Insert{Func: "two", Anchor: "sign()", Before: "ask()\n"}),
			wantErr: "dex v9: a.go, func two: the statement\n\tsign()\nstands there 2 times instead of 1; this Dex is not supported, and nothing was changed",
		},
		{
			name:    "an anchor that stands less often than expected is an error",
			edits:   hook(Insert{Anchor: "sign()", Count: 4, Before: "ask()\n"}),
			wantErr: "dex v9: a.go: the statement\n\tsign()\nstands there 3 times instead of 4; this Dex is not supported, and nothing was changed",
		},
		{
			name:    "a function that is gone is an error",
			edits:   hook(Insert{Func: "three", Anchor: "sign()", Before: "ask()\n"}),
			wantErr: "dex v9: a.go, func three: the statement\n\tsign()\nstands there 0 times instead of 1; this Dex is not supported, and nothing was changed",
		},
		{
			name:    "two methods of the same name are an error",
			files:   map[string]string{"a.go": file + "\ntype T struct{}\n\nfunc (T) one() {}\n"},
			edits:   hook(Insert{Func: "one", Anchor: "sign()", Before: "ask()\n"}),
			wantErr: "dex v9: a.go: there is more than one func one",
		},
		{
			name:    "a file that is gone is an error that names the anchor",
			edits:   []Edit{{Variants: []Variant{{File: "b.go", Inserts: []Insert{{Anchor: "sign()"}}}}}},
			wantErr: "dex v9: b.go: the statement\n\tsign()\nstands there 0 times instead of 1; this Dex is not supported, and nothing was changed (open DIR/b.go: no such file or directory)",
		},
		{
			name:    "an edit that breaks the file is an error",
			edits:   hook(Insert{Func: "one", Anchor: "sign()", Before: "if ask() {\n"}),
			wantErr: "dex v9: a.go does not parse after the edit: 8:6: expected '(', found two (and 2 more errors)",
		},
		{
			name: "the shape that fits is taken",
			edits: []Edit{{Variants: []Variant{
				{File: "b.go", Inserts: []Insert{{Anchor: "sign()", Before: "ask()\n"}}},
				{File: "a.go", Inserts: []Insert{{Func: "one", Anchor: "sign()", Before: "ask()\n"}}},
			}}},
			want: strings.Replace(file, "\tsign()\n", "\task()\n\tsign()\n", 1),
		},
		{
			name: "two shapes that fit are an error",
			edits: []Edit{{Variants: []Variant{
				{File: "a.go", Inserts: []Insert{{Func: "one", Anchor: "sign()", Before: "ask()\n"}}},
				{File: "a.go", Inserts: []Insert{{Func: "two", Anchor: "sign()", Count: 2, Before: "ask()\n"}}},
			}}},
			wantErr: "dex v9: a.go: more than one shape of this edit fits; nothing was changed",
		},
		{
			name:    "a tree that holds the hook is known",
			files:   map[string]string{"server/claimshook/hook.go": "package claimshook\n"},
			wantErr: "DIR: the hook is in this Dex already: server/claimshook exists", wantIs: ErrApplied,
		},
		{
			name:    "a file that imports the hook is known",
			files:   map[string]string{"a.go": strings.Replace(file, "package a\n", "package a\n\nimport _ \"github.com/dexidp/dex/server/claimshook\"\n", 1)},
			edits:   hook(Insert{Func: "one", Anchor: "sign()", Before: "ask()\n"}),
			wantErr: "DIR: the hook is in this Dex already: a.go imports it", wantIs: ErrApplied,
		},
		{
			name:    "another module is not Dex",
			files:   map[string]string{"go.mod": "module example.org/dex\n"},
			wantErr: "DIR: not a source tree of Dex: its go.mod does not begin with module github.com/dexidp/dex", wantIs: ErrNotDex,
		},
		{
			name:    "a Dex without a signer is too old",
			files:   map[string]string{"server/signer/signer.go": ""},
			wantErr: "DIR: this Dex is too old: the hook is a type of signer, and signers came with v2.45.0", wantIs: ErrTooOld,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"go.mod": mod, "server/signer/signer.go": "package signer\n", "a.go": file}
			maps.Copy(files, tt.files)
			maps.DeleteFunc(files, func(_, text string) bool { return text == "" })
			dir := write(t, files)
			p, err := newPlan(dir, "v9", tt.edits)
			if err != nil {
				if got := strings.ReplaceAll(err.Error(), dir, "DIR"); got != tt.wantErr {
					t.Errorf("got  %s\nwant %s", got, tt.wantErr)
				}
				if tt.wantIs != nil && !errors.Is(err, tt.wantIs) {
					t.Errorf("got %v, want %v", err, tt.wantIs)
				}
				if after := read(t, dir); !maps.Equal(after, files) {
					t.Errorf("something was written: %v", after)
				}
				return
			}
			if tt.wantErr != "" {
				t.Fatalf("no error, want %s", tt.wantErr)
			}
			if err := p.write(); err != nil {
				t.Fatal(err)
			}
			if got := read(t, dir)["a.go"]; got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
