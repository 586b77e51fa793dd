package dexpatch_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/claimsmith/claimsmith/dexpatch/dextest"
)

// TestTheHookCountsOnDexsRegistry: what Dex's own telemetry serves has the hook's counters, and all of them from the start.
func TestTheHookCountsOnDexsRegistry(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	telemetry := l.Addr().String()
	l.Close() // it was free a moment ago
	sidecar := serve(t)
	dex := dextest.Start(t, dextest.Options{Config: fmt.Sprintf(
		"%stelemetry: {http: %q}\nsigner: {type: claimsHook, config: {address: %q, timeout: 2s, signUnchanged: [free]}}\n", twoClients, telemetry, "unix://"+sidecar.socket)})
	for _, answer := range []answerFunc{dsmName, dsmName, refuse, fail, says("sub", `"x"`)} {
		sidecar.set(answer)
		clientToken(t, dex, "free")
	}
	sidecar.down()
	clientToken(t, dex, "free")

	resp, err := http.Get("http://" + telemetry + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile(`(?m)^dex_claims_hook_(?:calls_total|signed_unchanged_total|call_duration_seconds_count).*$`).FindAllString(string(page), -1)
	want := []string{
		`dex_claims_hook_call_duration_seconds_count{stage="login"} 0`, `dex_claims_hook_call_duration_seconds_count{stage="token"} 6`,
		`dex_claims_hook_calls_total{outcome="answered",stage="login"} 0`, `dex_claims_hook_calls_total{outcome="answered",stage="token"} 3`,
		`dex_claims_hook_calls_total{outcome="failed",stage="login"} 0`, `dex_claims_hook_calls_total{outcome="failed",stage="token"} 2`,
		`dex_claims_hook_calls_total{outcome="refused",stage="login"} 0`, `dex_claims_hook_calls_total{outcome="refused",stage="token"} 1`,
		`dex_claims_hook_calls_total{outcome="unusable",stage="login"} 0`, `dex_claims_hook_calls_total{outcome="unusable",stage="token"} 1`,
		`dex_claims_hook_signed_unchanged_total 1`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}
