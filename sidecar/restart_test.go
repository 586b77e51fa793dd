package sidecar_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
)

func TestWhatAReloadCannotTakeOverIsNamed(t *testing.T) {
	r := serve(t, plain)
	changes := []struct {
		name, text string
		want       []string
	}{
		{"rules are taken over", "pipeline: [{set: {plan: '\"gold\"'}}]\n", nil},
		{"numbers", "metrics: {address: \"127.0.0.1:0\"}\n", []string{"metrics"}},
		{"another change does not hide the one before", "metrics: {address: \"127.0.0.1:0\"}\nbudget: 3s\n", []string{"metrics"}},
		{
			"all of them", strings.TrimPrefix(recording(r.dir), household(r.dir)) + "log: {level: debug}\nadmin: unix://" + r.dir +
				"/op/admin.sock\ntracing: {otlpEndpoint: \"http://127.0.0.1:4317\"}\n", []string{"log", "admin", "state", "record", "tracing"},
		},
		{"the rights of the socket", "", []string{"listen"}},
		{"as it was", "", nil},
	}
	for _, change := range changes {
		text := plain(r.dir) + change.text
		if change.name == "the rights of the socket" {
			text = "listen: {socket: " + r.socket() + ", mode: \"0600\"}\n"
		}
		r.put(text)
		reply, err := r.admin().Reload(t.Context(), &adminv1.ReloadRequest{})
		if err != nil || reply.GetFailed() != nil {
			t.Fatalf("%s: %v %v", change.name, reply, err)
		}
		st, err := r.admin().Status(t.Context(), &adminv1.StatusRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for from, got := range map[string][]string{"reload": reply.GetNeedsRestart(), "status": st.GetNeedsRestart()} {
			if diff := cmp.Diff(change.want, got); diff != "" {
				t.Errorf("%s, of %s, -want +got:\n%s", change.name, from, diff)
			}
		}
	}
	line := r.told(r.log.wait(t, "takes effect with the next start"))
	if diff := cmp.Diff(map[string]any{"level": "WARN", "msg": "what changed takes effect with the next start", "keys": []any{"metrics"}}, line); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestARecordThatCameWithAReloadIsToldOf(t *testing.T) {
	r := serve(t, household)
	ask := func() string {
		_, err := r.admin().MakeTest(t.Context(), &adminv1.MakeTestRequest{DecisionId: "7K2M-Q9XD"})
		if err == nil {
			t.Fatal("a test was made")
		}
		return err.Error()
	}
	const none = "requests are not recorded: that needs record: {} in the configuration, beside state"
	if got := ask(); got != none {
		t.Errorf("got  %s\nwant %s", got, none)
	}
	r.put(recording(r.dir))
	if _, err := r.admin().Reload(t.Context(), &adminv1.ReloadRequest{}); err != nil {
		t.Fatal(err)
	}
	const waits = "requests are not recorded yet: the record in the configuration takes effect with the next start"
	if got := ask(); got != waits {
		t.Errorf("got  %s\nwant %s", got, waits)
	}
	const yet = "Values are not kept yet: the record in the configuration takes effect with the next start."
	if _, note := r.explained(r.decide(signIn("mum@gmail.com"))); note != yet {
		t.Errorf("got  %s\nwant %s", note, yet)
	}
}
