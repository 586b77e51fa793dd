package sidecar_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

func TestARecordOutlivesTheProcess(t *testing.T) {
	first := serve(t, recording)
	id := first.decide(signIn("mum@gmail.com"))
	first.end()
	<-first.done
	again := serveFile(t, first.dir, filepath.Join(first.dir, "c.yaml"))
	reply, err := again.admin().Explain(t.Context(), &adminv1.ExplainRequest{DecisionId: id})
	if err != nil {
		t.Fatal(err)
	}
	if reply.GetDecision() != nil || !strings.Contains(string(reply.GetExplanation()), "mum@gmail.com") {
		t.Errorf("%v", reply)
	}
	files, err := filepath.Glob(first.dir + "/state/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "mum") {
			t.Errorf("%s can be read", name)
		}
	}
}

func TestATestIsMadeOfARecordedRequest(t *testing.T) {
	r := serve(t, recording)
	admin := r.admin()
	tests := []struct {
		name string
		req  *hookv1.ExtendPayloadRequest
		want string
	}{
		{
			name: "a patch",
			req: with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) {
				r.Identity.PreferredUsername, r.Identity.Groups, r.Scopes = "Mum", []string{"users", "book club"}, []string{"openid", "groups"}
			}),
			want: `  - name: "from decision ID"
    given:
      client: "synology"
      connector: "google"
      identity: {email: "person1@gmail.com", emailVerified: true, groups: ["group1", "group2"], preferredUsername: "Person1", userId: "subject1", username: "Person2"}
      scopes: ["openid", "groups"]
      grant: "authorization_code"
      stage: token
      facts:
        nas: {found: true, groups: ["group1"], name: "person1", uid: 1003}
    want: {claimsExact: {groups: ["group1"], username: "person1"}}
`,
		},
		{
			name: "a refusal",
			req: with(signIn("nobody@gmail.com"), func(r *hookv1.ExtendPayloadRequest) {
				r.Stage, r.GrantType = hookv1.Stage_STAGE_LOGIN, ""
			}),
			want: `  - name: "from decision ID"
    given:
      client: "synology"
      connector: "google"
      identity: {email: "person1@gmail.com", emailVerified: true, userId: "subject1", username: "Person2"}
      scopes: ["openid"]
      stage: login
      facts:
        nas: {found: false, problem: "none"}
    want: {denied: "No account has the address person1@gmail.com."}
`,
		},
		{
			name: "a failure", req: signIn("broken@gmail.com"),
			want: `  - name: "from decision ID"
    given:
      client: "synology"
      connector: "google"
      identity: {email: "person1@gmail.com", emailVerified: true, userId: "subject1", username: "Person2"}
      scopes: ["openid"]
      grant: "authorization_code"
      stage: token
      facts:
        nas: {failed: true}
    want: {failed: true}
`,
		},
	}
	cases := ""
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			id := r.decide(test.req)
			reply, err := admin.MakeTest(t.Context(), &adminv1.MakeTestRequest{DecisionId: id})
			if err != nil {
				t.Fatal(err)
			}
			cases += reply.GetYaml()
			if diff := cmp.Diff(test.want, strings.ReplaceAll(reply.GetYaml(), id, "ID")); diff != "" || reply.GetNote() != "" {
				t.Errorf("%s, -want +got:\n%s", reply.GetNote(), diff)
			}
		})
	}
	// What is printed can be put into the file as it is.
	r.put(recording(r.dir) + "tests:\n" + cases)
	reply, err := admin.Reload(t.Context(), &adminv1.ReloadRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if reply.GetFailed() != nil || reply.GetConfiguration().GetTests() != 3 {
		t.Errorf("%v", reply)
	}
	if _, err := admin.MakeTest(t.Context(), &adminv1.MakeTestRequest{DecisionId: "0000-0000"}); err == nil || err.Error() != "no request 0000-0000: The record does not have this request." {
		t.Errorf("%v", err)
	}
}

func TestForget(t *testing.T) {
	tests := []struct{ name, person string }{
		{"by address", "MUM@gmail.com"},
		{"by user id", "108a"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := serve(t, recording)
			mum := r.decide(signIn("mum@gmail.com"))
			dad := r.decide(with(signIn("dad@gmail.com"), func(r *hookv1.ExtendPayloadRequest) { r.Identity.UserId = "2" }))
			reply, err := r.admin().Forget(t.Context(), &adminv1.ForgetRequest{Person: test.person})
			if err != nil {
				t.Fatal(err)
			}
			want := &adminv1.ForgetResponse{Requests: 1, Remembered: 1, Answers: 1, Erased: true}
			if diff := cmp.Diff(want, reply, protocmp.Transform()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if e, _ := r.explained(mum); e != nil {
				t.Errorf("still there: %+v", e)
			}
			if e, _ := r.explained(dad); e == nil {
				t.Error("somebody else was forgotten too")
			}
			before := strings.Count(r.log.String(), `"source":"plugin"`)
			r.decide(with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) { r.RequestId = "r9" }))
			if after := strings.Count(r.log.String(), `"source":"plugin"`); after != before+1 {
				t.Error("the fact was still in the cache")
			}
			nothingPersonal(t, r.log.String())
		})
	}
	r := serve(t, plain)
	if _, err := r.admin().Forget(t.Context(), &adminv1.ForgetRequest{Person: " "}); err == nil || err.Error() != "nobody is named: give an address, or the user id at the connector" {
		t.Errorf("%v", err)
	}
}
