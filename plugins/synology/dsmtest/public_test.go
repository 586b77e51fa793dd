package dsmtest

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A client that others wrote, and that knows nothing of the emulator, lists users and groups: syno, from npm, in its version 2.2.0.
func TestAPublicClientWorksUnchanged(t *testing.T) {
	dir := t.TempDir()
	install := exec.CommandContext(t.Context(), "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "syno@2.2.0")
	if _, err := exec.LookPath("node"); err != nil {
		without(t, "install node and npm", err, nil)
	}
	if said, err := install.CombinedOutput(); err != nil {
		without(t, "install npm, and let it reach its registry once", err, said)
	}
	script, err := filepath.Abs("testdata/syno.js")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"users":["admin","claimsmith","guest","mum <mum@example.org>","otto <otto@example.org>"],"groups":["administrators","family","http","users"]}`
	for _, release := range []string{"6.2", "7.0", "7.1", "7.2", "7.3", "7.4"} {
		t.Run(release, func(t *testing.T) {
			o := household()
			o.Plain, o.Profile = true, release
			n := start(t, o)
			u, err := url.Parse(n.URL())
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), "node", script, dir, u.Port()).CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || got != want {
				t.Errorf("it said %s, %v\nwant %s", got, err, want)
			}
			var calls []string
			for _, c := range n.Calls() {
				calls = append(calls, c.API+" "+c.Method+" "+c.Version)
			}
			wantCalls := "SYNO.API.Auth login 3, SYNO.Core.User list 1, SYNO.API.Auth login 3, SYNO.Core.Group list 1, SYNO.API.Auth logout 3"
			if got := strings.Join(calls, ", "); got != wantCalls {
				t.Errorf("calls %s\nwant  %s", got, wantCalls)
			}
		})
	}
}

// without ends a test whose tools are not there: the build server has them.
func without(t *testing.T, enable string, err error, said []byte) {
	t.Helper()
	if os.Getenv("CLAIMSMITH_CI") != "" {
		t.Fatalf("%s: %v\n%s", enable, err, said)
	}
	t.Skipf("to run this test, %s: %v", enable, err)
}
