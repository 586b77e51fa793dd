package dexpatch

import (
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestDexsOwnTests runs the tests of the packages in which the hook is called, on the edited tree, with some of ours that
// need the inside of Dex.
func TestDexsOwnTests(t *testing.T) {
	tree := pristine(t)
	if _, err := Apply(tree); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(tree, os.DirFS(filepath.Join("testdata", "dex"))); err != nil {
		t.Fatal(err)
	}
	goTest := func(o Options, args ...string) {
		t.Helper()
		cmd := newBuilder(o).command(t.Context(), tree, append([]string{"test", "-trimpath", "-buildvcs=false"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go test %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	goTest(Options{CGO: true}, "./cmd/...") // sqlite3 is in them
	goTest(Options{}, "./server/...")
	out, err := newBuilder(Options{}).command(t.Context(), tree, "list", "./connector/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if _, err := net.LookupHost("accounts.google.com"); err != nil {
		t.Log("Dex's tests of connector/google ask Google itself, which cannot be reached from here; they are left out")
		packages = slices.DeleteFunc(packages, func(p string) bool { return strings.HasSuffix(p, "/connector/google") })
	}
	goTest(Options{}, packages...)
}

// TestBuiltTwiceItIsTheSame: the folder of the build, the time and the machine leave nothing behind.
func TestBuiltTwiceItIsTheSame(t *testing.T) {
	var sums []string
	var said strings.Builder
	for range 2 {
		file := filepath.Join(t.TempDir(), "dex")
		err := Build(t.Context(), Options{Output: file, Label: "home.1", Progress: func(m string) { said.WriteString(m + "\n") }})
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, fmt.Sprintf("%x", sha256.Sum256(data)))
		out, err := exec.CommandContext(t.Context(), file, "version").Output()
		edits, _ := editsDigest()
		if want := "Dex Version: " + DexVersion + "+claimsmith." + edits + ".home.1\n"; err != nil || !strings.HasPrefix(string(out), want) {
			t.Errorf("version: %v\n%swant\n%s", err, out, want)
		}
	}
	if sums[0] != sums[1] {
		t.Errorf("built twice: %s and %s", sums[0], sums[1])
	}
	if want := ": dex commit ab64ed778070 (clean), edits "; !strings.Contains(said.String(), want) {
		t.Errorf("said %s", said.String())
	}
}

func TestOptions(t *testing.T) {
	tests := []struct {
		name    string
		options Options
		want    string
	}{
		{"another platform without cgo", Options{Platform: "linux/riscv64"}, ""},
		{"another platform with cgo", Options{Platform: "linux/riscv64", CGO: true}, "platform linux/riscv64 cannot be built with cgo on " + runtime.GOOS + "/" + runtime.GOARCH},
		{"half a platform", Options{Platform: "linux"}, `platform "linux": like linux/amd64`},
		{"a label with spaces", Options{Label: "a b"}, `version label "a b": letters, digits and hyphens, in parts between dots`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.options.validate(); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
