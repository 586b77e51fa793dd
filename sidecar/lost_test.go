package sidecar_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// failure is the message of a sign-in that fails, or what somebody is told.
func (r *running) failure(req *hookv1.ExtendPayloadRequest) string {
	r.t.Helper()
	if _, err := r.client().ExtendPayload(r.t.Context(), req); status.Code(err) == codes.Unavailable {
		return status.Convert(err).Message()
	}
	return r.says(req)
}

// Whoever comes first after links were lost need not be who came first before.
func TestLostLinksAreNotMadeAnewByWhoeverComesFirst(t *testing.T) {
	r := serve(t, pinned)
	if got := r.says(comes("1", "mum@gmail.com", atToken)); got != "in" {
		t.Fatal(got)
	}
	r.ends()
	file := filepath.Join(r.dir, "c.yaml")
	must(t, os.WriteFile(filepath.Join(r.dir, "state", "state.db"), []byte(strings.Repeat("no database\n", 1000)), 0o600))

	const lost = "pipeline[0].steps[0].pin: links were lost with a damaged file of state: make them with claimsmith links add, " +
		"or let first sign-ins make them anew with claimsmith links reset --all"
	for range 2 { // it is not forgotten by another start
		r = serveFile(t, r.dir, file)
		r.log.wait(t, `"level":"ERROR","msg":"links between people and accounts were lost with a damaged file: nobody is linked at a first sign-in"`)
		for _, user := range []string{"2", "1"} {
			for _, stage := range []hookv1.Stage{atLogin, atToken} {
				if got := r.failure(comes(user, "mum@gmail.com", stage)); got != lost {
					t.Errorf("user %s, %v: %q", user, stage, got)
				}
			}
		}
		st, err := r.admin().Status(t.Context(), &adminv1.StatusRequest{})
		if err != nil || st.GetLinksLost() == nil {
			t.Errorf("%v %v", st, err)
		}
		r.ends()
	}

	r = serveFile(t, r.dir, file)
	_, err := r.links().AddLink(t.Context(), &adminv1.AddLinkRequest{Link: &adminv1.Link{ConnectorId: "google", UserId: "1", Plugin: "nas", Account: "mum", AccountId: "1003"}})
	must(t, err)
	for user, want := range map[string]string{"1": "in", "2": takenSays} {
		if got := r.failure(comes(user, "mum@gmail.com", atToken)); got != want {
			t.Errorf("user %s, after she was linked by hand: %q", user, got)
		}
	}
	if got := r.failure(comes("3", "kid1@gmail.com", atToken)); got != lost {
		t.Errorf("another: %q", got)
	}
	list, err := r.links().ListLinks(t.Context(), &adminv1.ListLinksRequest{})
	if err != nil || list.GetLost() == nil || len(list.GetLinks()) != 1 {
		t.Errorf("%v %v", list, err)
	}
	if _, err := r.links().ResetLinks(t.Context(), &adminv1.ResetLinksRequest{All: true}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := r.failure(comes("3", "kid1@gmail.com", atToken)); got != "in" {
			t.Errorf("after the loss was accepted: %q", got)
		}
		nothingPersonal(t, r.log.String())
		r.ends()
		r = serveFile(t, r.dir, file)
	}
	if st, err := r.admin().Status(t.Context(), &adminv1.StatusRequest{}); err != nil || st.GetLinksLost() != nil {
		t.Errorf("%v %v", st, err)
	}
}
