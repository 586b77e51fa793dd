package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// dexTree returns a copy of the pinned Dex in which a statement of an optional edit is another one.
func dexTree(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/dexidp/dex")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	if err := os.CopyFS(tree, os.DirFS(strings.TrimSpace(string(out)))); err != nil {
		t.Fatal(err)
	}
	changeDex(t, tree, "server/handlers.go", "d.GrantTypes = s.supportedGrantTypes", "d.GrantTypes = s.supportedGrantTypes[:]")
	return tree
}

func changeDex(t *testing.T, tree, file, from, to string) {
	t.Helper()
	path := filepath.Join(tree, filepath.FromSlash(file))
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), from) {
		t.Fatalf("%s does not hold %q: %v", file, from, err)
	}
	if err := os.Chmod(path, 0o644); err != nil { // the module cache is read-only, and so is a copy of it
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), from, to, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestAnEditWithoutAPlaceIsNamed where it is optional; where it is not, nothing is changed.
func TestAnEditWithoutAPlaceIsNamed(t *testing.T) {
	tree := dexTree(t)
	const lost = "warning: an optional edit finds no place in dex unknown: claimsSupported is not listed in discovery\n"
	var out, errs strings.Builder
	if code := run([]string{"dex", "diff", "--source", tree}, strings.NewReader(""), &out, &errs); code != exitGood || errs.String() != lost {
		t.Errorf("diff: %d\n%s", code, errs.String())
	}
	if strings.Contains(out.String(), "SupportedClaims()...") || !strings.Contains(out.String(), "claimsHook.Extend(") {
		t.Errorf("the diff is not the one of the other edits:\n%s", out.String())
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", tree, "-c", "user.name=n", "-c", "user.email=e@example.org"}, args...)...)
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, said)
		}
	}
	git("init", "-q")
	git("add", "-A")
	git("commit", "-q", "-m", "without the place of an optional edit")
	changeDex(t, tree, "server/oauth2.go", "s.signer.Sign(ctx, payload)", "s.signer.Sign(ctx, payload, nil)")
	git("commit", "-q", "-a", "-m", "without the seam")

	out.Reset()
	errs.Reset()
	code := run([]string{"dex", "survey", "--source", tree, "--since", "2026-01-01"}, strings.NewReader(""), &out, &errs)
	table := regexp.MustCompile(`(?m)^[0-9a-f]{7,} +\d{4}-\d\d-\d\d +`).ReplaceAllString(out.String(), "COMMIT DATE ")
	want := `COMMIT DATE -      server/oauth2.go, func newIDToken: 0 instead of 1 of: if idToken, err = s.signer.Sign(ctx, payload); err != nil {
COMMIT DATE 59     applies; without: claimsSupported is not listed in discovery
1 of 2 commits are supported
`
	if _, rows, _ := strings.Cut(table, "\n"); code != exitProblems || rows != want || errs.Len() != 0 {
		t.Errorf("survey: %d\ngot\n%s%s\nwant\n%s", code, out.String(), errs.String(), want)
	}

	errs.Reset()
	if code := run([]string{"dex", "apply", tree}, strings.NewReader(""), &out, &errs); code != exitProblems ||
		!strings.HasSuffix(errs.String(), "stands there 0 times instead of 1; this Dex is not supported, and nothing was changed\n") {
		t.Errorf("apply: %d\n%s", code, errs.String())
	}
	git("diff", "--exit-code")
}

func TestSurveySaysWhatIsMissing(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no folder", []string{"--since", "2026-01-01"}, "--source FOLDER is a git clone of Dex, --since DATE where to begin, like 2026-03-01"},
		{"no date", []string{"--source", "x", "--since", "March"}, `--since: "March" is no date like 2026-03-01`},
		{"none of them", []string{"--source", "x", "--since", "2026-01-01", "--every", "0"}, "--every: a number from 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var errs strings.Builder
			if code := run(append([]string{"dex", "survey"}, tt.args...), strings.NewReader(""), t.Output(), &errs); code != exitUsage || !strings.Contains(errs.String(), tt.want) {
				t.Errorf("got %d: %s", code, errs.String())
			}
		})
	}
}
