package dexpatch

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSurvey looks at a history in which a statement changed, and which begins before there was a signer.
func TestSurvey(t *testing.T) {
	tree := pristine(t)
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", tree, "-c", "user.name=n", "-c", "user.email=e@example.org"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	change := func(file, from, to string) {
		t.Helper()
		path := filepath.Join(tree, filepath.FromSlash(file))
		data, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(data), from) {
			t.Fatalf("%s does not hold %q: %v", file, from, err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(data), from, to)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git("init", "-q")
	signer := filepath.Join(tree, "server", "signer")
	if err := os.Rename(signer, signer+"-away"); err != nil {
		t.Fatal(err)
	}
	git("add", "-A")
	git("commit", "-q", "-m", "too old")
	if err := os.Rename(signer+"-away", signer); err != nil {
		t.Fatal(err)
	}
	git("add", "-A")
	git("commit", "-q", "-m", "as pinned")
	change("server/handlers.go", "d.GrantTypes = s.supportedGrantTypes", "d.GrantTypes = s.grants()")
	git("commit", "-q", "-a", "-m", "without the place of an optional edit")
	change("server/oauth2.go", "s.signer.Sign(ctx, payload)", "s.signer.Sign(ctx, payload, nil)")
	git("commit", "-q", "-a", "-m", "without the seam")

	got, err := Survey(t.Context(), tree, time.Now().Add(-time.Hour), 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 {
		t.Fatalf("%d commits: %+v", len(got), got)
	}
	if want := "server/oauth2.go, func newIDToken: 0 instead of 1 of: if idToken, err = s.signer.Sign(ctx, payload); err != nil {"; got[0].Err == nil || got[0].Problem() != want {
		t.Errorf("got %v", got[0].Err)
	}
	if got[1].Err != nil || len(got[1].Lost) != 1 || got[1].Lost[0] != "claimsSupported is not listed in discovery" {
		t.Errorf("got %+v", got[1])
	}
	if got[2].Err != nil || len(got[2].Lost) != 0 || got[2].Added != got[1].Added+1 {
		t.Errorf("got %+v", got[2])
	}
	if got[3].Err == nil || !strings.HasSuffix(got[3].Problem(), "this Dex is too old: the hook is a type of signer, and signers came with v2.45.0") {
		t.Errorf("got %+v", got[3])
	}
	if every, err := Survey(t.Context(), tree, time.Now().Add(-time.Hour), 2); err != nil || len(every) != 2 || every[1].Commit != got[2].Commit {
		t.Errorf("every second: %+v, %v", every, err)
	}
	if _, err := Survey(t.Context(), t.TempDir(), time.Now(), 1); err == nil {
		t.Error("a folder without a history was surveyed")
	}
}

// TestShapes: a shape is told by what stands there.
func TestShapes(t *testing.T) {
	const mod, file = "module github.com/dexidp/dex\n", "package a\n\nfunc one() {\n\tsign()\n}\n"
	edit := Edit{Why: "w", Lost: "something", Variants: []Variant{
		{File: "a.go", Inserts: []Insert{{Func: "one", Anchor: "sign()", Before: "old()\n"}, {Anchor: "stale()"}}},
		{File: "a.go", Inserts: []Insert{{Func: "one", Anchor: "sign()", Before: "new()\n"}, {Anchor: "fresh()"}}},
	}}
	tests := []struct{ name, file, want, lost string }{
		{"the old shape", file + "\nfunc two() {\n\tstale()\n}\n", strings.Replace(file, "\tsign()", "\told()\n\tsign()", 1) + "\nfunc two() {\n\tstale()\n}\n", ""},
		{"the new shape", file + "\nfunc two() {\n\tfresh()\n}\n", strings.Replace(file, "\tsign()", "\tnew()\n\tsign()", 1) + "\nfunc two() {\n\tfresh()\n}\n", ""},
		{"neither, which an optional edit may", "package a\n", "package a\n", "something"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := write(t, map[string]string{"go.mod": mod, "server/signer/signer.go": "package signer\n", "a.go": tt.file})
			p, err := newPlan(dir, "v9", []Edit{edit})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.write(); err != nil {
				t.Fatal(err)
			}
			if got := read(t, dir)["a.go"]; got != tt.want || strings.Join(p.Lost, "") != tt.lost {
				t.Errorf("lost %q, got\n%s\nwant\n%s", p.Lost, got, tt.want)
			}
		})
	}
}

// TestEveryNewFileIsLaidIn by some edit.
func TestEveryNewFileIsLaidIn(t *testing.T) {
	laid := map[string]bool{gomplate: true}
	for _, e := range Edits() {
		for _, v := range e.Variants {
			for _, file := range v.Lay {
				laid[file] = true
			}
		}
	}
	err := fs.WalkDir(glue, "_dex", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !laid[strings.TrimPrefix(path, "_dex/")] {
			t.Errorf("no edit lays in %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
