package sidecar_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/testing/protocmp"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

var timing = regexp.MustCompile(`(at|took|time|age):\s*\{[^}]*\}`)

func TestADecisionWithoutValues(t *testing.T) {
	r := serve(t, household)
	tests := []struct {
		name string
		req  *hookv1.ExtendPayloadRequest
		want string
	}{
		{
			name: "a patch", req: signIn("mum@gmail.com"),
			want: `request_id: "r1" client_id: "synology" connector_id: "google" stage: "token" grant: "authorization_code" outcome: "patched"
changes: {claim: "username" op: "set" rule: "c.yaml:13" facts: "nas.name"}
changes: {claim: "groups" op: "set" rule: "c.yaml:13" facts: "nas.groups"}
changes: {claim: "name" op: "remove" rule: "c.yaml:14"}
facts: {lookup: "nas" source: "plugin"}
steps: {place: "c.yaml:7" path: "pipeline[0]" what: "steps" ran: true}
steps: {place: "c.yaml:9" path: "pipeline[0].steps[0]" what: "lookup nas" ran: true}
steps: {place: "c.yaml:12" path: "pipeline[0].steps[1]" what: "deny" ran: true}
steps: {place: "c.yaml:13" path: "pipeline[0].steps[2]" what: "set" ran: true}
steps: {place: "c.yaml:14" path: "pipeline[0].steps[3]" what: "remove" ran: true}`,
		},
		{
			name: "a refusal ends the steps", req: with(signIn("nobody@gmail.com"), func(r *hookv1.ExtendPayloadRequest) {
				r.Stage, r.GrantType, r.RequestId = hookv1.Stage_STAGE_LOGIN, "", "r2"
			}),
			want: `request_id: "r2" client_id: "synology" connector_id: "google" stage: "login" outcome: "denied" rule: "c.yaml:12"
facts: {lookup: "nas" source: "plugin"}
steps: {place: "c.yaml:7" path: "pipeline[0]" what: "steps" ran: true}
steps: {place: "c.yaml:9" path: "pipeline[0].steps[0]" what: "lookup nas" ran: true}
steps: {place: "c.yaml:12" path: "pipeline[0].steps[1]" what: "deny" ran: true refused: true}`,
		},
		{
			name: "a failure", req: with(signIn("broken@gmail.com"), func(r *hookv1.ExtendPayloadRequest) { r.RequestId = "r3" }),
			want: `request_id: "r3" client_id: "synology" connector_id: "google" stage: "token" grant: "authorization_code" outcome: "failed" rule: "c.yaml:9"
err: "pipeline[0].steps[0]: plugin nas: lookup: unavailable: the directory says no to …"
facts: {lookup: "nas" source: "failed" err: "plugin nas: lookup: unavailable: the directory says no to …"}
steps: {place: "c.yaml:7" path: "pipeline[0]" what: "steps" ran: true}
steps: {place: "c.yaml:9" path: "pipeline[0].steps[0]" what: "lookup nas" ran: true}`,
		},
		{
			name: "a step that does not apply", req: with(signIn("mum@gmail.com"), func(r *hookv1.ExtendPayloadRequest) {
				r.ClientId, r.Audience, r.RequestId = "wiki", []string{"wiki"}, "r4"
			}),
			want: `request_id: "r4" client_id: "wiki" connector_id: "google" stage: "token" grant: "authorization_code" outcome: "unchanged"
steps: {place: "c.yaml:7" path: "pipeline[0]" what: "steps"}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			id := r.decide(test.req)
			reply, err := r.admin().Explain(t.Context(), &adminv1.ExplainRequest{DecisionId: strings.ToLower(strings.ReplaceAll(id, "-", ""))})
			if err != nil {
				t.Fatal(err)
			}
			if reply.GetExplanation() != nil || reply.GetNote() != "Values are not kept: the configuration has no record." {
				t.Errorf("%v", reply)
			}
			got := reply.GetDecision()
			if got.GetId() != id || len(got.GetDigest()) != 12 || !got.GetTook().IsValid() {
				t.Errorf("%v", got)
			}
			text := prototext.MarshalOptions{}.Format(got)
			if strings.Contains(text, "gmail") || strings.Contains(text, "108a") {
				t.Errorf("it holds values: %s", text)
			}
			got = &adminv1.Decision{}
			if err := prototext.Unmarshal([]byte(timing.ReplaceAllString(strings.ReplaceAll(text, r.dir+"/", ""), "")), got); err != nil {
				t.Fatal(err)
			}
			got.Id, got.Digest = "", ""
			want := &adminv1.Decision{}
			if err := prototext.Unmarshal([]byte(test.want), want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	list, err := r.admin().ListDecisions(t.Context(), &adminv1.ListDecisionsRequest{Outcome: "denied", ClientId: "synology"})
	if err != nil || len(list.GetDecisions()) != 1 || list.GetDecisions()[0].GetRequestId() != "r2" {
		t.Errorf("list: %v %v", list, err)
	}
	_, err = r.admin().Explain(t.Context(), &adminv1.ExplainRequest{DecisionId: "nooo-such"})
	if want := "no decision N000-SUCH: the last 1000 since the start are kept"; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func (r *running) explained(id string) (*replay.Explanation, string) {
	r.t.Helper()
	reply, err := r.admin().Explain(r.t.Context(), &adminv1.ExplainRequest{DecisionId: id})
	if err != nil {
		r.t.Fatal(err)
	}
	if reply.GetExplanation() == nil {
		return nil, reply.GetNote()
	}
	e := &replay.Explanation{}
	if err := json.Unmarshal(reply.GetExplanation(), e); err != nil {
		r.t.Fatal(err)
	}
	return e, reply.GetNote()
}

func TestARecordedDecisionIsExplainedWithItsValues(t *testing.T) {
	r := serve(t, recording)
	first := r.decide(signIn("nobody@gmail.com"))
	mum, broken := r.decide(signIn("mum@gmail.com")), r.decide(signIn("broken@gmail.com"))

	e, note := r.explained(mum)
	if note != "" || e == nil || e.Outcome != "patched" || !strings.Contains(string(e.Tokens[0].Claims), `"username":"mum"`) {
		t.Fatalf("%q, %+v", note, e)
	}
	lookup := e.Steps[1]
	if string(lookup.Asked) != `{"email":"mum@gmail.com"}` || lookup.Answer.Facts["name"] != "mum" || lookup.Answer.Source != "plugin" {
		t.Errorf("the lookup: %s %+v", lookup.Asked, lookup.Answer)
	}
	if e, note = r.explained(broken); e == nil || e.Err != "pipeline[0].steps[0]: plugin nas: lookup: unavailable: the directory says no to …" || note != "" {
		t.Errorf("%q, %+v", note, e)
	}
	if e, note = r.explained(first); e != nil || note != "The record does not have this request." {
		t.Errorf("two are kept: %q, %+v", note, e)
	}
	nothingPersonal(t, r.log.String())
}

func TestAnExplanationSaysWhatChangedSince(t *testing.T) {
	r := serve(t, recording)
	id := r.decide(signIn("mum@gmail.com"))
	before, err := r.admin().Status(t.Context(), &adminv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	r.put(strings.Replace(recording(r.dir), "not nas.found", `nas.name == "mum"`, 1))
	reply, err := r.admin().Reload(t.Context(), &adminv1.ReloadRequest{Force: true})
	if err != nil || reply.GetFailed() != nil {
		t.Fatal(reply, err)
	}
	e, note := r.explained(id)
	want := fmt.Sprintf("The configuration changed since: %s decided, and this is what %s makes of it. It came out patched then, and denied now.",
		before.GetConfiguration().GetDigest(), reply.GetConfiguration().GetDigest())
	if e == nil || e.Outcome != "denied" || note != want {
		t.Errorf("%+v\ngot  %s\nwant %s", e, note, want)
	}
}

func TestARefusalByALinkIsKnownWithoutValues(t *testing.T) {
	r := serve(t, func(dir string) string { return strings.Replace(pinned(dir), "record: {max: 2}\n", "", 1) })
	r.decide(comes("1", "mum@gmail.com", atToken))
	reply, err := r.admin().Explain(t.Context(), &adminv1.ExplainRequest{DecisionId: r.decide(comes("2", "mum@gmail.com", atToken))})
	if err != nil {
		t.Fatal(err)
	}
	got := &adminv1.Decision{}
	text := timing.ReplaceAllString(strings.ReplaceAll(prototext.MarshalOptions{}.Format(reply.GetDecision()), r.dir+"/", ""), "")
	if err := prototext.Unmarshal([]byte(text), got); err != nil {
		t.Fatal(err)
	}
	got.Id, got.Digest, got.RequestId = "", "", ""
	want := &adminv1.Decision{}
	if err := prototext.Unmarshal([]byte(`client_id: "synology" connector_id: "google" stage: "token" grant: "authorization_code" outcome: "denied" rule: "c.yaml:12"
facts: {lookup: "nas" source: "cache" link: "other"}
steps: {place: "c.yaml:7" path: "pipeline[0]" what: "steps" ran: true}
steps: {place: "c.yaml:9" path: "pipeline[0].steps[0]" what: "lookup nas" ran: true refused: true}
steps: {place: "c.yaml:13" path: "pipeline[0].steps[1]" what: "deny" ran: true}
steps: {place: "c.yaml:14" path: "pipeline[0].steps[2]" what: "set" ran: true}
steps: {place: "c.yaml:15" path: "pipeline[0].steps[3]" what: "remove" ran: true}`), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if line := r.log.wait(t, `"outcome":"denied"`); strings.Contains(line, `"claims"`) {
		t.Errorf("the log tells of claims that nobody got: %s", line)
	}
}
