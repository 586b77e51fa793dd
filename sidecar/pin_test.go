package sidecar_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// pinned is the household with links between people and accounts.
func pinned(dir string) string {
	return strings.Replace(recording(dir), "        cache: {ttl: 1h}\n",
		"        cache: {ttl: 1h}\n        pin: {subject: identity.userId, account: nas.name, id: nas.uid}\n", 1)
}

func (r *running) links() adminv1.LinkServiceClient {
	return adminv1.NewLinkServiceClient(r.operator())
}

// linked are the links as text.
func (r *running) linked() (out []string) {
	r.t.Helper()
	list, err := r.links().ListLinks(r.t.Context(), &adminv1.ListLinksRequest{})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, l := range list.GetLinks() {
		out = append(out, fmt.Sprintf("%s %s %s %s %s %v", l.GetConnectorId(), l.GetUserId(), l.GetPlugin(), l.GetAccount(), l.GetAccountId(), l.GetExplicit()))
	}
	return out
}

// comes is somebody who signs in, or who is at the login.
func comes(user, email string, stage hookv1.Stage) *hookv1.ExtendPayloadRequest {
	return with(signIn(email), func(r *hookv1.ExtendPayloadRequest) {
		r.Identity.UserId, r.Stage, r.RequestId = user, stage, fmt.Sprint("r", user, "-", len(email))
		if stage == hookv1.Stage_STAGE_LOGIN {
			r.GrantType = ""
		}
	})
}

// says is what somebody is told: "in", or the refusal with its place.
func (r *running) says(req *hookv1.ExtendPayloadRequest) string {
	r.t.Helper()
	reply, err := r.client().ExtendPayload(r.t.Context(), req)
	if err != nil {
		r.t.Fatal(err)
	}
	if d := reply.GetDenial(); d != nil {
		return filepath.Base(d.GetRule()) + " " + strings.TrimSuffix(d.GetMessage(), " Ask the person who looks after the accounts.")
	}
	return "in"
}

const (
	atLogin = hookv1.Stage_STAGE_LOGIN
	atToken = hookv1.Stage_STAGE_TOKEN

	takenSays   = "c.yaml:12 Your sign-in, or the account that it leads to, is linked to another one."
	changedSays = "c.yaml:12 The account that your sign-in is linked to was renamed or made again."
	movedSays   = "c.yaml:12 Your account is not linked with the provider that stands behind this sign-in."
	adminSays   = "c.yaml:12 An administrator's account is open only to whom it was linked by hand."
)

func TestPeopleAreLinkedToTheirAccounts(t *testing.T) {
	r := serve(t, pinned)
	steps := []struct {
		name string
		req  *hookv1.ExtendPayloadRequest
		want string
		then []string
	}{
		{"a login links nobody", comes("1", "mum@gmail.com", atLogin), "in", nil},
		{"a token does", comes("1", "mum@gmail.com", atToken), "in", []string{"google 1 nas mum 1003 false"}},
		{"the same again", comes("1", "mum@gmail.com", atToken), "in", []string{"google 1 nas mum 1003 false"}},
		{"another person with her address, at the login", comes("2", "mum@gmail.com", atLogin), takenSays, []string{"google 1 nas mum 1003 false"}},
		{"and at the token", comes("2", "mum@gmail.com", atToken), takenSays, []string{"google 1 nas mum 1003 false"}},
		{"she with another account", comes("1", "kid1@gmail.com", atToken), takenSays, []string{"google 1 nas mum 1003 false"}},
		{"her account, made again", comes("1", "mum-again@gmail.com", atToken), changedSays, []string{"google 1 nas mum 1003 false"}},
		{"an administrator who comes first", comes("3", "root@gmail.com", atToken), adminSays, []string{"google 1 nas mum 1003 false"}},
		{"whom a rule refuses is not linked", comes("4", "nobody@gmail.com", atToken), "c.yaml:13 No account has the address nobody@gmail.com.", []string{"google 1 nas mum 1003 false"}},
		{"another client links nobody", with(comes("5", "dad22@gmail.com", atToken), func(r *hookv1.ExtendPayloadRequest) {
			r.ClientId, r.Audience = "wiki", []string{"wiki"}
		}), "in", []string{"google 1 nas mum 1003 false"}},
	}
	for _, step := range steps {
		if got := r.says(step.req); got != step.want {
			t.Errorf("%s: got %q, want %q", step.name, got, step.want)
		}
		if diff := cmp.Diff(step.then, r.linked()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", step.name, diff)
		}
	}
	nothingPersonal(t, r.log.String())
	if n := strings.Count(r.log.String(), "a person was linked to an account"); n != 1 {
		t.Errorf("%d links in the log", n)
	}
	r.end()
	<-r.done
	again := serveFile(t, r.dir, filepath.Join(r.dir, "c.yaml"))
	if got := again.says(comes("2", "mum@gmail.com", atToken)); got != takenSays {
		t.Errorf("after a new start: %q", got)
	}
}

// TestAConnectorInAnotherCaseIsAnother: Dex compares ids with their case, so that somebody else may stand behind one that looks the same.
func TestAConnectorInAnotherCaseIsAnother(t *testing.T) {
	r := serve(t, func(dir string) string {
		return strings.NewReplacer("{google:", "{kit:", "      - lookup", "      - {deny: identity.email == '', message: No address.}\n      - lookup").Replace(pinned(dir))
	})
	from := func(connector string) *hookv1.ExtendPayloadRequest {
		return with(comes("1", "mum@gmail.com", atToken), func(r *hookv1.ExtendPayloadRequest) { r.ConnectorId = connector })
	}
	if got := r.says(from("kit")); got != "in" {
		t.Fatalf("kit: %s", got)
	}
	for _, connector := range []string{"Kit", "KIT", "\u212ait", "kit ", "kit\x00"} {
		if got, want := r.says(from(connector)), "c.yaml:9 No address."; got != want {
			t.Errorf("%q gets %q, not %q", connector, got, want)
		}
	}
	if diff := cmp.Diff([]string{"kit 1 nas mum 1003 false"}, r.linked()); diff != "" {
		t.Errorf("links: -want +got:\n%s", diff)
	}
}

func TestLinksAreMadeAndResetByHand(t *testing.T) {
	r := serve(t, pinned)
	links := r.links()
	add := func(user, account, id string) error {
		_, err := links.AddLink(t.Context(), &adminv1.AddLinkRequest{Link: &adminv1.Link{ConnectorId: "google", UserId: user, Plugin: "nas", Account: account, AccountId: id}})
		return err
	}
	must(t, add("3", "root", "1004"))
	if got := r.says(comes("3", "root@gmail.com", atToken)); got != "in" {
		t.Errorf("an administrator by hand: %q", got)
	}
	if got := r.says(comes("1", "mum@gmail.com", atToken)); got != "in" {
		t.Error(got)
	}
	if err := add("2", "mum", "1003"); err == nil || err.Error() != "the person or the account is linked to another: see claimsmith links list, and reset that link first" {
		t.Errorf("%v", err)
	}
	if err := add("", "mum", ""); err == nil || err.Error() != "a link needs a user" {
		t.Errorf("%v", err)
	}
	reply, err := links.ResetLinks(t.Context(), &adminv1.ResetLinksRequest{Account: "mum", Plugin: "nas"})
	must(t, err)
	if diff := cmp.Diff(&adminv1.ResetLinksResponse{Links: 1}, reply, protocmp.Transform()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := r.says(comes("2", "mum@gmail.com", atToken)); got != "in" {
		t.Errorf("after the reset: %q", got)
	}
	if _, err := links.ResetLinks(t.Context(), &adminv1.ResetLinksRequest{}); err == nil || err.Error() != "say which links: by plugin, connector, user or account; or all" {
		t.Errorf("%v", err)
	}
	forgotten, err := r.admin().Forget(t.Context(), &adminv1.ForgetRequest{Person: "2"})
	if err != nil || forgotten.GetLinks() != 1 {
		t.Errorf("%v %v", forgotten, err)
	}
	if diff := cmp.Diff([]string{"google 3 nas root 1004 true"}, r.linked()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	nothingPersonal(t, r.log.String())
}

func TestOfTwoWhoComeTogetherOneIsLinked(t *testing.T) {
	r := serve(t, pinned)
	client := r.client()
	var mu sync.Mutex
	var all sync.WaitGroup
	got := map[string]int{}
	for i := range 16 {
		all.Go(func() {
			reply, err := client.ExtendPayload(t.Context(), comes(fmt.Sprint("user", i%2), "mum@gmail.com", atToken))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			got[fmt.Sprintf("%d %v", i%2, reply.GetDenial() == nil)]++
		})
	}
	all.Wait()
	if len(got) != 2 || got["0 true"]+got["1 true"] != 8 || len(r.linked()) != 1 {
		t.Errorf("%v %v", got, r.linked())
	}
}

func TestWithoutItsStoreAPinLetsNobodyIn(t *testing.T) {
	r := serve(t, func(dir string) string {
		text := pinned(dir)
		must(t, os.WriteFile(filepath.Join(dir, "dsn"), []byte("postgres://claimsmith@/claimsmith?host="+dir), 0o600))
		return strings.Replace(text, "file: "+dir+"/state/state.db", "postgresFile: "+dir+"/dsn", 1)
	})
	for _, stage := range []hookv1.Stage{atLogin, atToken} {
		_, err := r.client().ExtendPayload(t.Context(), comes("1", "mum@gmail.com", stage))
		if status.Code(err) != codes.Unavailable || !strings.HasPrefix(status.Convert(err).Message(), "pipeline[0].steps[0].pin: read links: open the store of state: ") {
			t.Errorf("%v: %v", stage, err)
		}
	}
}

func TestAPinThatCameWithAReloadWaitsForItsStore(t *testing.T) {
	r := serve(t, household)
	if got := r.says(comes("1", "mum@gmail.com", atToken)); got != "in" {
		t.Error(got)
	}
	r.put(pinned(r.dir))
	if err := r.server.ReloadForced(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	_, err := r.client().ExtendPayload(t.Context(), comes("1", "mum@gmail.com", atToken))
	if want := "pipeline[0].steps[0].pin: links can be neither read nor made: state takes effect with the next start"; status.Convert(err).Message() != want {
		t.Errorf("%v", err)
	}
	if _, err := r.links().ListLinks(t.Context(), &adminv1.ListLinksRequest{}); err == nil || err.Error() != "links are not kept: write state in the configuration, and start the sidecar again" {
		t.Errorf("%v", err)
	}
}

// linkTests are cases that say what is known of the link.
const linkTests = `tests:
  - {name: nobody knows her yet, given: {client: synology, connector: google, identity: {userId: "1", email: a@gmail.com, emailVerified: true}, facts: {nas: {found: true, name: mum, uid: 7}}}, want: WANT}
  - {name: she is linked, given: {client: synology, connector: google, identity: {userId: "1", email: a@gmail.com, emailVerified: true}, links: {nas: explicit}, facts: {nas: {found: true, name: mum, uid: 7, admin: true}}}, want: {claims: {username: mum}}}
  - {name: another has the account, given: {client: synology, connector: google, identity: {userId: "1", email: a@gmail.com, emailVerified: true}, links: {nas: other}, facts: {nas: {found: true, name: mum, uid: 7}}}, want: {denied: "Your sign-in, or the account that it leads to, is linked to another one. Ask the person who looks after the accounts."}}
`

func TestTestsAndExplanationsKnowLinksAndMakeNone(t *testing.T) {
	tests := []struct{ name, links, want string }{
		{"first-come", "", "{claims: {username: mum}}"},
		{"required", ", links: required", `{denied: "Nobody has linked your sign-in to an account yet. Ask the person who looks after the accounts."}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := shortDir(t)
			text := strings.Replace(pinned(dir), "nas.uid}", "nas.uid"+test.links+"}", 1) + strings.Replace(linkTests, "WANT", test.want, 1)
			file := written(t, dir, text)
			report, err := replay.Test(t.Context(), file, program(t, newLogBuffer()))
			if err != nil || report.Failed() > 0 {
				t.Fatalf("%+v %v", report, err)
			}
			e, err := replay.Explain(t.Context(), file, program(t, newLogBuffer()), replay.Request{
				Client: "synology", Connector: "google", Identity: replay.RequestIdentity{UserID: "1", Email: "a@gmail.com", EmailVerified: true},
				Facts: map[string]json.RawMessage{"nas": json.RawMessage(`{"found":true,"name":"mum","uid":7}`)}, Links: map[string]string{"nas": "changed"},
			})
			if err != nil || e.Outcome != "denied" || e.Steps[1].Note != "link: changed, refused" {
				t.Errorf("%+v %v", e, err)
			}
			e, err = replay.Explain(t.Context(), file, program(t, newLogBuffer()), replay.Request{
				Client: "synology", Connector: "google", Identity: replay.RequestIdentity{UserID: "1", Email: "a@gmail.com", EmailVerified: true},
				Facts: map[string]json.RawMessage{"nas": json.RawMessage(`{"found":true,"name":"mum","uid":7}`)},
			})
			if err != nil || !strings.HasPrefix(e.Steps[1].Note, "link: not looked at, so taken for none") {
				t.Errorf("%+v %v", e, err)
			}
			if _, err := os.Stat(filepath.Join(dir, "state")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a store was made: %v", err)
			}
		})
	}
}

func TestARecordedDecisionKnowsItsLink(t *testing.T) {
	r := serve(t, pinned)
	if got := r.says(comes("1", "mum@gmail.com", atToken)); got != "in" {
		t.Error(got)
	}
	id := r.decide(comes("2", "mum@gmail.com", atToken))
	e, note := r.explained(id)
	if e == nil || e.Outcome != "denied" || note != "" {
		t.Errorf("%+v %q", e, note)
	}
	reply, err := r.admin().MakeTest(t.Context(), &adminv1.MakeTestRequest{DecisionId: id})
	if err != nil || !strings.Contains(reply.GetYaml(), "      links: {nas: \"other\"}\n") || reply.GetNote() != "" {
		t.Errorf("%v %v", reply, err)
	}
}

func TestPinsThatCannotBeUsed(t *testing.T) {
	dir := shortDir(t)
	text := strings.NewReplacer("subject: identity.userId, account: nas.name, id: nas.uid", "subject: identity.unverifiedEmail, account: nas.groups").Replace(pinned(dir))
	problems, err := replay.Check(t.Context(), written(t, dir, text), program(t, newLogBuffer()))
	must(t, err)
	var got strings.Builder
	for _, p := range problems.List {
		got.WriteString(strings.ReplaceAll(p.String(), dir+"/", "") + "\n")
	}
	const want = `c.yaml:12:14: warning: pipeline[0].steps[0].pin: an account that is deleted and made again under its name is taken for the old one
c.yaml:12:33: pipeline[0].steps[0].pin.subject: this links by identity.unverifiedEmail, an address that nobody verified
c.yaml:12:59: pipeline[0].steps[0].pin.account: the parameter must be a string, not a list of strings
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Where only the operator makes links, a store that is gone gives nothing away, whatever else remembers it.
func TestLinksByTheOperatorsHandAlone(t *testing.T) {
	const nobody = "c.yaml:12 Nobody has linked your sign-in to an account yet."
	r := serve(t, func(dir string) string {
		return strings.NewReplacer("nas.uid}", "nas.uid, links: required}", "keyFile: "+dir+"/key", "keyFile: "+dir+"/key, anchorFile: off").Replace(pinned(dir))
	})
	come := func() [2]string {
		return [2]string{r.says(comes("666", "mum@gmail.com", atToken)), r.says(comes("1", "mum@gmail.com", atToken))}
	}
	if diff := cmp.Diff([2]string{nobody, nobody}, come()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	_, err := r.links().AddLink(t.Context(), &adminv1.AddLinkRequest{Link: &adminv1.Link{ConnectorId: "google", UserId: "1", Plugin: "nas", Account: "mum", AccountId: "1003"}})
	must(t, err)
	if diff := cmp.Diff([2]string{takenSays, "in"}, come()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	r.ends()
	must(t, os.RemoveAll(filepath.Join(r.dir, "state")))
	r = serveFile(t, r.dir, filepath.Join(r.dir, "c.yaml"))
	if diff := cmp.Diff([2]string{nobody, nobody}, come()); diff != "" {
		t.Errorf("where the store is gone, -want +got:\n%s", diff)
	}
}
