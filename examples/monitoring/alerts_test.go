package monitoring

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// What alerts read is counted somewhere, each alert stands in the tests of promtool and in the table, and nothing else does.
func TestAlerts(t *testing.T) {
	read := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal([]byte(read("alerts.yaml")), &rules); err != nil {
		t.Fatal(err)
	}
	all := func(pattern, text string) []string {
		var found []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			found = append(found, m[1])
		}
		slices.Sort(found)
		return slices.Compact(found)
	}
	var alerts, metrics []string
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			alerts = append(alerts, r.Alert)
			metrics = append(metrics, all(`(claimsmith_[a-z_]+)`, r.Expr)...)
		}
	}
	slices.Sort(alerts)
	if len(alerts) == 0 {
		t.Fatal("there are no alerts")
	}
	counted := read("../../sidecar/internal/engine/metrics.go")
	for _, name := range slices.Compact(slices.Sorted(slices.Values(metrics))) {
		if !regexp.MustCompile(`"` + name + `"`).MatchString(counted) {
			t.Errorf("nothing counts %s", name)
		}
	}
	for file, pattern := range map[string]string{"README.md": "(?m)^\\| `(Claimsmith[A-Za-z]+)`", "alerts_test.yaml": `alertname="(Claimsmith[A-Za-z]+)"`} {
		if got := all(pattern, read(file)); !slices.Equal(got, alerts) {
			t.Errorf("%s has %v, the alerts are %v", file, got, alerts)
		}
	}
}
