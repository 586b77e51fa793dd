package synology

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the page says is tested has a test of that name, in that package.
func TestEveryExperienceHasItsTests(t *testing.T) {
	page, err := os.ReadFile("EXPERIENCES.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]map[string]bool{}
	named := regexp.MustCompile("`([a-z/0-9]+)` (Test[A-Za-z0-9]+)")
	count := 0
	for _, r := range rowsOfAll(string(page), "tests |") {
		list := strings.Split(r.meaning, ", ")
		for _, one := range list {
			m := named.FindStringSubmatch(one)
			if m == nil || m[0] != one {
				t.Errorf("%s: %q names no test", r.name, one)
				continue
			}
			if tests[m[1]] == nil {
				tests[m[1]] = testsOf(t, filepath.Join("..", "..", filepath.FromSlash(m[1])))
			}
			if !tests[m[1]][m[2]] {
				t.Errorf("%s: %s has no %s", r.name, m[1], m[2])
			}
			count++
		}
		if r.second == "" {
			t.Errorf("%s: what is done about it?", r.name)
		}
	}
	if count < 60 {
		t.Errorf("the page names %d tests: its tables were not read", count)
	}
}

// rowsOfAll reads all tables whose header ends in some way.
func rowsOfAll(text, end string) (all []row) {
	for line := range strings.Lines(text) {
		if header := strings.TrimSpace(line); strings.HasSuffix(header, end) {
			_, below, _ := strings.Cut(text, header+"\n")
			all = append(all, rows(header+"\n"+below, header)...)
			text = below
		}
	}
	return all
}

// testsOf are the names of the tests in a folder.
func testsOf(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}
