package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

func TestRun(t *testing.T) {
	gmail := map[string]pipeline.Trust{"google": {Domains: map[string]bool{"gmail.com": true}}}
	tests := []struct {
		name     string
		pipeline pipeline.Pipeline
		in       *pipeline.Input
		want     string
	}{
		{
			name: "nothing to do changes nothing",
			want: `{"sub":"s","aud":"synology","email":"m@gmail.com","email_verified":true}`,
		},
		{
			name:     "a fact becomes a claim",
			pipeline: pipeline.Pipeline{Steps: []pipeline.Step{ask(found("mum")), set(2, "username", reads(fact))}},
			want:     `{"sub":"s","aud":"synology","email":"m@gmail.com","email_verified":true,"username":"mum"}`,
		},
		{
			name:     "a lookup that fails is a failure",
			pipeline: pipeline.Pipeline{Steps: []pipeline.Step{ask(asker(down))}},
			want:     `failure 1 at c.yaml:1: pipeline[0]: nas: nobody answers`,
		},
		{
			name: "a lookup that may fail is not known, which is neither yes nor no",
			pipeline: pipeline.Pipeline{Steps: []pipeline.Step{
				{Pos: at(1), Path: "pipeline[0]", Lookup: &pipeline.Lookup{Alias: "nas", Asker: asker(down), OnError: pipeline.Continue}},
				set(2, "username", reads(fact)),
			}},
			want: `failure 0 at c.yaml:2: pipeline[0].set.username: nas failed`,
		},
		{
			name:     "nobody is looked up for client credentials",
			pipeline: pipeline.Pipeline{Steps: []pipeline.Step{ask(found("mum")), set(2, "username", reads(fact))}},
			in:       input(func(in *pipeline.Input) { in.Connector, in.Grant = "", "client_credentials" }),
			want:     `failure 3 at c.yaml:2: pipeline[0].set.username: nas was not asked: the lookup nas (c.yaml:1) is made for people only, which grants: does not change: look at nas.asked first`,
		},
		{
			name:     "nobody is looked up for a token that was exchanged",
			pipeline: pipeline.Pipeline{Steps: []pipeline.Step{ask(found("mum")), set(2, "username", reads(fact))}},
			in:       input(func(in *pipeline.Input) { in.Grant = "urn:ietf:params:oauth:grant-type:token-exchange" }),
			want:     `failure 3 at c.yaml:2: pipeline[0].set.username: nas was not asked: the lookup nas (c.yaml:1) is not made for the grant "urn:ietf:params:oauth:grant-type:token-exchange": add it to grants: of the lookup, or look at nas.asked first`,
		},
		{
			name: "a contract that wants what it would have brought is not kept for the same reason",
			pipeline: pipeline.Pipeline{Steps: []pipeline.Step{ask(found("mum"))}, Contracts: map[string]pipeline.Contract{
				"synology": {Pos: at(9), Require: []pipeline.Required{{Claim: "username", Type: "string"}}},
			}},
			in:   input(func(in *pipeline.Input) { in.Grant = "password" }),
			want: `failure 3 at c.yaml:9: clients.synology: require: claim "username" is missing: the lookup nas (c.yaml:1) is not made for the grant "password": add it to grants: of the lookup, or look at nas.asked first`,
		},
		{
			name:     "one that is not made because of its when is another matter",
			pipeline: pipeline.Pipeline{Steps: []pipeline.Step{{Pos: at(1), When: yes(false), Lookup: &pipeline.Lookup{Alias: "nas", Asker: found("mum")}}, set(2, "username", reads(fact))}},
			want:     `failure 0 at c.yaml:2: pipeline[0].set.username: nas was not asked`,
		},
		{
			name: "unless the step says so",
			pipeline: pipeline.Pipeline{Steps: []pipeline.Step{
				{Lookup: &pipeline.Lookup{Alias: "nas", Asker: found("mum"), Grants: []string{"password"}}}, set(2, "username", reads(fact)),
			}},
			in:   input(func(in *pipeline.Input) { in.Grant = "password" }),
			want: `{"sub":"s","aud":"synology","email":"m@gmail.com","email_verified":true,"username":"mum"}`,
		},
		{
			name: "the first deny that holds ends the run",
			pipeline: pipeline.Pipeline{Steps: []pipeline.Step{
				{Pos: at(1), Deny: &pipeline.Deny{If: yes(false), Message: always("No.")}},
				{Pos: at(2), When: yes(false), Deny: &pipeline.Deny{If: yes(true), Message: always("Never.")}},
				{Pos: at(3), Deny: &pipeline.Deny{If: yes(true), Message: always("Go home.")}},
				set(4, "x", reads(fact)),
			}},
			want: `denied by c.yaml:3: Go home.`,
		},
		{
			name: "values of one step see the claims as before it",
			pipeline: pipeline.Pipeline{Steps: []pipeline.Step{{Set: []pipeline.Assignment{
				{Name: "a", Value: always("1")},
				{Name: "b", Value: reads(func(s *pipeline.State) (string, error) {
					if _, there := s.Claims.Get("a"); there {
						return "", errors.New("saw a")
					}
					return "2", nil
				})},
			}}}},
			want: `{"sub":"s","aud":"synology","email":"m@gmail.com","email_verified":true,"a":1,"b":2}`,
		},
		{
			name: "groups of steps, and what they remove",
			pipeline: pipeline.Pipeline{Steps: []pipeline.Step{{When: yes(true), Steps: []pipeline.Step{
				set(1, "x", always("1")), {Remove: []string{"x", "email", "email_verified"}},
			}}, {When: yes(false), Steps: []pipeline.Step{set(3, "y", always("1"))}}}},
			want: `{"sub":"s","aud":"synology"}`,
		},
		{
			name: "a rule that reads the kind is run for each",
			pipeline: pipeline.Pipeline{PerKind: true, Steps: []pipeline.Step{set(1, "kind", reads(func(s *pipeline.State) (string, error) {
				return fmt.Sprintf("%q", s.Kind), nil
			}))}},
			want: `{"sub":"s","aud":"synology","email":"m@gmail.com","email_verified":true,"kind":"access"} | ` +
				`{"sub":"s","aud":"synology","email":"m@gmail.com","email_verified":true,"kind":"id"}`,
		},
		{
			name:     "a reserved claim is a failure even if nobody noticed before",
			pipeline: pipeline.Pipeline{Steps: []pipeline.Step{set(7, "Sub", always(`"x"`))}},
			want:     `failure 0 at c.yaml:7: pipeline[0].set.Sub: claim "Sub" is reserved for Dex`,
		},
		{
			name:     "another address is one that nobody verified",
			pipeline: pipeline.Pipeline{Connector: gmail, Steps: []pipeline.Step{set(1, "email", always(`"x@gmail.com"`))}},
			want:     `{"sub":"s","aud":"synology","email":"x@gmail.com","email_verified":false}`,
		},
		{
			name:     "the trusted address stays verified",
			pipeline: pipeline.Pipeline{Connector: gmail, Steps: []pipeline.Step{set(1, "email", always(`"m@gmail.com"`))}},
			want:     `{"sub":"s","aud":"synology","email":"m@gmail.com","email_verified":true}`,
		},
		{
			name:     "an address of a connector that is not trusted does not",
			pipeline: pipeline.Pipeline{Steps: []pipeline.Step{set(1, "email", always(`"m@gmail.com"`))}},
			want:     `{"sub":"s","aud":"synology","email":"m@gmail.com","email_verified":false}`,
		},
		{
			name:     "a stranger may not ask for the audience of a client with rules",
			pipeline: pipeline.Pipeline{Ruled: map[string]bool{"synology": true}},
			in:       input(func(in *pipeline.Input) { in.Client, in.Audience = "gitea", []string{"synology", "gitea"} }),
			want:     `denied by clients.synology.peers: The application gitea may not ask for tokens for synology.`,
		},
		{
			name:     "nor for that of any other client when rules are about clients that they do not name",
			pipeline: pipeline.Pipeline{RuledAll: true},
			in:       input(func(in *pipeline.Input) { in.Client, in.Audience = "gitea", []string{"wiki", "gitea"} }),
			want:     `denied by clients.wiki.peers: The application gitea may not ask for tokens for wiki.`,
		},
		{
			name: "a peer may, and the contracts of both hold",
			pipeline: pipeline.Pipeline{Ruled: map[string]bool{"synology": true}, Contracts: map[string]pipeline.Contract{
				"synology": {Pos: at(9), Peers: []string{"gitea"}, Require: []pipeline.Required{{Claim: "username", Type: "string"}}},
			}},
			in:   input(func(in *pipeline.Input) { in.Client, in.Audience = "gitea", []string{"synology", "gitea"} }),
			want: `failure 0 at c.yaml:9: clients.synology: require: claim "username" is missing`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := tt.in
			if in == nil {
				in = input()
			}
			result, err := tt.pipeline.Run(t.Context(), in)
			if got := outcome(in, result, err); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestContracts(t *testing.T) {
	tests := []struct {
		name     string
		contract pipeline.Contract
		want     string
	}{
		{"what is required is there", pipeline.Contract{Require: []pipeline.Required{{Claim: "s", Type: "string"}, {Claim: "n", Type: "integer"}, {Claim: "f", Type: "number"}, {Claim: "b", Type: "bool"}, {Claim: "l", Type: "list"}, {Claim: "o", Type: "object"}}}, ""},
		{"an empty string is no name", pipeline.Contract{Require: []pipeline.Required{{Claim: "empty", Type: "string"}}}, `require: claim "empty" is not of type string`},
		{"another type", pipeline.Contract{Require: []pipeline.Required{{Claim: "f", Type: "integer"}}}, `require: claim "f" is not of type integer`},
		{"a claim that is not listed", pipeline.Contract{Allow: []string{"s", "n", "f", "b", "l", "o", "groups"}}, `allow: claim "empty" is not listed`},
		{"too many groups", pipeline.Contract{MaxGroups: 1}, `maxGroups: 2 groups are more than 1`},
		{"too large", pipeline.Contract{MaxPayloadBytes: 100}, `maxPayloadBytes: the payload has 147 bytes, more than 100`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.contract.Pos = at(5)
			var steps []pipeline.Step
			for _, c := range [][2]string{{"s", `"x"`}, {"n", "1"}, {"f", "1.5"}, {"b", "true"}, {"l", "[]"}, {"o", "{}"}, {"empty", `""`}, {"groups", `["a","b"]`}} {
				steps = append(steps, set(1, c[0], always(c[1])))
			}
			p := pipeline.Pipeline{Steps: steps, Contracts: map[string]pipeline.Contract{"synology": tt.contract}}
			in := input()
			result, err := p.Run(t.Context(), in)
			got := outcome(in, result, err)
			want := `{"sub":"s","aud":"synology","email":"m@gmail.com","email_verified":true,"b":true,"empty":"","f":1.5,"groups":["a","b"],"l":[],"n":1,"o":{},"s":"x"}`
			if tt.want != "" {
				want = "failure 0 at c.yaml:5: clients.synology: " + tt.want
			}
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestLookupsThatNeedNothingOfEachOtherAreMadeTogether(t *testing.T) {
	both := make(chan struct{}, 2)
	meet := asker(func(pipeline.Question) (*pipeline.Answer, error) {
		both <- struct{}{}
		for len(both) < 2 { // never ends if they are made one after the other
			if t.Context().Err() != nil {
				return nil, t.Context().Err()
			}
		}
		return &pipeline.Answer{Found: true, Facts: map[string]any{}}, nil
	})
	var third bool
	p := pipeline.Pipeline{Steps: []pipeline.Step{
		{Lookup: &pipeline.Lookup{Alias: "a", Asker: meet}},
		{Lookup: &pipeline.Lookup{Alias: "b", Asker: meet}},
		{Lookup: &pipeline.Lookup{Alias: "c", After: []string{"a"}, With: []pipeline.Assignment{{Name: "x", Value: reads(func(s *pipeline.State) (string, error) {
			third = s.Facts["a"] != nil && s.Facts["b"] != nil
			return "1", nil
		})}}, Asker: found("x")}},
	}}
	result, err := p.Run(t.Context(), input())
	if err != nil || !third {
		t.Fatalf("got %v, the third saw the others: %v", err, third)
	}
	var order []string
	for _, f := range result.Trace.Facts {
		order = append(order, f.Alias)
	}
	if !slices.Equal(order, []string{"a", "b", "c"}) {
		t.Errorf("trace: got %v", order)
	}
}

func TestTheSecondKindOfTokenGetsTheAnswersOfTheFirst(t *testing.T) {
	calls := 0
	count := asker(func(q pipeline.Question) (*pipeline.Answer, error) {
		calls++
		if q.Connector != "google" || q.Exchange != "r" || string(q.Params) != `{"a":1,"b":2}` {
			t.Errorf("question: got %+v with %s", q, q.Params)
		}
		return &pipeline.Answer{Found: true, Facts: map[string]any{}, Source: "plugin"}, nil
	})
	p := pipeline.Pipeline{PerKind: true, Steps: []pipeline.Step{{Lookup: &pipeline.Lookup{Alias: "nas", Asker: count, With: []pipeline.Assignment{
		{Name: "a", Value: always("1")}, {Name: "b", Value: always("2")},
	}}}}}
	result, err := p.Run(t.Context(), input())
	if err != nil || calls != 1 || len(result.Trace.Facts) != 1 {
		t.Errorf("got %v, %d calls, trace %v", err, calls, result.Trace.Facts)
	}
}

func TestARunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := pipeline.Pipeline{Steps: []pipeline.Step{set(4, "x", always("1"))}}
	in := input()
	result, err := p.Run(ctx, in)
	if got, want := outcome(in, result, err), "failure 2 at c.yaml:4: pipeline[0]: context canceled"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTrustedEmail(t *testing.T) {
	trust := map[string]pipeline.Trust{
		"google": {Domains: map[string]bool{"gmail.com": true, "xn--bcher-kva.example": true}},
		"ldap":   {Any: true},
	}
	tests := []struct {
		name, connector, email string
		verified               bool
		want                   string
	}{
		{"verified and of a trusted domain", "google", "m@gmail.com", true, "m@gmail.com"},
		{"the domain in another case", "google", "M@GMail.com", true, "M@GMail.com"},
		{"an international domain", "google", "m@bücher.example", true, "m@bücher.example"},
		{"not verified", "google", "m@gmail.com", false, ""},
		{"of another domain", "google", "m@example.org", true, ""},
		{"of a domain below", "google", "m@x.gmail.com", true, ""},
		{"with two at signs", "google", "m@gmail.com@example.org", true, ""},
		{"without a local part", "google", "@gmail.com", true, ""},
		{"without a domain", "google", "m@", true, ""},
		{"of no form at all", "ldap", "mum", true, ""},
		{"a connector that is trusted for all", "ldap", "m@example.org", true, "m@example.org"},
		{"a connector that is not listed", "github", "m@gmail.com", true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input(func(in *pipeline.Input) {
				in.Connector, in.Identity.Email, in.Identity.EmailVerified = tt.connector, tt.email, tt.verified
			})
			if _, err := (&pipeline.Pipeline{Connector: trust}).Run(t.Context(), in); err != nil || in.TrustedEmail != tt.want {
				t.Errorf("got %q, %v, want %q", in.TrustedEmail, err, tt.want)
			}
		})
	}
}

// TestANameThatIsTheAddress: a connector that gives the address as a name gives it as nobody verified it.
func TestANameThatIsTheAddress(t *testing.T) {
	username := reads(func(s *pipeline.State) (string, error) { return fmt.Sprintf("%q", s.In.Identity.Username), nil })
	as := func(name string, asserted bool) pipeline.Assignment {
		return pipeline.Assignment{Pos: at(1), Path: "pipeline[0]." + name, Name: name, Value: username, Asserted: asserted}
	}
	asked := func(a pipeline.Assignment) []pipeline.Step {
		step := ask(found("mum"))
		step.Lookup.With = []pipeline.Assignment{a}
		return []pipeline.Step{step}
	}
	const refused = "failure 5 at c.yaml:1: pipeline[0].%s: this would be an address that nobody verified: the connector gave it as a name of the person"
	tests := []struct {
		name, username, email string
		verified              bool
		steps                 []pipeline.Step
		want                  string
	}{
		{"a login name", "m@gmail.com", "m@gmail.com", false, []pipeline.Step{{Set: []pipeline.Assignment{as("username", true)}}}, fmt.Sprintf(refused, "username")},
		{"in other letters", "M@Gmail.com", "m@gmail.com", false, []pipeline.Step{{Set: []pipeline.Assignment{as("username", true)}}}, fmt.Sprintf(refused, "username")},
		{"a question", "m@gmail.com", "m@gmail.com", false, asked(as("name", true)), fmt.Sprintf(refused, "name")},
		{"a question that may be one", "m@gmail.com", "m@gmail.com", false, asked(as("name", false)), `{"sub":"s"}`},
		{"a name that is none", "m", "m@gmail.com", false, asked(as("name", true)), `{"sub":"s"}`},
		{"a name with the domain of a login", "m@corp.example", "m@gmail.com", false, asked(as("name", true)), `{"sub":"s"}`},
		{"no address", "m@corp.example", "", false, asked(as("name", true)), `{"sub":"s"}`},
		{"a verified one", "m@gmail.com", "m@gmail.com", true, asked(as("name", true)), `{"sub":"s"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			payload, err := claims.Parse([]byte(`{"sub":"s"}`))
			if err != nil {
				t.Fatal(err)
			}
			in := input(func(in *pipeline.Input) {
				in.Payload = payload
				in.Identity = pipeline.Identity{UserID: "1", Username: tt.username, Email: tt.email, EmailVerified: tt.verified}
			})
			result, err := (&pipeline.Pipeline{Steps: tt.steps}).Run(t.Context(), in)
			if got := outcome(in, result, err); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
