package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProblemsOfOnePlaceAreInTheOrderOfTheirNumbers(t *testing.T) {
	var given []Problem
	for _, message := range []string{"people.yaml:10:3: twice", "people.yaml:9:12: unknown", "people.yaml:9:3: unknown", "people.yaml:9", "people.yaml:9:3: unknown", "people.yaml:09:3: unknown"} {
		given = append(given, Problem{Message: message})
	}
	var got []string
	for _, p := range Sorted(given) {
		got = append(got, p.Message)
	}
	want := []string{"people.yaml:9", "people.yaml:09:3: unknown", "people.yaml:9:3: unknown", "people.yaml:9:12: unknown", "people.yaml:10:3: twice"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
