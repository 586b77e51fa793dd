package pipeline_test

import (
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

func removes(line int, names ...string) pipeline.Step {
	return pipeline.Step{Pos: at(line), Path: "pipeline[0]", Remove: names}
}

// What rules may not do is refused when they run, whatever was checked before: each of these steps stands for a mistake in a
// check, or for one in this program.
func TestWhatARunNeverGivesToAToken(t *testing.T) {
	trusted := map[string]pipeline.Trust{"google": {Domains: map[string]bool{"gmail.com": true}}}
	const same = `{"sub":"s","aud":"synology","email":"m@gmail.com","email_verified":true}`
	tests := []struct {
		name  string
		steps []pipeline.Step
		want  string
	}{
		{"sub", []pipeline.Step{set(1, "sub", always(`"x"`))}, `failure 0 at c.yaml:1: pipeline[0].set.sub: claim "sub" is reserved for Dex`},
		{"Sub", []pipeline.Step{set(1, "Sub", always(`"x"`))}, `failure 0 at c.yaml:1: pipeline[0].set.Sub: claim "Sub" is reserved for Dex`},
		{"sub with a long s", []pipeline.Step{set(1, "ſub", always(`"x"`))}, `failure 0 at c.yaml:1: pipeline[0].set.ſub: claim "ſub" is reserved for Dex`},
		{"aud", []pipeline.Step{set(1, "AUD", always(`["x"]`))}, `failure 0 at c.yaml:1: pipeline[0].set.AUD: claim "AUD" is reserved for Dex`},
		{"a subject taken away", []pipeline.Step{removes(1, "sub")}, `failure 0 at c.yaml:1: pipeline[0]: claim "sub" is reserved for Dex`},
		{"a subject taken away in other letters is none, and none is taken away", []pipeline.Step{removes(1, "SUB")}, same},
		{"groups in other letters", []pipeline.Step{set(1, "Groups", always(`["x"]`))}, `failure 0 at c.yaml:1: pipeline[0].set.Groups: claim "Groups" differs from "groups" only in case`},
		{"a member in other letters", []pipeline.Step{set(1, "Email", always(`"x"`))}, `failure 0 at c.yaml:1: pipeline[0].set.Email: claim "Email" differs from "email" only in case`},
		{"two claims that differ in case", []pipeline.Step{set(1, "role", always(`"a"`)), set(2, "ROLE", always(`"b"`))}, `failure 0 at : pipeline: claim "role" differs from "ROLE" only in case`},
		{"groups that are a string", []pipeline.Step{set(1, "groups", always(`"x"`))}, `failure 0 at c.yaml:1: pipeline[0].set.groups: claim "groups" must be a list of strings`},
		{"groups with a number", []pipeline.Step{set(1, "groups", always(`["x", 1]`))}, `failure 0 at c.yaml:1: pipeline[0].set.groups: claim "groups" must be a list of strings`},
		{"sub with a NUL", []pipeline.Step{set(1, "sub\x00", always(`"x"`))}, `failure 5 at c.yaml:1: pipeline[0].set.` + "sub\x00" + `: the name "sub\x00" holds a character that cannot be seen`},
		{"a name inside with a NUL", []pipeline.Step{set(1, "x", always(`[{"sub\u0000": 1}]`))}, `failure 5 at c.yaml:1: pipeline[0].set.x: claim "x": a name inside a claim holds a character that cannot be seen, at byte 2`},
		{"a login name with a NUL", []pipeline.Step{set(1, "x", always(`1`)), set(2, "username", always(`"admin\u0000x"`))}, `failure 5 at c.yaml:2: pipeline[0].set.username: claim "username" holds a character that cannot be seen`},
		{"a group that cannot be seen", []pipeline.Step{set(1, "groups", always(`["a", "\u200b"]`))}, `failure 5 at c.yaml:1: pipeline[0].set.groups: claim "groups" holds a character that cannot be seen`},
		{"null", []pipeline.Step{set(1, "x", always(`null`))}, `failure 0 at c.yaml:1: pipeline[0].set.x: claim "x" is null`},
		{"no JSON", []pipeline.Step{set(1, "x", always(`{"a": 1, "A": 2}`))}, `failure 5 at c.yaml:1: pipeline[0].set.x: claim "x": members inside a claim are equal but for case, the second at byte 9`},
		{"a flag that says verified", []pipeline.Step{set(1, "email_verified", always(`true`)), set(2, "x", always(`1`))}, strings.TrimSuffix(same, "}") + `,"x":1}`},
		{"another address", []pipeline.Step{set(1, "email", always(`"ceo@gmail.com"`))}, `{"sub":"s","aud":"synology","email":"ceo@gmail.com","email_verified":false}`},
		{"another address that is said to be verified", []pipeline.Step{set(1, "email", always(`"ceo@gmail.com"`)), set(2, "email_verified", always(`true`))},
			`failure 0 at c.yaml:1: pipeline[0].set.email: claim "email" is not the address that the connector verified, so "email_verified" must be false`},
		{"the flag taken away", []pipeline.Step{removes(1, "email_verified")}, `failure 0 at c.yaml:1: pipeline[0]: claim "email_verified" can only be removed together with email`},
		{"another address, and the flag taken away", []pipeline.Step{set(1, "email", always(`"ceo@gmail.com"`)), removes(2, "email_verified")}, `failure 0 at c.yaml:1: pipeline[0].set.email: claim "email_verified" can only be removed together with email`},
		{"both taken away", []pipeline.Step{removes(1, "email", "email_verified")}, `{"sub":"s","aud":"synology"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input()
			result, err := (&pipeline.Pipeline{Steps: tt.steps, Connector: trusted}).Run(t.Context(), in)
			if got := outcome(in, result, err); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestGroupsOfDexThatCannotBeSeen: nobody's rule is blamed for them, and a rule can take them away.
func TestGroupsOfDexThatCannotBeSeen(t *testing.T) {
	payload, err := claims.Parse([]byte(`{"sub":"s","groups":["a","b\u0000"]}`))
	if err != nil {
		t.Fatal(err)
	}
	for want, steps := range map[string][]pipeline.Step{
		`failure 5 at : pipeline: claim "groups" holds a character that cannot be seen`: {set(1, "username", always(`"mum"`)), removes(2, "x")},
		`{"sub":"s","groups":["a"]}`: {set(1, "groups", always(`["a"]`))},
	} {
		in := input(func(in *pipeline.Input) { in.Payload = payload })
		result, err := (&pipeline.Pipeline{Steps: steps}).Run(t.Context(), in)
		if got := outcome(in, result, err); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// A peer asks for tokens that are for another client: what holds for that one holds.
func TestPeers(t *testing.T) {
	entry := func(peers ...string) map[string]pipeline.Contract {
		return map[string]pipeline.Contract{"synology": {Pos: at(9), Peers: peers, Require: []pipeline.Required{{Claim: "username", Type: "string"}}}}
	}
	username := set(1, "username", always(`"mum"`))
	const patched = `{"sub":"s","aud":"synology","email":"m@gmail.com","email_verified":true,"username":"mum"}`
	tests := []struct {
		name     string
		pipeline pipeline.Pipeline
		client   string
		audience []string
		want     string
	}{
		{"the client itself", pipeline.Pipeline{Steps: []pipeline.Step{username}, Contracts: entry(), Ruled: map[string]bool{"synology": true}}, "synology", []string{"synology"}, patched},
		{"a stranger", pipeline.Pipeline{Steps: []pipeline.Step{username}, Contracts: entry(), Ruled: map[string]bool{"synology": true}}, "gitea", []string{"synology"},
			"denied by clients.synology.peers: The application gitea may not ask for tokens for synology."},
		{"a stranger who names itself first", pipeline.Pipeline{Steps: []pipeline.Step{username}, Contracts: entry(), Ruled: map[string]bool{"synology": true}}, "gitea", []string{"gitea", "synology"},
			"denied by clients.synology.peers: The application gitea may not ask for tokens for synology."},
		{"a peer of another client", pipeline.Pipeline{Steps: []pipeline.Step{username}, Contracts: entry("wiki"), Ruled: map[string]bool{"synology": true}}, "gitea", []string{"synology"},
			"denied by clients.synology.peers: The application gitea may not ask for tokens for synology."},
		{"a peer", pipeline.Pipeline{Steps: []pipeline.Step{username}, Contracts: entry("gitea"), Ruled: map[string]bool{"synology": true}}, "gitea", []string{"gitea", "synology"}, patched},
		{"a peer gets no token that the other would not get", pipeline.Pipeline{Contracts: entry("gitea"), Ruled: map[string]bool{"synology": true}}, "gitea", []string{"gitea", "synology"},
			`failure 0 at c.yaml:9: clients.synology: require: claim "username" is missing`},
		{"a client with a name of several lines", pipeline.Pipeline{Ruled: map[string]bool{"synology": true}}, "git\nea", []string{"synology"},
			"denied by clients.synology.peers: The application gitea may not ask for tokens for synology."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input(func(in *pipeline.Input) { in.Client, in.Audience = tt.client, tt.audience })
			result, err := tt.pipeline.Run(t.Context(), in)
			if got := outcome(in, result, err); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestGlobs(t *testing.T) {
	tests := []struct {
		pattern string
		yes, no []string
	}{
		{"admins", []string{"admins"}, []string{"Admins", "admins2", ""}},
		{"dev-*", []string{"dev-", "dev-a", "dev-\n"}, []string{"dev", "xdev-a"}},
		{"*", []string{"", "a", "a b"}, nil},
		{"*@example.com", []string{"a@example.com", "@example.com"}, []string{"a@example-com", "a@example.com.evil"}},
		{"a?c", []string{"abc", "aéc"}, []string{"ac", "abbc"}},
		{"a.b[c]", []string{"a.b[c]"}, []string{"axb[c]", "a.bc"}},
		{"*a*a*a*a*", []string{"aaaa"}, []string{strings.Repeat("a", 3), strings.Repeat("b", 5000)}},
	}
	for _, tt := range tests {
		g, err := pipeline.NewGlob(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range tt.yes {
			if found, ok := g.Find(s); !g.Matches(s) || !ok || len(found) != g.Stars() || g.Stars() != strings.Count(tt.pattern, "*") {
				t.Errorf("%q does not match %q: %q", tt.pattern, s, found)
			}
		}
		for _, s := range tt.no {
			if _, ok := g.Find(s); g.Matches(s) || ok {
				t.Errorf("%q matches %q", tt.pattern, s)
			}
		}
	}
	if _, err := pipeline.NewGlob(""); err == nil {
		t.Error("an empty pattern is accepted")
	}
	if (pipeline.Glob{}).Matches("") {
		t.Error("the zero value matches")
	}
}

func TestTrimmedGroupsAreGivenToTheToken(t *testing.T) {
	family, err := pipeline.NewGlob("family")
	if err != nil {
		t.Fatal(err)
	}
	p := pipeline.Pipeline{Steps: []pipeline.Step{set(1, "groups", always(`["a","family","b"]`))}, Contracts: map[string]pipeline.Contract{
		"synology": {Pos: at(9), MaxGroups: 2, TrimGroups: []pipeline.Glob{family}},
	}}
	in := input()
	result, err := p.Run(t.Context(), in)
	want := `{"sub":"s","aud":"synology","email":"m@gmail.com","email_verified":true,"groups":["family"]}`
	if got := outcome(in, result, err); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	last := result.Trace.Changes[len(result.Trace.Changes)-1]
	if last.Claim != "groups" || last.Op != "trim" || last.Pos != at(9) {
		t.Errorf("trace: got %+v", last)
	}
}
