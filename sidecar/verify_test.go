package sidecar_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar"
)

// wrapped are options under which this test binary is the wrapper of plugins.
func wrapped() sidecar.Options { return sidecar.Options{Wrapper: []string{os.Args[0], asWrapper}} }

// shortTemp makes the folder for temporary files one that is short enough for sockets.
func shortTemp(t *testing.T) {
	t.Helper()
	tmp, err := os.MkdirTemp("", "v")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	if err := os.Chmod(tmp, 0o711); err != nil { // plugins of other users pass through
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", tmp)
}

func TestAPluginOfTheSDKKeepsTheContract(t *testing.T) {
	shortTemp(t)
	report, err := sidecar.VerifyPlugin(t.Context(), sidecar.PluginTrial{
		Command: []string{os.Args[0], asPlugin}, Calls: 1000,
		Known: json.RawMessage(`{"email":"mum@gmail.com"}`), Facts: json.RawMessage(`{"name":"mum","groups":["users"]}`),
		Unknown: json.RawMessage(`{"email":"nobody@gmail.com"}`),
	}, wrapped())
	if err != nil {
		t.Fatal(err)
	}
	var untried []string
	for _, c := range report.Checks {
		switch c.Outcome {
		case "kept":
		case "untried":
			untried = append(untried, c.ID)
		default:
			t.Errorf("%s: %s: %s", c.ID, c.Outcome, c.Detail)
		}
	}
	if diff := cmp.Diff([]string{"config-missing", "slow"}, untried); diff != "" {
		t.Error(diff)
	}
	if last := report.Checks[len(report.Checks)-1]; last.ID != "host" {
		t.Errorf("the last check is %s", last.ID)
	}
}

func TestWhatTheHostDoesNotTakeIsInTheReport(t *testing.T) {
	shortTemp(t)
	report, err := sidecar.VerifyPlugin(t.Context(), sidecar.PluginTrial{Command: []string{"/bin/echo", "hello"}}, wrapped())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range report.Checks {
		got = append(got, c.ID+": "+c.Detail)
	}
	want := []string{
		"by-hand: it printed to stdout as if there were a host",
		`handshake: its first line is "hello\n", not 1|1|unix|/path|grpc|certificate`,
		`host: plugin verify: it printed "hello\n" instead of a handshake`,
	}
	if diff := cmp.Diff(want, got); diff != "" || report.Failed() != 3 {
		t.Errorf("%d broken\n%s", report.Failed(), diff)
	}
}

func TestWhatAPluginSaysAboutItselfIsASchemaFile(t *testing.T) {
	shortTemp(t)
	got, err := sidecar.DescribePlugin(t.Context(), sidecar.PluginTrial{Command: []string{os.Args[0], asPlugin}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(got), "{\n  \"name\": \"directory\",\n  \"version\": \"1.0.0\",\n  \"config\": {") || !strings.HasSuffix(string(got), "}\n") {
		t.Errorf("got %s", got)
	}
}
