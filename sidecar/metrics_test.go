package sidecar_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// scrape returns the lines of the metrics that begin with claimsmith.
func (r *running) scrape() string {
	r.t.Helper()
	var line struct{ Address string }
	if err := json.Unmarshal([]byte(r.log.wait(r.t, `"msg":"serving metrics"`)), &line); err != nil {
		r.t.Fatal(err)
	}
	response, err := http.Get("http://" + line.Address + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var ours strings.Builder
	for l := range strings.Lines(string(all)) {
		if strings.Contains(l, "claimsmith_") {
			ours.WriteString(l)
		}
	}
	return ours.String()
}

func TestTheNamesOfTheMetricsAreThoseOfPrometheus(t *testing.T) {
	r := serve(t, newAuthority(t).networked(freePort(t)))
	problems, err := promlint.New(strings.NewReader(r.scrape())).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// What a record did not take is counted where there is one.
func TestMetricsOfARecord(t *testing.T) {
	r := serve(t, func(dir string) string {
		must(t, os.WriteFile(filepath.Join(dir, "key"), []byte(strings.Repeat("5c", 32)), 0o600))
		return recorded(dir) + "metrics: {address: \"127.0.0.1:0\"}\n"
	})
	if got, want := r.scrape(), "claimsmith_record_dropped_total 0"; !strings.Contains(got, want) {
		t.Errorf("the metrics lack %s:\n%s", want, got)
	}
}

func TestMetrics(t *testing.T) {
	r := serve(t, func(dir string) string { return household(dir) + "metrics: {address: \"127.0.0.1:0\"}\n" })
	for _, who := range []string{"mum@gmail.com", "mum@gmail.com", "nobody@gmail.com", "broken@gmail.com"} {
		// What becomes of each is counted, and judged elsewhere.
		_, _ = r.client().ExtendPayload(t.Context(), signIn(who))
	}
	r.put(household(r.dir) + "  - {set: {x: nas.nmae}}\n")
	r.log.wait(t, "configuration not reloaded")
	got := r.scrape()
	for _, want := range []string{
		`claimsmith_decisions_total{outcome="patched",stage="token"} 2`,
		`claimsmith_decisions_total{outcome="denied",stage="token"} 1`,
		`claimsmith_decisions_total{outcome="failed",stage="token"} 1`,
		`claimsmith_decisions_total{outcome="patched",stage="login"} 0`,
		`claimsmith_decision_seconds_count 4`,
		`claimsmith_reloads_total{result="refused"} 1`,
		`claimsmith_reloads_total{result="taken"} 0`,
		`claimsmith_plugin_up{plugin="nas"} 1`,
		`claimsmith_plugin_failing{plugin="nas"} 1`,
		`claimsmith_plugin_crashes_total{plugin="nas"} 0`,
		`claimsmith_plugin_failures_total{plugin="nas"} 1`,
		`claimsmith_facts_loaded_total{plugin="nas"} 0`,
		`claimsmith_facts_unloaded_total{plugin="nas"} 0`,
		`claimsmith_facts_unsaved_total{plugin="nas"} 0`,
		`claimsmith_configuration_info{digest="`,
		`claimsmith_configuration_loaded_timestamp_seconds `,
		`claimsmith_build_info{goversion="` + runtime.Version() + `",version="test"} 1`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
	if strings.Contains(got, "gmail") {
		t.Errorf("the metrics hold an address:\n%s", got)
	}
}
