package sidecar_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// adds links whom a decision was about to an account, and returns what is wrong.
func (r *running) adds(decision, account, id string) string {
	r.t.Helper()
	_, err := r.links().AddLink(r.t.Context(), &adminv1.AddLinkRequest{DecisionId: decision, Link: &adminv1.Link{Plugin: "nas", Account: account, AccountId: id}})
	return status.Convert(err).Message()
}

func TestADecisionSaysWhoIsToBeLinked(t *testing.T) {
	for _, test := range []struct {
		name string
		text func(dir string) string
	}{{"of memory", unrecorded}, {"of the record", pinned}} {
		t.Run(test.name, func(t *testing.T) {
			r := serve(t, test.text)
			refused := r.decide(comes("3", "root@gmail.com", atLogin))
			if test.name == "of the record" { // it outlives the process
				r.ends()
				r = serveFile(t, r.dir, filepath.Join(r.dir, "c.yaml"))
			}
			if got := r.adds(refused, "root", "1004"); got != "" {
				t.Fatal(got)
			}
			if diff := cmp.Diff([]string{"google 3 nas root 1004 true"}, r.linked()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := r.says(comes("3", "root@gmail.com", atLogin)); got != "in" {
				t.Error(got)
			}
			in := r.decide(comes("1", "mum@gmail.com", atToken))
			if got := r.adds(in, "mum", "1003"); got != "" {
				t.Error(got)
			}
			r.forgets(&adminv1.ForgetRequest{Person: "root@gmail.com"})
			if diff := cmp.Diff([]string{"google 1 nas mum 1003 true"}, r.linked()); diff != "" {
				t.Errorf("the address was not noted, -want +got:\n%s", diff)
			}
			nothingPersonal(t, r.log.String())
		})
	}
}

func TestADecisionThatDoesNotSayWhoItWasAbout(t *testing.T) {
	r := serve(t, unrecorded)
	nobody := r.decide(comes("4", "nobody@gmail.com", atToken))
	forgotten := r.decide(comes("3", "root@gmail.com", atLogin))
	if got := r.forgets(&adminv1.ForgetRequest{Person: "3"}); got.GetRemembered() != 1 {
		t.Errorf("%v", got)
	}
	other := r.decide(with(comes("5", "mum@gmail.com", atToken), func(r *hookv1.ExtendPayloadRequest) { r.ClientId, r.Audience = "wiki", []string{"wiki"} }))
	const hint = "\nhint: let the person try once more and take the id of that decision, or name the person by connector and user"
	for name, test := range map[string]struct{ id, want string }{
		"no account was found":   {nobody, "the decision " + nobody + " does not say who it was about: only those are remembered for whom an account was found" + hint},
		"who was forgotten":      {forgotten, "the decision " + forgotten + " does not say who it was about: only those are remembered for whom an account was found" + hint},
		"one without the lookup": {other, "the decision " + other + " did not find an account of nas" + hint},
		"none":                   {"0000-0000", "no decision 0000-0000: the last 1000 since the start are kept" + hint},
	} {
		if got := r.adds(test.id, "root", "1004"); got != test.want {
			t.Errorf("%s: got  %q\nwant %q", name, got, test.want)
		}
	}
}

func TestLinksAreMadeWithNamesThatAreKnown(t *testing.T) {
	r := serve(t, unrecorded)
	for _, test := range []struct {
		name string
		req  *adminv1.AddLinkRequest
		want string
	}{
		{"a connector", &adminv1.AddLinkRequest{Link: &adminv1.Link{ConnectorId: "googel", UserId: "1", Plugin: "nas", Account: "mum"}}, "no connector is called \"googel\" in the configuration, and nobody came through one since the start\nhint: did you mean \"google\"?"},
		{"a plugin", &adminv1.AddLinkRequest{Link: &adminv1.Link{ConnectorId: "google", UserId: "1", Plugin: "attic", Account: "mum"}}, "no plugin is called \"attic\"\nhint: known here: nas"},
		{"said twice", &adminv1.AddLinkRequest{DecisionId: "7K2M-Q9XD", Link: &adminv1.Link{UserId: "1", Plugin: "nas", Account: "mum"}}, "the decision says who it is: name no connector and no user beside it"},
	} {
		_, err := r.links().AddLink(t.Context(), test.req)
		if got := status.Convert(err).Message(); got != test.want {
			t.Errorf("%s: got  %q\nwant %q", test.name, got, test.want)
		}
	}
	r.decide(with(comes("7", "mum@gmail.com", atToken), func(r *hookv1.ExtendPayloadRequest) { r.ConnectorId = "ldap" }))
	reply, err := r.links().AddLink(t.Context(), &adminv1.AddLinkRequest{Link: &adminv1.Link{ConnectorId: "ldap", UserId: "7", Plugin: "nas", Account: "mum"}})
	want := &adminv1.AddLinkResponse{Link: &adminv1.Link{ConnectorId: "ldap", UserId: "7", Plugin: "nas", Account: "mum", Explicit: true}}
	if err != nil {
		t.Fatal(err)
	}
	if reply.GetLink() != nil {
		reply.Link.Time = nil
	}
	if diff := cmp.Diff(want, reply, protocmp.Transform()); diff != "" {
		t.Errorf("a connector that is not listed, and that somebody came through: -want +got:\n%s", diff)
	}
}
