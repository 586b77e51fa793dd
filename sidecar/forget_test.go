package sidecar_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
)

// unrecorded is pinned without a record: what a restart leaves are links and facts.
func unrecorded(dir string) string { return strings.Replace(pinned(dir), "record: {max: 2}\n", "", 1) }

func (r *running) forgets(req *adminv1.ForgetRequest) *adminv1.ForgetResponse {
	r.t.Helper()
	reply, err := r.admin().Forget(r.t.Context(), req)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply
}

func TestAnAddressFindsTheLinksAfterARestart(t *testing.T) {
	r := serve(t, unrecorded)
	for user, email := range map[string]string{"1": "mum@gmail.com", "2": "kid1@gmail.com"} {
		if got := r.says(comes(user, email, atToken)); got != "in" {
			t.Fatal(got)
		}
	}
	// Who confirms a link by hand does not say the address, and it stays.
	_, err := r.links().AddLink(t.Context(), &adminv1.AddLinkRequest{Link: &adminv1.Link{ConnectorId: "google", UserId: "1", Plugin: "nas", Account: "mum", AccountId: "1003"}})
	must(t, err)
	r.ends()
	r = serveFile(t, r.dir, filepath.Join(r.dir, "c.yaml"))
	for _, step := range []struct {
		name string
		req  *adminv1.ForgetRequest
		want *adminv1.ForgetResponse
		left int
	}{
		{"nobody", &adminv1.ForgetRequest{Person: "nobody@gmail.com"}, &adminv1.ForgetResponse{}, 2},
		{"nobody, with the facts of all", &adminv1.ForgetRequest{Person: "nobody@gmail.com", Facts: true}, &adminv1.ForgetResponse{Plugins: []string{"nas"}, Erased: true}, 2},
		{"her, confirmed by hand", &adminv1.ForgetRequest{Person: " MUM@Gmail.com"}, &adminv1.ForgetResponse{Links: 1}, 1},
		{"her again", &adminv1.ForgetRequest{Person: "mum@gmail.com"}, &adminv1.ForgetResponse{}, 1},
		{"the other", &adminv1.ForgetRequest{Person: "kid1@gmail.com"}, &adminv1.ForgetResponse{Links: 1}, 0},
	} {
		if diff := cmp.Diff(step.want, r.forgets(step.req), protocmp.Transform()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", step.name, diff)
		}
		if got := r.linked(); len(got) != step.left {
			t.Errorf("%s: left are %q", step.name, got)
		}
	}
	nothingPersonal(t, r.log.String())
}

func TestATypingErrorDropsNobodysFacts(t *testing.T) {
	r := serve(t, household)
	r.decide(signIn("mum@gmail.com"))
	asked := func() int { return strings.Count(r.log.String(), `"source":"plugin"`) }
	if got := r.forgets(&adminv1.ForgetRequest{Person: "mun@gmail.com"}); len(got.GetPlugins()) != 0 {
		t.Errorf("%v", got)
	}
	before := asked()
	id := r.decide(comes("1", "mum@gmail.com", atToken))
	r.log.wait(t, id)
	if now := asked(); now != before {
		t.Error("the plugin was asked again")
	}
}

// A person at two connectors with the same user id is two people.
func TestWhoIsForgottenByAddressIsOneOfOneConnector(t *testing.T) {
	r := serve(t, func(dir string) string {
		return strings.Replace(unrecorded(dir), "{google: {emailDomains: [gmail.com]}}", "{google: {emailDomains: [gmail.com]}, github: {emailDomains: [gmail.com]}}", 1)
	})
	if got := r.says(comes("1", "mum@gmail.com", atToken)); got != "in" {
		t.Fatal(got)
	}
	_, err := r.links().AddLink(t.Context(), &adminv1.AddLinkRequest{Link: &adminv1.Link{ConnectorId: "github", UserId: "1", Plugin: "nas", Account: "dad", AccountId: "1001"}})
	must(t, err)
	if got := r.forgets(&adminv1.ForgetRequest{Person: "mum@gmail.com"}); got.GetLinks() != 1 || got.GetRemembered() != 1 {
		t.Errorf("%v", got)
	}
	if diff := cmp.Diff([]string{"github 1 nas dad 1001 true"}, r.linked()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
