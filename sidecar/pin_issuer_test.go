package sidecar_test

import (
	"errors"
	"strings"
	"testing"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar"
)

// issuedBy names the provider behind the connector of a configuration.
func issuedBy(text, issuer string) string {
	return strings.Replace(text, "google: {emailDomains", "google: {issuer: '"+issuer+"', emailDomains", 1)
}

func TestAConnectorThatGotAnotherProviderHandsOverNoAccount(t *testing.T) {
	const ours, theirs = "https://accounts.google.com", "https://login.evil.example"
	r := serve(t, func(dir string) string { return issuedBy(pinned(dir), ours) })
	reload := func(issuer string) {
		t.Helper()
		text := pinned(r.dir)
		if issuer != "" {
			text = issuedBy(text, issuer)
		}
		r.put(text)
		must(t, r.server.ReloadForced(t.Context(), true))
	}
	says := func(name string, req *hookv1.ExtendPayloadRequest, want string) {
		t.Helper()
		if got := r.says(req); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	says("she signs in", comes("1", "mum@gmail.com", atToken), "in")
	reload(theirs)
	for _, stage := range []hookv1.Stage{atLogin, atToken} {
		says("who has her id and her address at the other provider", comes("1", "mum@gmail.com", stage), movedSays)
		says("who has another id there", comes("666", "mum@gmail.com", stage), movedSays)
	}
	says("who has an account of their own", comes("7", "dad22@gmail.com", atToken), "in")
	reload("")
	says("she, while no provider is named any more", comes("1", "mum@gmail.com", atToken), movedSays)
	reload(ours)
	says("she, with her own provider again", comes("1", "mum@gmail.com", atToken), "in")
	says("who came while there was another one", comes("7", "dad22@gmail.com", atToken), movedSays)
	reload(theirs)
	if _, err := r.links().ResetLinks(t.Context(), &adminv1.ResetLinksRequest{ConnectorId: "google"}); err != nil {
		t.Fatal(err)
	}
	says("she, after a reset", comes("100", "mum@gmail.com", atToken), "in")
	list, err := r.links().ListLinks(t.Context(), &adminv1.ListLinksRequest{})
	if err != nil || len(list.GetLinks()) != 1 || list.GetLinks()[0].GetIssuer() != theirs {
		t.Errorf("%v %v", list, err)
	}
	nothingPersonal(t, r.log.String())
}

func TestLinksFromBeforeAProviderWasNamedAreAdopted(t *testing.T) {
	r := serve(t, pinned)
	if got := r.says(comes("1", "mum@gmail.com", atToken)); got != "in" {
		t.Fatal(got)
	}
	adopt := func(connector string) (int32, string) {
		reply, err := r.links().AdoptLinks(t.Context(), &adminv1.AdoptLinksRequest{ConnectorId: connector})
		if err != nil {
			return 0, err.Error()
		}
		return reply.GetLinks(), ""
	}
	if n, err := adopt("google"); n != 0 || err != `the configuration names no provider for the connector "google": write its issuer under connectors` {
		t.Errorf("%d %s", n, err)
	}
	if n, err := adopt(""); n != 0 || err != "say whose links: by connector" {
		t.Errorf("%d %s", n, err)
	}
	r.put(issuedBy(pinned(r.dir), "https://accounts.google.com"))
	var lockedOut *sidecar.LockedOut
	if err := r.server.Reload(t.Context(), false); !errors.As(err, &lockedOut) || lockedOut.Refused != 1 {
		t.Errorf("a configuration that keeps everybody out: %v", err)
	}
	must(t, r.server.ReloadForced(t.Context(), true))
	if got := r.says(comes("1", "mum@gmail.com", atToken)); got != movedSays {
		t.Errorf("before: %q", got)
	}
	if n, err := adopt("google"); n != 1 || err != "" {
		t.Errorf("%d %s", n, err)
	}
	if got := r.says(comes("1", "mum@gmail.com", atToken)); got != "in" {
		t.Errorf("after: %q", got)
	}
}
