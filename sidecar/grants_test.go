package sidecar_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// TestAGrantWithoutALookupIsRefusedByTheConfiguration: it will not be otherwise the next time, so it is no failure; and log and why name the key.
func TestAGrantWithoutALookupIsRefusedByTheConfiguration(t *testing.T) {
	r := serve(t, func(dir string) string { return household(dir) + "metrics: {address: \"127.0.0.1:0\"}\n" })
	var trailer metadata.MD
	_, err := r.client().ExtendPayload(t.Context(), with(signIn("mum@gmail.com"), func(req *hookv1.ExtendPayloadRequest) { req.GrantType = "password" }), grpc.Trailer(&trailer))
	id := strings.Join(trailer.Get("claimsmith-decision-id"), "")
	if status.Code(err) != codes.PermissionDenied || id == "" {
		t.Errorf("%v, decision %q", err, id)
	}
	const why = `pipeline[0].steps[1].deny: nas was not asked: the lookup nas (c.yaml:9) is not made for the grant "password": add it to grants: of the lookup, or look at nas.asked first`
	line := strings.ReplaceAll(r.log.wait(t, `"msg":"decision"`), r.dir+"/", "")
	for _, want := range []string{`"outcome":"denied"`, `"code":"PermissionDenied"`, strings.ReplaceAll(why, `"`, `\"`)} {
		if !strings.Contains(line, want) {
			t.Errorf("the log lacks %s:\n%s", want, line)
		}
	}
	known, err := r.admin().Explain(t.Context(), &adminv1.ExplainRequest{DecisionId: id})
	must(t, err)
	if got := known.GetDecision(); got.GetOutcome() != "denied" || strings.ReplaceAll(got.GetErr(), r.dir+"/", "") != why {
		t.Errorf("why: %v", got)
	}
	if got := r.scrape(); !strings.Contains(got, `claimsmith_decisions_total{outcome="denied",stage="token"} 1`) {
		t.Errorf("metrics:\n%s", got)
	}
}

// TestCheckWarnsOfGrantsInWhichARuleCannotBeAnswered, unless somebody thought of it.
func TestCheckWarnsOfGrantsInWhichARuleCannotBeAnswered(t *testing.T) {
	const begin = "connectors: {google: {emailDomains: [gmail.com]}}\nplugins: {nas: {builtin: directory}}\npipeline:\n"
	const warning = " is not asked for in the grants password and urn:ietf:params:oauth:grant-type:token-exchange, and "
	tests := []struct {
		name, steps string
		want        []string
	}{
		{
			"rules for a client", `  - when: client.id in ["synology", "photos"]
    steps:
      - {lookup: nas, with: {email: identity.email}}
      - {deny: not nas.found, message: No.}
      - {set: {username: nas.name}}
`, []string{"pipeline[0].steps[0]: nas" + warning + "pipeline[0].steps[1] reads it: they are refused then, to photos, synology, as unauthorized_client"},
		},
		{
			"rules for all", `  - {lookup: nas, as: who, with: {email: identity.email}}
  - {when: who.found, set: {username: who.name}}
`, []string{"pipeline[0]: who" + warning + "pipeline[1] reads it: they are refused then, to every client, as unauthorized_client"},
		},
		{"the lookup says its grants", "  - {lookup: nas, with: {email: identity.email}, grants: [authorization_code]}\n  - {set: {username: nas.name}}\n", nil},
		{"a step before it refuses who was not asked about", "  - {lookup: nas, with: {email: identity.email}}\n  - {deny: not nas.asked, message: Not so.}\n  - {set: {username: nas.name}}\n", nil},
		{"a step looks whether it was asked", "  - {lookup: nas, with: {email: identity.email}}\n  - {set: {username: 'nas.asked ? nas.name : identity.username'}}\n", nil},
		{"a group looks at the grant", "  - {lookup: nas, with: {email: identity.email}}\n  - when: grant != \"password\"\n    steps: [{set: {username: nas.name}}]\n", nil},
		{"nobody reads it", "  - {lookup: nas, with: {email: identity.email}}\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := shortDir(t)
			problems := replay.CheckOffline(t.Context(), written(t, dir, plain(dir)+begin+tt.steps), program(t, newLogBuffer()))
			if len(problems.List) > 0 {
				t.Fatal(problems.List)
			}
			problems.Advise()
			var got []string
			for _, p := range problems.List {
				if !p.Warning || p.Hint == "" || p.Line == 0 {
					t.Errorf("%+v", p)
				}
				got = append(got, p.Path+": "+p.Message)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCheckFindsALookupThatIsReadInAGrantThatNeverAsksIt, also where the lookup says its grants.
func TestCheckFindsALookupThatIsReadInAGrantThatNeverAsksIt(t *testing.T) {
	const begin = "connectors: {google: {emailDomains: [gmail.com]}}\nplugins: {nas: {builtin: directory}}\npipeline:\n"
	const lookup = "  - {lookup: nas, with: {email: identity.email}}\n"
	const warning = `pipeline[1]: reads nas, which is never asked for the grant "password"`
	tests := []struct {
		name, steps string
		want        []string
	}{
		{"by default", lookup + "  - {when: grant == \"password\", set: {username: nas.name}}\n", []string{warning}},
		{"one of several tests", lookup + "  - {when: client.id == \"a\" and grant == \"password\", set: {username: nas.name}}\n", []string{warning}},
		{
			"the lookup says others", "  - {lookup: nas, with: {email: identity.email}, grants: [authorization_code]}\n  - {when: grant == \"password\", set: {username: nas.name}}\n",
			[]string{warning},
		},
		{"the last of several", lookup + "  - {when: identity.username != \"a\" and grant == \"password\", set: {username: nas.name}}\n", []string{warning}},
		{"a condition of deny", lookup + "  - {deny: grant == \"password\" and not nas.found, message: No.}\n", []string{warning}},
		{"the lookup says this", "  - {lookup: nas, with: {email: identity.email}, grants: [password]}\n  - {when: grant == \"password\", set: {username: nas.name}}\n", nil},
		{"a grant of the default", lookup + "  - {when: grant == \"refresh_token\", set: {username: nas.name}}\n", nil},
		{"it looks whether it was asked", lookup + "  - {when: grant == \"password\", set: {username: 'nas.asked ? nas.name : identity.username'}}\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := shortDir(t)
			problems := replay.CheckOffline(t.Context(), written(t, dir, plain(dir)+begin+tt.steps), program(t, newLogBuffer()))
			var got []string
			for _, p := range problems.List {
				if !p.Warning || p.Hint == "" || p.Line == 0 {
					t.Errorf("%+v", p)
				}
				got = append(got, p.Path+": "+p.Message)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
