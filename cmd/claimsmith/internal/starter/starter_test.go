package starter

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAPluginIsWrittenThatBuildsAndPassesItsTests(t *testing.T) {
	checkout, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "phonebook")
	names, err := Write(Options{Name: "phonebook", Dir: dir, Go: "1.26", Replace: checkout})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{".gitignore", "go.mod", "README.md", "claimsmith.yaml", "lookup.go", "lookup_test.go", "main.go", "schema.json"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	// Its sums are those of the SDK; without them the go command asks the network for what is in the cache already.
	sums, err := os.ReadFile(filepath.Join(checkout, "plugins", "sdk", "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"vet", "./..."}, {"test", "./..."}, {"build"}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", args[0], err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "phonebook")); err != nil {
		t.Error(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "NAME") {
			t.Errorf("%s still holds the placeholder", name)
		}
	}
}

func TestGoModNamesWhatIsKnown(t *testing.T) {
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"a released one", Options{Name: "a", Go: "1.26", Version: "v0.3.0"}, "module a\n\ngo 1.26\n\nrequire github.com/claimsmith/claimsmith/plugins/sdk v0.3.0\n"},
		{"a checkout", Options{Name: "a", Go: "1.26", Replace: "/src"},
			"module a\n\ngo 1.26\n\nrequire github.com/claimsmith/claimsmith/plugins/sdk v0.0.0\n\nreplace (\n" +
				"\tgithub.com/claimsmith/claimsmith/plugins/sdk => /src/plugins/sdk\n\tgithub.com/claimsmith/claimsmith/proto => /src/proto\n)\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(tt.o.goMod())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Write(Options{Name: "phonebook", Dir: dir, Go: "1.26"})
	if want := dir + " is not empty: it holds mine"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestNamesAreThoseThatRulesCanUse(t *testing.T) {
	for _, name := range []string{"", "Phonebook", "phone-book", "1st", "a/b", "..", "token", "claims", "not", strings.Repeat("a", 33)} {
		if _, err := Write(Options{Name: name, Dir: t.TempDir(), Go: "1.26"}); !errors.Is(err, ErrName) {
			t.Errorf("%q: got %v", name, err)
		}
	}
}
