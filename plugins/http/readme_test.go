package http

import (
	"testing"

	"github.com/claimsmith/claimsmith/plugins/internal/readmetest"
)

func TestTheREADMEIsTrue(t *testing.T) {
	readmetest.Check(t, readmetest.Plugin{
		Config: Config{}, Params: Params{}, Facts: Facts{}, Problems: []string{none, ambiguous, empty},
		Nested: []readmetest.Nested{{Heading: "answer", Type: Answers{}}, {Heading: "header", Type: Header{}}, {Heading: "text", Type: TextAnswer{}},
			{Heading: "oauth2", Type: OAuth2{}}, {Heading: "page", Type: Pages{}}},
	})
}
