package rules

import (
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

func TestWhatAConditionIsOnlyFor(t *testing.T) {
	tests := map[string]pipeline.Only{
		`client.id == "a"`: {Client: "a"},
		`"a" == client.id`: {Client: "a"},
		`client.id == "a" and connector.id == "b" and identity.email != ""`: {Client: "a", Connector: "b"},
		`connector.id == "b" && identity.groups[0] == "x"`:                  {Connector: "b"},
		`client.id == "a" and (connector.id == "b" or true)`:                {Client: "a"},
		`identity.groups[0] == "x" and client.id == "a"`:                    {}, // it fails before it is false
		`client.id == "a" or client.id == "b"`:                              {},
		`client.id != "a"`:                                                  {},
		`not (client.id == "a")`:                                            {},
		`client.id == ""`:                                                   {},
		`client.id in ["a"]`:                                                {},
		`client.id == identity.username`:                                    {},
		`let c = client.id; c == "a"`:                                       {},
	}
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for src, want := range tests {
		cond, err := c.Condition(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got := cond.Reads().Only; got != want {
			t.Errorf("%s is only for %+v, want %+v", src, got, want)
		}
	}
}
