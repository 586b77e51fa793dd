package readmetest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestEveryExperienceHasItsTest(t *testing.T) {
	page, err := os.ReadFile("../../EXPERIENCES.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("^\\| \\[.*\\]\\(https://[^)]+\\) \\| `([a-z/]+)` (Test[A-Za-z0-9]+(?:, Test[A-Za-z0-9]+)*) \\|$")
	rows := 0
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| [") {
			continue
		}
		rows++
		found := row.FindStringSubmatch(strings.TrimSpace(line))
		if found == nil {
			t.Errorf("a row that names no test: %s", line)
			continue
		}
		all := ""
		files, _ := filepath.Glob(filepath.Join("../../..", found[1], "*_test.go"))
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all += string(text)
		}
		for name := range strings.SplitSeq(found[2], ", ") {
			if !strings.Contains(all, "func "+name+"(") {
				t.Errorf("%s has no %s", found[1], name)
			}
		}
	}
	if rows < 10 {
		t.Errorf("%d rows were read", rows)
	}
}
