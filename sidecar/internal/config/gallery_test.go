package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what is printed now into testdata")

// dashes stand between a file and what is said about it.
const dashes = "----------\n"

func TestGallery(t *testing.T) {
	galleries, err := filepath.Glob("testdata/*.txtar")
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
				input, want, ok := strings.Cut(string(f.Data), dashes)
				if !ok && !*update {
					t.Fatal("no dashes")
				}
				got := rendered(input)
				archive.Files[i].Data = []byte(input + dashes + got)
				if diff := cmp.Diff(want, got); diff != "" && !*update {
					t.Errorf("problems (-want +got):\n%s", diff)
				}
			})
		}
		if *update {
			if err := os.WriteFile(gallery, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// rendered is what a person sees who checks a file called t.yaml.
func rendered(input string) string {
	_, src, problems := Parse("t.yaml", []byte(input), Options{Builtins: []string{"directory", "synology"}})
	var out strings.Builder
	if err := src.Render(&out, problems); err != nil {
		panic(err) // a strings.Builder takes all
	}
	return out.String()
}
