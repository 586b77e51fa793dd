package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// list writes a list and returns its path.
func list(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "leavers")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestWhoIsOnTheListIsFound(t *testing.T) {
	file, err := filepath.Abs("testdata/leavers")
	if err != nil {
		t.Fatal(err)
	}
	c := sdktest.Start(t, plugin(), Config{File: file})
	tests := []struct {
		name, email string
		found       bool
		problem     string
		facts       Facts
	}{
		{"somebody who left", "charles@example.org", true, "", Facts{Since: "2026-03-31"}},
		{"in upper case", "Charles@Example.org", true, "", Facts{Since: "2026-03-31"}},
		{"somebody who is still there", "ada@example.org", false, "none", Facts{}},
		{"a word of a comment", "moved", false, "none", Facts{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got Facts
			found, problem, err := c.Lookup(t.Context(), Params{Email: tt.email}, &got)
			if err != nil || found != tt.found || problem != tt.problem || got != tt.facts {
				t.Errorf("got %v %q %+v, %v", found, problem, got, err)
			}
		})
	}
}

func TestTheListMayGrow(t *testing.T) {
	file := list(t, "")
	c := sdktest.Start(t, plugin(), Config{File: file})
	if found, _, err := c.Lookup(t.Context(), Params{Email: "ada@example.org"}, nil); found || err != nil {
		t.Fatalf("before: %v, %v", found, err)
	}
	if err := os.WriteFile(file, []byte("ada@example.org 2026-05-01\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found, _, err := c.Lookup(t.Context(), Params{Email: "ada@example.org"}, nil); !found || err != nil {
		t.Errorf("after: %v, %v", found, err)
	}
}

func TestAListThatCannotBeReadIsAFailureAndNoAnswer(t *testing.T) {
	file := list(t, "")
	c := sdktest.Start(t, plugin(), Config{File: file})
	if err := os.WriteFile(file, []byte("\nada@example.org\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := c.Lookup(t.Context(), Params{Email: "grace@example.org"}, nil)
	if want := "rpc error: code = Unavailable desc = " + file + ": line 2 is not an address and a day"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestConfiguration(t *testing.T) {
	bad := list(t, "ada@example.org\n")
	tests := []struct {
		name, file string
		want       sdk.Problems
	}{
		{"a relative path", "leavers", sdk.Problems{{Path: "file", Message: "must be an absolute path", Hint: "a plugin runs in a directory of its own"}}},
		{"no file", "/nonexistent/leavers", sdk.Problems{{Path: "file", Message: "open /nonexistent/leavers: no such file or directory"}}},
		{"a line that is none", bad, sdk.Problems{{Path: "file", Message: bad + ": line 1 is not an address and a day"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, sdktest.Check(t, plugin(), Config{File: tt.file})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheSchemaFileIsThatOfThePlugin(t *testing.T) {
	d, err := plugin().Describe()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Name, Version         string
		Config, Params, Facts any
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := got
	want.Name, want.Version = d.Name, d.Version
	for into, schema := range map[*any][]byte{&want.Config: d.ConfigSchema, &want.Params: d.ParamsSchema, &want.Facts: d.FactsSchema} {
		*into = nil
		if err := json.Unmarshal(schema, into); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("schema.json is of another version: claimsmith plugin describe ./plugin-go > schema.json")
	}
}
