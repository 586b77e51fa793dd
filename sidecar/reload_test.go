package sidecar_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar"
)

// username decides for somebody and returns the claim that the rules set.
func (r *running) username(email string) string {
	r.t.Helper()
	reply, err := r.client().ExtendPayload(r.t.Context(), signIn(email))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(reply.GetPatches().GetIdToken().GetSet()["username"])
}

// put replaces the configuration in one step, as deployments do.
func (r *running) put(text string) {
	r.t.Helper()
	next := filepath.Join(r.dir, "next.yaml")
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(r.dir, "c.yaml")); err != nil {
		r.t.Fatal(err)
	}
}

func TestAFileThatChangesIsServed(t *testing.T) {
	r := serve(t, household)
	if got := r.username("mum@gmail.com"); got != `"mum"` {
		t.Fatalf("before: %s", got)
	}
	pid := r.log.wait(t, `"msg":"plugin started"`)
	r.put(strings.Replace(household(r.dir), "username: nas.name", `username: '"other-" + nas.name'`, 1))
	r.log.wait(t, `"msg":"configuration reloaded"`)
	if got := r.username("mum@gmail.com"); got != `"other-mum"` {
		t.Errorf("after: %s", got)
	}
	if again := strings.Count(r.log.String(), `"msg":"plugin started"`); again != 1 {
		t.Errorf("the plugin was started %d times although its part did not change; first: %s", again, pid)
	}
}

func TestATableThatChangesIsServed(t *testing.T) {
	var table string
	r := serve(t, func(dir string) string {
		table = filepath.Join(shortDir(t), "people.csv") // in another folder than the configuration
		must(t, os.WriteFile(table, []byte("mum@gmail.com,mum\n"), 0o600))
		return plain(dir) + "tables: {people: {file: " + table + "}}\nconnectors: {google: {emailDomains: [gmail.com]}}\n" +
			"pipeline:\n  - set: {username: 'default(tables.people[identity.email], \"nobody\")'}\n"
	})
	if got := r.username("mum@gmail.com"); got != `"mum"` {
		t.Fatalf("before: %s", got)
	}
	must(t, os.WriteFile(table, []byte("mum@gmail.com,other\n"), 0o600))
	r.log.wait(t, `"msg":"configuration reloaded"`)
	if got := r.username("mum@gmail.com"); got != `"other"` {
		t.Errorf("after: %s", got)
	}
}

func TestAFileThatIsWrongIsNotServed(t *testing.T) {
	tests := []struct {
		name, text, want string
	}{
		{"a misspelt fact", `{set: {username: nas.nmae}}`, `nas.nmae`},
		{"a test that fails", "remove: [x]\ntests:\n  - {name: everybody is mum, given: {client: synology}, want: {claims: {username: mum}}}", "everybody is mum"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := serve(t, household)
			r.put(household(r.dir) + "  - " + tt.text + "\n")
			line := r.log.wait(t, "configuration not reloaded: the old one goes on serving")
			if !strings.Contains(line, strings.TrimPrefix(tt.want, "nas.")) {
				t.Errorf("the log does not say why: %s", line)
			}
			if got := r.username("mum@gmail.com"); got != `"mum"` {
				t.Errorf("after: %s", got)
			}
		})
	}
}

func TestAHangupStartsPluginsAnew(t *testing.T) {
	hangup := make(chan struct{})
	r := serve(t, household, func(o *sidecar.Options) { o.Reload = hangup })
	hangup <- struct{}{}
	r.log.wait(t, `"msg":"configuration reloaded"`)
	if got := r.username("mum@gmail.com"); got != `"mum"` {
		t.Errorf("after: %s", got)
	}
	if n := strings.Count(r.log.String(), `"msg":"plugin started"`); n != 2 {
		t.Errorf("the plugin was started %d times", n)
	}
}

func TestACallUnderWayFinishesOnTheOldConfiguration(t *testing.T) {
	r := serve(t, household)
	gate := r.gate()
	replies := make(chan *hookv1.ExtendPayloadResponse, 1)
	client := r.client()
	go func() {
		reply, err := client.ExtendPayload(t.Context(), signIn("slow@gmail.com"))
		if err != nil {
			t.Error(err)
		}
		replies <- reply
	}()
	waiting, err := gate.Accept()
	if err != nil {
		t.Fatal(err)
	}
	// The new configuration has another plugin, so the old one has to go, but not before its call ends.
	r.put(plain(r.dir) + "pipeline:\n  - set: {username: '\"nobody\"'}\n")
	r.log.wait(t, `"msg":"configuration reloaded"`)
	if got := r.username("mum@gmail.com"); got != `"nobody"` {
		t.Errorf("a new call: %s", got)
	}
	waiting.Close()
	select {
	case reply := <-replies:
		if got := string(reply.GetPatches().GetIdToken().GetSet()["username"]); got != `"slow"` {
			t.Errorf("the call under way: %s", got)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the call under way never ended")
	}
}
