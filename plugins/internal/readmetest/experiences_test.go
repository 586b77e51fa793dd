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
	found := regexp.MustCompile("(?m)^\\| \\[.*\\]\\(https://[^)]+\\) \\| `([a-z/]+)` (Test[A-Za-z0-9]+) \\|$").FindAllStringSubmatch(string(page), -1)
	if len(found) < 10 {
		t.Errorf("%d rows were read", len(found))
	}
	for _, row := range found {
		there := false
		files, _ := filepath.Glob(filepath.Join("../../..", row[1], "*_test.go"))
		for _, file := range files {
			text, err := os.ReadFile(file)
			there = there || err == nil && strings.Contains(string(text), "func "+row[2]+"(")
		}
		if !there {
			t.Errorf("%s has no %s", row[1], row[2])
		}
	}
}
