package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// In the household of the examples the tests with links are refused by the old rules whatever the new ones say.
func TestDiffKnowsTheLinksOfATest(t *testing.T) {
	const old = "../../examples/household/claimsmith.yaml"
	text, err := os.ReadFile(old)
	if err != nil {
		t.Fatal(err)
	}
	const mum, dad = "the parents get their DSM names", "unless links of the plugin name the address and the account"
	for _, test := range []struct {
		name, was, is string
		want          map[string]string
	}{
		{
			name: "other claims", was: "groups: nas.groups", is: "groups: '[]'",
			want: map[string]string{mum: "token otherClaims", dad: "token otherClaims"},
		},
		{
			name: "nobody is let in", was: "deny: not nas.found", is: "deny: 'true'",
			want: map[string]string{
				mum: "token newlyRefused", dad: "token newlyRefused", "the administrator uses the password": "denied otherWords",
				"whoever gets mum's address does not get her account": "denied otherWords", "and then only whoever of that address came first": "denied otherWords",
				"another provider behind the connector opens nobody's account": "denied otherWords",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			candidate := filepath.Join(t.TempDir(), "candidate.yaml")
			write(t, candidate, []byte(strings.Replace(string(text), test.was, test.is, 1)))
			var out, errs strings.Builder
			if code := run([]string{"diff", "--json", old, candidate}, strings.NewReader(""), &out, &errs); code != exitProblems {
				t.Fatalf("%d %s", code, errs.String())
			}
			var difference replay.Difference
			if err := json.Unmarshal([]byte(out.String()), &difference); err != nil {
				t.Fatal(err)
			}
			told := map[string]string{}
			for _, d := range difference.Clients[0].Differences {
				told[d.Name] = d.Old.Outcome + " " + string(d.Change)
			}
			if diff := cmp.Diff(test.want, told); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
