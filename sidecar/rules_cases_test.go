package sidecar_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar"
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
			if problems := sidecar.CheckOffline(t.Context(), file, galleryOptions()); len(problems.List) > 0 {
				_ = problems.Render(&text)
				t.Fatal(text.String())
			}
			report, err := sidecar.Test(t.Context(), file, galleryOptions())
			if err != nil {
				t.Fatal(err)
			}
			if _ = report.Render(&text); report.Failed() > 0 || len(report.Cases) == 0 {
				t.Error(text.String())
			}
		})
	}
}
