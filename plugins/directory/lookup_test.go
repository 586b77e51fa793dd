package directory

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

func TestAnswers(t *testing.T) {
	tests := []struct {
		name        string
		params      Params
		wantFound   bool
		wantProblem string
		wantFacts   Facts
		wantErr     string
	}{
		{"by address", Params{Email: "mum@gmail.com"}, true, "", mum(), ""},
		{"by the second address, in another case of A to Z", Params{Email: "MUM@example.ORG"}, true, "", mum(), ""},
		{"by name", Params{Name: "kid"}, true, "", plainly("kid", "family", "kids"), ""},
		{"a person without an address", Params{Name: "printer"}, true, "", plainly("printer"), ""},
		{"a name in another case is another name", Params{Name: "Kid"}, false, "none", Facts{}, ""},
		{"nobody has the address", Params{Email: "x@gmail.com"}, false, "none", Facts{}, ""},
		{"an address that looks like another", Params{Email: "\u212aid@gmail.com"}, false, "none", Facts{}, ""},
		{"an address that is none", Params{Email: "mum"}, false, "none", Facts{}, ""},
		{"two people with one address, though one is switched off", Params{Email: "twins@gmail.com"}, false, "ambiguous", Facts{}, ""},
		{"somebody who is switched off", Params{Email: "lodger@gmail.com"}, false, "disabled", plainly("lodger"), ""},
		{"nothing asked", Params{}, false, "noEmail", Facts{}, ""},
		{"an address and a name", Params{Email: "mum@gmail.com", Name: "mum"}, false, "", Facts{},
			"rpc error: code = DataLoss desc = asked for an address and a name at once: give one of email and name"},
	}
	c := sdktest.Start(t, Plugin(), Config{File: write(t, "people.yaml", household)})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got Facts
			found, problem, err := c.Lookup(t.Context(), tt.params, &got)
			if found != tt.wantFound || problem != tt.wantProblem || text(err) != tt.wantErr {
				t.Errorf("found %v, problem %q, error %q", found, problem, text(err))
			}
			if diff := cmp.Diff(tt.wantFacts, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestATableAndADocumentSayTheSame(t *testing.T) {
	yaml, err := os.ReadFile("../../examples/directory/people.yaml")
	if err != nil {
		t.Fatal(err)
	}
	csv, err := os.ReadFile("../../examples/directory/people.csv")
	if err != nil {
		t.Fatal(err)
	}
	fromYAML, found := parseYAML(yaml)
	if len(found) > 0 {
		t.Fatal(lines(found))
	}
	fromCSV, found := parseCSV(csv)
	if len(found) > 0 {
		t.Fatal(lines(found))
	}
	if diff := cmp.Diff(fromYAML, fromCSV, cmp.AllowUnexported(people{}, person{}), cmp.Comparer(sameAddresses)); diff != "" {
		t.Error(diff)
	}
}

func TestAgeIsNothingWhileTheFileIsGood(t *testing.T) {
	c := sdktest.Start(t, Plugin(), Config{File: write(t, "people.yaml", household)})
	found, _, age, err := c.LookupAge(t.Context(), Params{Name: "mum"}, nil)
	if !found || age != 0 || err != nil {
		t.Errorf("found %v, age %s, %v", found, age, err)
	}
}
