package replay

import (
	"encoding/json"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
)

func TestFlow(t *testing.T) {
	tests := []struct {
		name  string
		value any
		want  string
	}{
		{"text is quoted, whatever it looks like", "no", `"no"`},
		{"signs that HTML would escape", "a<b & c", `"a<b & c"`},
		{"keys are bare where that is safe", json.RawMessage(`{"b":[1,{}],"a":{"user name":1.50,"no":true,"x-y":null}}`), `{a: {"no": true, "user name": 1.50, "x-y": null}, b: [1, {}]}`},
		{"digits are kept", json.RawMessage(`[9007199254740993,1e5]`), `[9007199254740993, 1e5]`},
		{"a comma in text", []string{"a, b", "{c}"}, `["a, b", "{c}"]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := flow(test.value); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestWhatAMadeTestWants(t *testing.T) {
	token := func(claims ...string) (out []ExplainedCopy) {
		for _, c := range claims {
			out = append(out, ExplainedCopy{Claims: json.RawMessage(c)})
		}
		return out
	}
	tests := []struct {
		name string
		e    Explanation
		want string
	}{
		{"a refusal in its words", Explanation{Outcome: "denied", Message: `No "x".`}, `{denied: "No \"x\"."}`},
		{"a failure", Explanation{Outcome: "failed"}, `{failed: true}`},
		{"all claims but those of Dex", Explanation{Outcome: "patched", Tokens: token(`{"sub":"a","groups":["b"]}`)}, `{claimsExact: {groups: ["b"]}}`},
		{"no claims", Explanation{Outcome: "unchanged", Tokens: token(`{"sub":"a"}`)}, `{claimsExact: {}}`},
		{"what both kinds have in common", Explanation{Outcome: "patched", Tokens: token(`{"a":1,"b":2}`, `{"a":1,"b":3}`)}, `{claims: {a: 1}}`},
		{"nothing in common", Explanation{Outcome: "patched", Tokens: token(`{"b":2}`, `{"b":3}`)}, `{removed: [nothing_in_common]}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.e.wanted(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// What is printed as a test is read as one, whatever a connector sends.
func TestWhatIsPrintedCanBeRead(t *testing.T) {
	for _, s := range []string{"a\u202eb", "\ufeff", "a\x7fb", "a\u0085b", "a\u2028b", "\u200b", "\U000e0041", "😀", "a\x00b", "é"} {
		text := "listen: unix:///run/c.sock\npipeline: [{remove: [x]}]\ntests:\n  - name: a\n    given: {client: c, connector: g, identity: {username: " + quoted(s) + "}}\n    want: {failed: true}\n"
		cfg, _, problems := config.Parse("c.yaml", []byte(text), config.Options{})
		if len(problems) > 0 || cfg.Tests[0].Given.Identity.Username != s {
			t.Errorf("%q: %v", s, problems)
		}
	}
}
