package sidecar_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

var updateGallery = flag.Bool("update", false, "write what is printed now into testdata/gallery")

// galleryDashes stand between a configuration and what is said about it.
const galleryDashes = "----------\n"

// TestGallery checks files that have something wrong with their rules; what is wrong with them as YAML is in the gallery of
// package config. After the dashes stands all that a person sees.
func TestGallery(t *testing.T) {
	galleries, err := filepath.Glob("testdata/gallery/*.txtar")
	if err != nil || len(galleries) == 0 {
		t.Fatalf("galleries: %v, %v", galleries, err)
	}
	for _, gallery := range galleries {
		archive, err := txtar.ParseFile(gallery)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range archive.Files {
			t.Run(strings.TrimSuffix(filepath.Base(gallery), ".txtar")+"/"+f.Name, func(t *testing.T) {
				input, want, ok := strings.Cut(string(f.Data), galleryDashes)
				if !ok && !*updateGallery {
					t.Fatal("no dashes")
				}
				got := checked(t, input)
				archive.Files[i].Data = []byte(input + galleryDashes + got)
				if diff := cmp.Diff(want, got); diff != "" && !*updateGallery {
					t.Errorf("problems (-want +got):\n%s", diff)
				}
			})
		}
		if *updateGallery {
			if err := os.WriteFile(gallery, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// checked is what a person sees who checks a file called t.yaml.
func checked(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "t.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := replay.CheckOffline(t.Context(), file, galleryOptions()).Render(&out); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(out.String(), dir+string(filepath.Separator), "")
}

// galleryOptions know a plugin that describes itself as one of a NAS does.
func galleryOptions() sidecar.Options {
	return sidecar.Options{Builtins: map[string]sidecar.Builtin{"nas": {Command: []string{"/bin/false"}, Describe: func() (sidecar.Description, error) {
		return sidecar.Description{
			Name: "nas", Version: "1.0.0",
			Config: []byte(`{"type": "object", "properties": {"url": {"type": "string"}}}`),
			Params: []byte(`{"type": "object", "properties": {"email": {"type": "string"}, "max": {"type": "integer"}}, "required": ["email"]}`),
			Facts: []byte(`{"type": "object", "properties": {"name": {"type": "string"}, "admin": {"type": "boolean"}, "uid": {"type": "integer"},
				"groups": {"type": "array", "items": {"type": "string"}}, "ids": {"type": "array", "items": {"type": "integer"}},
				"home": {"type": "object", "properties": {"path": {"type": "string"}}}}}`),
		}, nil
	}}}}
}

// FuzzCheck checks any text as a file, and runs its tests when nothing is wrong with it: nothing panics, nothing hangs, and
// what is wrong can be shown.
func FuzzCheck(f *testing.F) {
	galleries, err := filepath.Glob("testdata/gallery/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, gallery := range galleries {
		archive, err := txtar.ParseFile(gallery)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			input, _, _ := strings.Cut(string(file.Data), galleryDashes)
			f.Add(input)
			f.Add(input + "tests:\n  - name: t\n    given: {client: a, connector: g, facts: {nas: {found: true, name: mum}}}\n    want: {claims: {}}\n")
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(dir, "t.yaml")
		if strings.Contains(strings.ToLower(text), "file") || os.WriteFile(file, []byte(text), 0o600) != nil {
			return // no file of this machine is opened because a fuzzer wrote its name
		}
		start := time.Now()
		problems := replay.CheckOffline(t.Context(), file, galleryOptions())
		if err := problems.Render(&strings.Builder{}); err != nil {
			t.Fatal(err)
		}
		report, err := replay.Test(t.Context(), file, galleryOptions())
		if (err != nil) != problems.Failed() {
			t.Errorf("check found problems: %v, test: %v", problems.Failed(), err)
		}
		if err == nil && report.Render(&strings.Builder{}) != nil {
			t.Error("the report cannot be written")
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
