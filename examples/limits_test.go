package examples

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/sidecar"
)

// TestWhatRuntimesMakeOfTheirMemory measures what the table of PROTOCOL.md says of 256 MiB: Node and Java collect their garbage
// before the kernel refuses them anything, with more alive than half of their heap; Python and Ruby have to be refused.
//
// What starts them is a program of its own: the race detector needs more memory than any limit gives, so that it knows of none.
func TestWhatRuntimesMakeOfTheirMemory(t *testing.T) {
	program := filepath.Join(t.TempDir(), "claimsmith")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/claimsmith").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	o := options()
	o.Wrapper = []string{program, "plugin", "exec"}
	tests := []struct {
		program, script, install string
		least, most              int // MiB
	}{
		{"/usr/bin/node", "churn.js", "nodejs", 120, 120},
		{"/usr/bin/java", "Churn.java", "openjdk-17-jdk-headless", 60, 60},
		{"/usr/bin/python3", "hog.py", "python3", 400, 512},
		{"/usr/bin/ruby", "hog.rb", "ruby", 400, 512},
	}
	for _, tt := range tests {
		t.Run(tt.install, func(t *testing.T) {
			need(t, ".", "apt-get install "+tt.install, tt.program, "--version")
			dir := copied(t, "testdata/limits")
			report, err := sidecar.VerifyPlugin(t.Context(), sidecar.PluginTrial{Command: []string{tt.program, filepath.Join(dir, tt.script)}, Timeout: time.Minute}, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range report.Checks {
				if c.ID != "handshake" {
					continue
				}
				m := regexp.MustCompile(`ended \(exit status 0\); its last words: "(\d+) MiB"`).FindStringSubmatch(c.Detail)
				if m == nil {
					t.Fatalf("%s", c.Detail)
				}
				if n, _ := strconv.Atoi(m[1]); n < tt.least || n > tt.most {
					t.Errorf("it kept %d MiB, want %d to %d: %s", n, tt.least, tt.most, strings.TrimSpace(c.Detail))
				}
			}
		})
	}
}
