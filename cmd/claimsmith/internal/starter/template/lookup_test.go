package main

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

func TestLookup(t *testing.T) {
	c := sdktest.Start(t, plugin(), Config{People: []Person{{Email: "Ada@example.org", Name: "ada", Groups: []string{"staff"}}}})
	tests := []struct {
		name, email  string
		found        bool
		problem      string
		wantAnswered Facts
	}{
		{"somebody who is there", "ada@example.org", true, "", Facts{Account: "ada", Groups: []string{"staff"}}},
		{"nobody", "x@example.org", false, "none", Facts{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got Facts
			found, problem, err := c.Lookup(t.Context(), Params{Email: tt.email}, &got)
			if err != nil || found != tt.found || problem != tt.problem || !reflect.DeepEqual(got, tt.wantAnswered) {
				t.Errorf("got %v %q %+v, %v", found, problem, got, err)
			}
		})
	}
}

func TestWhatIsWrongWithAConfigurationIsToldAtOnce(t *testing.T) {
	got := sdktest.Check(t, plugin(), Config{People: []Person{
		{Email: "ada@example.org", Name: "ada"}, {Email: "ada", Name: "ada"}, {Email: "ADA@example.org", Name: "ada2"},
	}})
	want := sdk.Problems{
		{Path: "people[1].email", Message: "this is no address", Hint: "write name@example.org"},
		{Path: "people[2].email", Message: "somebody else has this address"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

// The file lets "claimsmith check --offline" and "claimsmith test" know the facts without starting the plugin.
func TestTheSchemaFileIsThatOfThePlugin(t *testing.T) {
	d, err := plugin().Describe()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"name": d.Name, "version": d.Version}
	for part, schema := range map[string][]byte{"config": d.ConfigSchema, "params": d.ParamsSchema, "facts": d.FactsSchema} {
		var v any
		if err := json.Unmarshal(schema, &v); err != nil {
			t.Fatal(err)
		}
		want[part] = v
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("schema.json is of another version: go build, then claimsmith plugin describe ./NAME > schema.json")
	}
}
