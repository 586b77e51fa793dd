package directory

import (
	"os"
	"regexp"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/internal/readmetest"
)

func TestTheREADMEIsTrue(t *testing.T) {
	readmetest.Check(t, readmetest.Plugin{
		Config: Config{}, Params: Params{}, Facts: Facts{}, Problems: []string{none, ambiguous, disabled, noEmail},
	})
}

func TestTheFilesOfTheREADMEAreGood(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for language, parse := range map[string]parser{"yaml": parseYAML, "csv": parseCSV} {
		block := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(data)
		if block == nil {
			t.Fatalf("the README shows no %s", language)
		}
		all, found := parse(block[1])
		if len(found) > 0 || len(all.list) != 2 {
			t.Errorf("%s: %v", language, lines(found))
		}
	}
}
