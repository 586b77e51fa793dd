package dexpatch

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestOneBadAnchorAmongGoodOnesChangesNothing(t *testing.T) {
	tree := pristine(t)
	issuer := filepath.Join(tree, "server", "oauth2.go")
	data, err := os.ReadFile(issuer)
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Replace(data, []byte("if idToken, err = s.signer.Sign("), []byte("if idToken, err = s.signer.SignIt("), 1)
	if err := os.WriteFile(issuer, data, 0o644); err != nil {
		t.Fatal(err)
	}
	before := read(t, tree)
	_, err = Apply(tree)
	var anchor *AnchorError
	if !errors.As(err, &anchor) || anchor.File != "server/oauth2.go" || anchor.Func != "newIDToken" {
		t.Errorf("got %v", err)
	}
	if !maps.Equal(read(t, tree), before) {
		t.Error("something was written")
	}
}

// pristine returns a copy of the first version.
func pristine(t *testing.T) string {
	t.Helper()
	b := newBuilder(Options{})
	v, err := b.fetch(t.Context(), Versions()[0])
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	if err := v.lay(tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestApplyToTheRelease(t *testing.T) {
	tree := pristine(t)
	before := read(t, tree)
	p, err := Apply(tree)
	if err != nil {
		t.Fatal(err)
	}
	after := read(t, tree)

	want := maps.Clone(before)
	added := 0
	for _, e := range p.Edited {
		want[e.File] = e.text()
		added += e.Added()
		if formatted, err := format.Source([]byte(e.text())); err != nil || string(formatted) != e.text() {
			t.Errorf("%s is not as gofmt would have it (%v)", e.File, err)
		}
	}
	for _, f := range p.LaidIn {
		want[f.File] = string(f.Data)
		if bytes.Contains(f.Data, []byte(`"github.com/claimsmith`)) {
			t.Errorf("%s imports from our module", f.File)
		}
	}
	if !maps.Equal(after, want) {
		t.Error("the tree differs from the plan")
	}
	if before["go.mod"] != after["go.mod"] || before["go.sum"] != after["go.sum"] {
		t.Error("go.mod or go.sum changed")
	}
	if added > 60 {
		t.Errorf("%d lines are added; a person should be able to review them in a minute", added)
	}
	own := 0
	for _, f := range p.LaidIn {
		if !f.inHook() {
			own += f.Lines()
		}
	}
	if own > 300 {
		t.Errorf("%d lines stand in new files in packages of Dex, more than 300", own)
	}
	core, err := newPlan(pristine(t), "", slices.DeleteFunc(Edits(), func(e Edit) bool { return !e.Core }))
	if err != nil {
		t.Fatal(err)
	}
	coreLines := 0
	for _, e := range core.Edited {
		coreLines += e.Added()
	}
	if said := fmt.Sprintf("\n%d lines added to %d files of dex %s, %d of them core, and %d in 4 new files;", added, len(p.Edited), p.Version, coreLines, own); !strings.Contains(p.Stat(), said) {
		t.Errorf("the stat does not say: %s", said)
	}
	if coreLines > 30 {
		t.Errorf("%d lines are added by the core edits, more than 30", coreLines)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{fmt.Sprintf("%d core ones, %d in all.", coreLines, added), fmt.Sprintf("four new files in packages of Dex (%d lines,", own)} {
		if !strings.Contains(string(readme), said) {
			t.Errorf("README.md does not say: %s", said)
		}
	}
	if len(p.Lost) > 0 {
		t.Errorf("lost: %q", p.Lost)
	}
	if got := applyDiff(t, before, p.Diff()); !maps.Equal(got, without(after, p.LaidIn)) {
		t.Error("the diff does not lead to the tree")
	}
	if _, err := Apply(tree); !errors.Is(err, ErrApplied) {
		t.Errorf("a second time: got %v, want %v", err, ErrApplied)
	}
}

func without(files map[string]string, laid []LaidIn) map[string]string {
	out := maps.Clone(files)
	for _, f := range laid {
		if f.inHook() {
			delete(out, f.File)
		}
	}
	return out
}

// applyDiff does what patch does.
func applyDiff(t *testing.T, files map[string]string, diff string) map[string]string {
	t.Helper()
	out := maps.Clone(files)
	hunk := regexp.MustCompile(`^@@ -(\d+),(\d+) \+(\d+),(\d+) @@\n$`)
	var name string
	var old, done []string
	finish := func() {
		if name != "" {
			out[name] = strings.Join(append(done, old...), "")
		}
	}
	for line := range strings.Lines(diff) {
		m := hunk.FindStringSubmatch(line)
		switch {
		case strings.HasPrefix(line, "#"), strings.HasPrefix(line, "--- "):
		case strings.HasPrefix(line, "+++ b/"):
			finish()
			name = strings.TrimSpace(strings.TrimPrefix(line, "+++ b/"))
			old, done = strings.SplitAfter(files[name], "\n"), nil
		case m != nil:
			var oldStart, newStart int
			fmt.Sscan(m[1], &oldStart)
			fmt.Sscan(m[3], &newStart)
			keep := newStart - 1 - len(done)
			done, old = append(done, old[:keep]...), old[keep:]
		case line[0] == '+':
			done = append(done, line[1:])
		case line[0] == '-' && len(old) > 0 && old[0] == line[1:]:
			old = old[1:]
		case line[0] == ' ' && len(old) > 0 && old[0] == line[1:]:
			done, old = append(done, old[0]), old[1:]
		default:
			t.Fatalf("%s: %q does not fit", name, line)
		}
	}
	finish()
	return out
}

func TestTheDiffIsTheOneThatWasReviewed(t *testing.T) {
	p, err := Preview(t.Context(), Options{Version: Versions()[0].Name})
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"dex.diff": p.Diff(), "dex.stat": p.Stat()} {
		golden := filepath.Join("testdata", name)
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is not what would be applied; UPDATE=1 go test writes it again. Got\n%s", golden, got)
		}
	}
}
