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

// TestTheFactsOfOnePersonAreReadAgain: what is cached of a person is seen and dropped, and their link stays.
func TestTheFactsOfOnePersonAreReadAgain(t *testing.T) {
	r := serve(t, household)
	peek := func() (known, fresh bool) {
		got, err := r.plugins().PeekFacts(t.Context(), &adminv1.PeekFactsRequest{Lookup: "nas", ConnectorId: "google", Params: []byte(`{"email":"mum@gmail.com"}`)})
		must(t, err)
		return got.GetKnown() && got.GetFound(), got.GetFreshFor() != nil
	}
	refresh := func(plugin, person string) (int32, error) {
		got, err := r.plugins().RefreshFacts(t.Context(), &adminv1.RefreshFactsRequest{Plugin: plugin, Person: person})
		return got.GetAnswers(), err
	}
	if known, _ := peek(); known {
		t.Error("nothing was asked yet")
	}
	r.decide(signIn("mum@gmail.com"))
	if known, fresh := peek(); !known || !fresh {
		t.Errorf("known %v, fresh %v", known, fresh)
	}
	for _, tt := range []struct {
		plugin, person string
		want           int32
		err            string
	}{
		{"nas", "dad@gmail.com", 0, ""}, {"nas", " ", 0, "nobody is named: give an address, or the user id at the connector"},
		{"other", "mum@gmail.com", 0, `no plugin is called "other"`}, {"nas", "MUM@gmail.com", 1, ""}, {"", "mum@gmail.com", 0, ""},
	} {
		n, err := refresh(tt.plugin, tt.person)
		if n != tt.want || tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
			t.Errorf("%q of %q: %d, %v", tt.person, tt.plugin, n, err)
		}
	}
	if known, _ := peek(); known {
		t.Error("it is still known")
	}
	if _, err := r.plugins().PeekFacts(t.Context(), &adminv1.PeekFactsRequest{Lookup: "other"}); err == nil || err.Error() != `no lookup is called "other"` {
		t.Errorf("got %v", err)
	}
	nothingPersonal(t, r.log.String())
}
