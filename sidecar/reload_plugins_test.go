package sidecar_test

import (
	"strings"
	"testing"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
)

// pids are the processes of the plugins, by name.
func (r *running) pids(t *testing.T) map[string]int32 {
	t.Helper()
	client := r.plugins()
	list, err := client.ListPlugins(t.Context(), &adminv1.ListPluginsRequest{})
	must(t, err)
	pids := map[string]int32{}
	for _, p := range list.GetPlugins() {
		pids[p.GetName()] = p.GetPid()
	}
	return pids
}

func TestAReloadReplacesThePluginsThatChanged(t *testing.T) {
	two := func(dir string) string {
		return strings.Replace(household(dir), "pipeline:", "  other: {builtin: directory}\npipeline:", 1)
	}
	tests := []struct{ name, was, is string }{
		{"its configuration", "other: {builtin: directory}", "other: {builtin: directory, config: {gate: /elsewhere}}"},
		{"its environment", "other: {builtin: directory}", "other: {builtin: directory, env: [LANG]}"},
		{"its limits", "other: {builtin: directory}", "other: {builtin: directory, limits: {memory: 1GiB}}"},
		{"its file rules", "other: {builtin: directory}", "other: {builtin: directory, unconfined: true}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := serve(t, two)
			before := r.pids(t)
			r.put(strings.Replace(two(r.dir), tt.was, tt.is, 1))
			r.log.wait(t, `"msg":"configuration reloaded"`)
			after := r.pids(t)
			if len(after) != 2 || after["nas"] != before["nas"] || after["other"] == before["other"] || after["other"] == 0 {
				t.Errorf("processes were %v, are %v", before, after)
			}
		})
	}
}
