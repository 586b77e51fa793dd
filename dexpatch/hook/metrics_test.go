package claimshook_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
)

func TestMetrics(t *testing.T) {
	s := serve(t, always(patches(nil, set("username", `"mum"`))))
	var c claimshook.Config
	if err := json.Unmarshal(fmt.Appendf(nil, `{"address": "unix://%s", "timeout": "2s", "signUnchanged": ["nas"]}`, s.socket), &c); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	h, err := claimshook.New(c, claimshook.Options{RequestIDKey: requestKey{}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	sign := func(id string) {
		_, _ = h.Extend(exchangeContext(t, id, ""), []byte(payload), token())
	}
	sign("r1")
	s.answer = always(denial("No.", "r"))
	sign("r2")
	s.answer = always(patches(nil, set("sub", `"x"`)))
	sign("r3")
	s.server.Stop()
	sign("r4")

	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			text := f.GetName()
			for _, l := range m.GetLabel() {
				text += " " + l.GetValue()
			}
			switch {
			case m.GetCounter() != nil:
				text += fmt.Sprintf(" %v", m.GetCounter().GetValue())
			case m.GetGauge() != nil:
				text += fmt.Sprintf(" %v", m.GetGauge().GetValue())
			case m.GetHistogram() != nil:
				text += fmt.Sprintf(" %d", m.GetHistogram().GetSampleCount())
			}
			got = append(got, text)
		}
	}
	want := []string{
		"dex_claims_hook_build_info 1 1",
		"dex_claims_hook_call_duration_seconds login 0", "dex_claims_hook_call_duration_seconds token 4",
		"dex_claims_hook_calls_total answered login 0", "dex_claims_hook_calls_total answered token 2",
		"dex_claims_hook_calls_total failed login 0", "dex_claims_hook_calls_total failed token 1",
		"dex_claims_hook_calls_total refused login 0", "dex_claims_hook_calls_total refused token 1",
		"dex_claims_hook_calls_total unusable login 0", "dex_claims_hook_calls_total unusable token 1",
		"dex_claims_hook_endpoints connecting 1", "dex_claims_hook_endpoints draining 0", "dex_claims_hook_endpoints idle 0",
		"dex_claims_hook_endpoints serving 0", "dex_claims_hook_endpoints silent 0",
		"dex_claims_hook_signed_unchanged_total 1",
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if _, err := claimshook.New(c, claimshook.Options{Logger: slog.New(slog.DiscardHandler), Registry: registry}); err == nil {
		t.Error("metrics that are there already were registered again")
	}
}
