package dexpatch

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestBuiltTwiceItIsTheSame: the folder of the build, the time and the machine leave nothing behind.
func TestBuiltTwiceItIsTheSame(t *testing.T) {
	if os.Getenv("CLAIMSMITH_CI") == "" {
		t.Skip("takes minutes: CLAIMSMITH_CI=1 go test -v -timeout 30m -run TestBuiltTwiceItIsTheSame ./dexpatch runs it")
	}
	var sums []string
	var said strings.Builder
	for range 2 {
		file := filepath.Join(t.TempDir(), "dex")
		err := Build(t.Context(), Options{Output: file, Label: "home.1", NoCGO: true, Progress: func(m string) { said.WriteString(m + "\n") }})
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
		if want := "Dex Version: v2.45.1+claimsmith." + edits + ".g11d2eeb52b42.no-sqlite3.home.1\n"; err != nil || !strings.HasPrefix(string(out), want) {
			t.Errorf("version: %v\n%swant\n%s", err, out, want)
		}
	}
	if sums[0] != sums[1] {
		t.Errorf("built twice: %s and %s", sums[0], sums[1])
	}
	if want := ": dex commit 11d2eeb52b42 (clean), edits "; !strings.Contains(said.String(), want) {
		t.Errorf("said %s", said.String())
	}
}

// TestTheVersionTellsOfWhatItIsMade: the commit and whether the sources were changed since are asked of git.
func TestTheVersionTellsOfWhatItIsMade(t *testing.T) {
	tree := write(t, map[string]string{"go.mod": "module github.com/dexidp/dex\n"})
	run := func(args ...string) string {
		t.Helper()
		out, err := git(t.Context(), tree, append([]string{"-c", "user.name=n", "-c", "user.email=e@example.org"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	edits, err := editsDigest()
	if err != nil {
		t.Fatal(err)
	}
	b := newBuilder(Options{Source: tree, Label: "home.1"})
	b.compiler = compiler{name: "cc"}
	toolchain, err := b.toolchain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	details := func(version, commit, state string) string {
		return fmt.Sprintf("%s: dex commit %s (%s), edits %s, %s %s/%s, with cgo, so the storage sqlite3 is in it", version, commit, state, edits, toolchain, runtime.GOOS, runtime.GOARCH)
	}
	check := func(what, want string) {
		t.Helper()
		got, err := b.info(t.Context(), "v2.45.1")
		if err != nil || got.Details() != want {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", what, got.Details(), err, want)
		}
	}
	plain := "v2.45.1+claimsmith." + edits
	check("no git", details(plain+".home.1", "unknown", "clean"))
	run("init", "-q")
	run("add", "-A")
	run("commit", "-q", "-m", "a release")
	commit := run("rev-parse", "--short=12", "HEAD")
	check("a commit", details(plain+".g"+commit+".home.1", commit, "clean"))
	if err := os.WriteFile(filepath.Join(tree, "new.go"), []byte("package dex\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	check("changed since", details(plain+".g"+commit+".dirty.home.1", commit, "changed since"))
}

func TestOptions(t *testing.T) {
	tests := []struct {
		name    string
		options Options
		want    string
	}{
		{"another platform", Options{Platform: "linux/riscv64"}, ""},
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
