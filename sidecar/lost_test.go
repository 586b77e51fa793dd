package sidecar_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

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

	const lost = "pipeline[0].steps[0].pin: links were lost with a damaged file of state: keep those that claimsmith links list shows with " +
		"claimsmith links accept, make others with claimsmith links add, or let first sign-ins make them again with claimsmith links reset --all"
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

// What an older or a missing file lacks, nobody takes over, and the operator says what goes on.
func TestAStoreThatIsGoneOrOlderThanItWasIsNoFirstStart(t *testing.T) {
	const lost = "pipeline[0].steps[0].pin: links were lost with a damaged file of state: keep those that claimsmith links list shows with " +
		"claimsmith links accept, make others with claimsmith links add, or let first sign-ins make them again with claimsmith links reset --all"
	type people struct{ Kid, Stranger, Mum string } // the kid was linked before the copy was made, and mum after
	tests := []struct {
		name         string
		older        bool // otherwise it is gone
		accepted     people
		acceptedWhat int32
	}{
		{"gone", false, people{lost, lost, lost}, 0},
		{"older", true, people{"in", lost, lost}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := serve(t, pinned)
			file, config := filepath.Join(r.dir, "state", "state.db"), filepath.Join(r.dir, "c.yaml")
			if got := r.says(comes("3", "kid1@gmail.com", atToken)); got != "in" {
				t.Fatal(got)
			}
			r.ends()
			older, err := os.ReadFile(file)
			must(t, err)
			r = serveFile(t, r.dir, config)
			if got := r.says(comes("1", "mum@gmail.com", atToken)); got != "in" {
				t.Fatal(got)
			}
			r.ends()
			must(t, os.Remove(file))
			if test.older {
				must(t, os.WriteFile(file, older, 0o600))
			}

			r = serveFile(t, r.dir, config)
			r.log.wait(t, `"level":"ERROR","msg":"links between people and accounts were lost with a damaged file: nobody is linked at a first sign-in"`)
			come := func() people {
				return people{r.failure(comes("3", "kid1@gmail.com", atToken)), r.failure(comes("666", "mum@gmail.com", atToken)), r.failure(comes("1", "mum@gmail.com", atToken))}
			}
			if diff := cmp.Diff(people{lost, lost, lost}, come()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if st, err := r.admin().Status(t.Context(), &adminv1.StatusRequest{}); err != nil || st.GetLinksLost() == nil {
				t.Errorf("%v %v", st, err)
			}
			accept := func(complete bool) {
				t.Helper()
				reply, err := r.links().AcceptLinks(t.Context(), &adminv1.AcceptLinksRequest{Complete: complete})
				if diff := cmp.Diff(&adminv1.AcceptLinksResponse{Links: test.acceptedWhat}, reply, protocmp.Transform()); diff != "" || err != nil {
					t.Errorf("%v, -want +got:\n%s", err, diff)
				}
			}
			accept(false)
			if diff := cmp.Diff(test.accepted, come()); diff != "" {
				t.Errorf("accepted, -want +got:\n%s", diff)
			}
			accept(true)
			if got := r.says(comes("1", "mum@gmail.com", atToken)); got != "in" {
				t.Errorf("accepted as complete: %q", got)
			}
			if diff := cmp.Diff(people{"in", takenSays, "in"}, come()); diff != "" {
				t.Errorf("accepted as complete, -want +got:\n%s", diff)
			}
			nothingPersonal(t, r.log.String())
			r.ends()
		})
	}
}

// A link that nothing outside of the store remembers is not made, unless the operator says that it may be.
func TestWithoutAPlaceForItsAnchorNobodyIsLinked(t *testing.T) {
	r := serve(t, func(dir string) string {
		return strings.Replace(pinned(dir), "keyFile: "+dir+"/key", "keyFile: "+dir+"/key, anchorFile: "+dir+"/not/there/anchor", 1)
	})
	r.log.wait(t, `"level":"ERROR","msg":"nobody is linked to an account, because the file that tells a lost or older store cannot be written"`)
	if got := r.failure(comes("1", "mum@gmail.com", atToken)); !strings.HasPrefix(got, "pipeline[0].steps[0].pin: write links: write the anchor: ") {
		t.Error(got)
	}
	if got := r.linked(); got != nil {
		t.Errorf("%v", got)
	}
	r.ends()
	file := filepath.Join(r.dir, "c.yaml")
	text, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, []byte(strings.Replace(string(text), r.dir+"/not/there/anchor", "off", 1)), 0o600))
	r = serveFile(t, r.dir, file)
	if got := r.failure(comes("1", "mum@gmail.com", atToken)); got != "in" {
		t.Error(got)
	}
	if !strings.Contains(r.log.String(), "whoever puts back an older store, or takes it away, can have another person's account") {
		t.Error("nothing warns")
	}
}
