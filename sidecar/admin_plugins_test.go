package sidecar_test

import (
	"strings"
	"testing"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
)

func TestTheOperatorSeesAndRestartsPlugins(t *testing.T) {
	r := serve(t, household)
	client := r.plugins()
	r.decide(signIn("mum@gmail.com"))
	list, err := client.ListPlugins(t.Context(), &adminv1.ListPluginsRequest{})
	must(t, err)
	if len(list.GetPlugins()) != 1 {
		t.Fatalf("plugins: %v", list)
	}
	before := list.GetPlugins()[0]
	c := before.GetCounters()
	if before.GetState() != "running" || before.GetBreaker() != "closed" || c.GetMisses() != 1 || c.GetCalls() != 1 || c.GetUnanswered() != 0 ||
		!strings.Contains(before.GetConfinement(), "256 descriptors") {
		t.Errorf("got %v", before)
	}
	reply, err := client.RestartPlugin(t.Context(), &adminv1.RestartPluginRequest{Name: before.GetName()})
	must(t, err)
	if reply.GetFailed() != "" || reply.GetPlugin().GetPid() == before.GetPid() || reply.GetPlugin().GetCrashes() != 0 {
		t.Errorf("got %v", reply)
	}
	_, err = client.RestartPlugin(t.Context(), &adminv1.RestartPluginRequest{Name: "nobody"})
	if want := `no plugin is called "nobody"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
