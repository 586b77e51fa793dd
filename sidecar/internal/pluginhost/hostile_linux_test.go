package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// try has the hostile plugin do one thing.
func try(t *testing.T, asker pipeline.Asker, what string) string {
	t.Helper()
	params, err := json.Marshal(map[string]string{"email": what})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := asker.Ask(within(t, 20*time.Second), question(string(params)))
	if err != nil {
		t.Fatal(what, err)
	}
	return answer.Facts["name"].(string)
}

// landlocked is what the kernel's version of file rules, which got reports, keeps back.
func landlocked(t *testing.T, got *confine.Report, ports ...int) confine.Report {
	t.Helper()
	if (got.Files > 0) != confine.HasFileRules() {
		t.Errorf("file rules of version %d", got.Files)
	}
	want := confine.Report{Files: got.Files, TCP: got.Files >= 4, Signals: got.Files >= 6}
	if want.TCP {
		want.Ports = ports
	}
	return want
}

// TestWhatHoldsIsReported compares the report of the wrapper; what it is worth is tried by the tests of package sidecar.
func TestWhatHoldsIsReported(t *testing.T) {
	d := playing("good")
	d.Config = json.RawMessage(`{"url":"https://nas.example.org:5001"}`)
	d.Limits = confine.Limits{Memory: 256 << 20, Descriptors: 200, Connect: []int{636}}
	p := start(t, newTestHost(t, Options{}), d)
	got := p.Status().Confinement
	want := landlocked(t, got, 53, 636, 5001)
	want.User, want.Memory, want.Descriptors, want.NoProcesses, want.Calls, want.NoCapabilities = os.Getuid(), 512<<20, 200, true, true, true
	if race {
		want.Memory = 0
	}
	if got.Files == 0 {
		want.Why = "this kernel has no file rules"
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnUnconfinedPluginSaysSo(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := playing("hostile")
	d.Unconfined = true
	p := start(t, newTestHost(t, Options{}), d)
	if got := try(t, p.Asker(answers.Policy{}), "read "+secret); got != "done" {
		t.Error(got)
	}
	got := p.Status().Confinement.String()
	if want := fmt.Sprintf("user %d, as claimsmith, all files of its user, all TCP ports, no capabilities, reviewed system calls, no processes, no limit of memory, no limit of descriptors, unconfined, as declared", os.Getuid()); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestAPluginWithADigestRuns(t *testing.T) {
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(program)
	d := playing("good")
	d.SHA256 = map[string]string{os.Args[0]: hex.EncodeToString(sum[:])}
	h := newTestHost(t, Options{})
	p := start(t, h, d)
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.PID())); err != nil || !strings.HasPrefix(exe, h.sockets+"/run-") {
		t.Errorf("it runs %s, %v", exe, err)
	}
	if got := p.Status().Confinement.Checked; got != 1 {
		t.Errorf("%d files were compared", got)
	}
	h.Stop(p)
	if left, _ := filepath.Glob(h.sockets + "/run-*"); len(left) > 0 {
		t.Errorf("copies are left: %v", left)
	}
}
