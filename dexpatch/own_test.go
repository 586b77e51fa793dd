package dexpatch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestDexsOwnTests runs Dex's own tests on the release, as it is and edited: they pass and fail alike. Some fail on both, because they
// ask the provider that they are about.
func TestDexsOwnTests(t *testing.T) {
	if os.Getenv("CLAIMSMITH_CI") == "" {
		t.Skip("takes minutes: CLAIMSMITH_CI=1 go test -v -timeout 30m -run TestDexsOwnTests ./dexpatch runs it")
	}
	tree := pristine(t)
	b := newBuilder(Options{Progress: func(m string) { t.Log(m) }})
	b.findCompiler(t.Context())
	packages := []string{"./server/...", "./connector/...", "./storage/memory"}
	if b.compiler.found() {
		packages = append(packages, "./cmd/...", "./storage/sql") // sqlite3 is in them
	}
	stock := outcomes(t, b, tree, packages)
	if _, err := Apply(tree); err != nil {
		t.Fatal(err)
	}
	edited := outcomes(t, b, tree, packages)
	passed := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(stock)) {
		passed["stock "+stock[name]]++
		passed["edited "+edited[name]]++
		switch {
		case edited[name] != stock[name]:
			t.Errorf("%s: %s on the release, %s with the edits", name, stock[name], edited[name])
		case stock[name] == "fail":
			t.Logf("fails on both: %s", name)
		}
	}
	t.Logf("tests of Dex: %d pass and %d fail on the release, %d and %d with the edits", passed["stock pass"], passed["stock fail"], passed["edited pass"], passed["edited fail"])
	if passed["stock pass"] < 400 {
		t.Errorf("only %d tests pass on the release: they were not run", passed["stock pass"])
	}
}

// outcomes runs tests and returns what became of each, by package and name.
func outcomes(t *testing.T, b *builder, tree string, packages []string) map[string]string {
	t.Helper()
	// Under Go 1.26 vet finds fault with Dex's own tests, edited or not.
	args := append([]string{"test", "-json", "-vet=off", "-trimpath", "-buildvcs=false"}, packages...)
	out, err := b.command(t.Context(), tree, args...).Output()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatal(err)
	}
	all := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var event struct{ Action, Package, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &event) != nil {
			continue
		}
		if event.Action == "build-fail" || event.Action == "fail" && event.Test == "" && len(event.Package) > 0 {
			all[event.Package] = "fail"
		}
		if event.Test != "" && (event.Action == "pass" || event.Action == "fail" || event.Action == "skip") {
			all[event.Package+" "+event.Test] = event.Action
		}
	}
	return all
}

// TestHeadsOwnTests runs tests of ours inside HEAD: the ways in that no test from outside has, such as SAML, SPNEGO and a second factor.
func TestHeadsOwnTests(t *testing.T) {
	if os.Getenv("CLAIMSMITH_CI") == "" {
		t.Skip("takes minutes: CLAIMSMITH_CI=1 go test -v -timeout 30m -run TestHeadsOwnTests ./dexpatch runs it")
	}
	all := Versions()
	b := newBuilder(Options{})
	v, err := b.fetch(t.Context(), all[len(all)-1])
	if errors.As(err, new(*DownloadError)) {
		t.Skipf("the module proxy does not give HEAD: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	if err := v.lay(tree); err != nil {
		t.Fatal(err)
	}
	if _, err := Apply(tree); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(tree, os.DirFS(filepath.Join("testdata", "head"))); err != nil {
		t.Fatal(err)
	}
	if out, err := b.command(t.Context(), tree, "test", "-vet=off", "-trimpath", "./server/authflow").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
