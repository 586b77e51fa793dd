package sidecar_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar"
)

type boxConfig struct {
	URL        string `json:"url,omitempty" doc:"an address that it may reach"`
	SecretFile string `json:"secretFile,omitempty" doc:"a file that it may read"`
}

type boxParams struct {
	Attack string `json:"attack" doc:"what to try"`
}

type boxFacts struct {
	Outcome string `json:"outcome" doc:"how it went"`
}

// hostile is a plugin that wants out.
func hostile() sdk.Spec[boxConfig, boxParams, boxFacts] {
	return sdk.Spec[boxConfig, boxParams, boxFacts]{Name: "hostile", Version: "1", Open: func(context.Context, sdk.Host, boxConfig) (sdk.Lookup[boxParams, boxFacts], error) {
		return sdk.Func[boxParams, boxFacts](func(_ context.Context, p boxParams) (sdk.Answer[boxFacts], error) {
			return sdk.Answer[boxFacts]{Found: true, Facts: boxFacts{Outcome: sidecar.Attack(p.Attack)}}, nil
		}), nil
	}}
}

// TestTheTableOfTheReadmeIsProven has a plugin try each line, as whoever runs the tests. The command plugin verify --hostile does the same.
func TestTheTableOfTheReadmeIsProven(t *testing.T) {
	shortTemp(t)
	report, err := sidecar.VerifyConfinement(t.Context(), []string{os.Args[0], asHostile}, "", program(t, newLogBuffer()))
	must(t, err)
	var proven []string
	for _, c := range report.Checks {
		proven = append(proven, c.Name)
		if c.Name == "memory" && raced() {
			continue // under the race detector no memory is limited
		}
		if c.Outcome != "kept" {
			t.Errorf("%s: %s: %s", c.Name, c.Outcome, c.Detail)
		}
	}
	text, err := os.ReadFile("../plugins/README.md")
	must(t, err)
	_, section, _ := strings.Cut(string(text), "## What is confined, and what is not")
	section, _, _ = strings.Cut(section, "\n#")
	var promised []string
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \|`).FindAllStringSubmatch(section, -1) {
		if row[1] != "a plugin" {
			promised = append(promised, row[1])
		}
	}
	if diff := cmp.Diff(promised, proven); diff != "" {
		t.Errorf("the table and what is tried (-README +tried):\n%s", diff)
	}
}
