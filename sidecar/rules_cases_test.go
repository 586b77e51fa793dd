package sidecar_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// TestRuleCases loads the configurations of testdata/rules: nothing is wrong with them, and their own tests pass.
func TestRuleCases(t *testing.T) {
	files, err := filepath.Glob("testdata/rules/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("configurations: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			var text strings.Builder
			if problems := replay.CheckOffline(t.Context(), file, galleryOptions()); len(problems.List) > 0 {
				_ = problems.Render(&text)
				t.Fatal(text.String())
			}
			report, err := replay.Test(t.Context(), file, galleryOptions())
			if err != nil {
				t.Fatal(err)
			}
			if _ = report.Render(&text); report.Failed() > 0 || len(report.Cases) == 0 {
				t.Error(text.String())
			}
		})
	}
}

// TestTheExamplesOfTheFunctionsStandInYAML writes each example of FUNCTIONS.md behind a key, as it is shown.
func TestTheExamplesOfTheFunctionsStandInYAML(t *testing.T) {
	page, err := os.ReadFile("../examples/rules/FUNCTIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, functions, _ := strings.Cut(string(page), "\n## Functions\n")
	cell := func(s string) string { return strings.ReplaceAll(strings.Trim(s, "`"), `\|`, "|") }
	var set, want strings.Builder
	n := 0
	for _, line := range strings.Split(functions, "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) < 4 || !strings.HasPrefix(cells[0], "`") {
			continue
		}
		n++
		fmt.Fprintf(&set, "      f%d: %s\n", n, cell(cells[2]))
		fmt.Fprintf(&want, "        f%d: %s\n", n, cell(cells[3]))
	}
	if n < 59 {
		t.Fatalf("%d examples", n)
	}
	file := filepath.Join(t.TempDir(), "claimsmith.yaml")
	text := "listen: unix:///run/c.sock\npipeline:\n  - set:\n" + set.String() +
		"tests:\n  - name: all\n    given: {client: a, connector: g}\n    want:\n      claims:\n" + want.String()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	report, err := replay.Test(t.Context(), file, galleryOptions())
	if err != nil {
		t.Fatal(err)
	}
	if _ = report.Render(&out); report.Failed() > 0 {
		t.Error(out.String())
	}
}
