package plugins

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheOtherModules runs the tests of the modules that have a go.mod of their own, at which "go test ./..." stops.
func TestTheOtherModules(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{if ne .Path \"github.com/claimsmith/claimsmith\"}}{{.Dir}}{{end}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	dirs := strings.Fields(string(out))
	if len(dirs) < 2 {
		t.Fatalf("go.work uses no other module than %q", dirs)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			lookAt(t, dir)
			if out, err := exec.CommandContext(t.Context(), "go", "test", "-C", dir, "./...").CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// lookAt lets the go command know on which files the outcome depends, so that it does not keep it when one of them changes.
func lookAt(t *testing.T, dir string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
