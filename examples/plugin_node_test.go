package examples

import (
	"encoding/json"
	nethttp "net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar"
)

// nodePlugin installs the plugin in a copy of its folder, and returns that with the command of the plugin.
func nodePlugin(t *testing.T) (dir string, command []string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		node = "node" // need says so
	}
	const install = "apt-get install nodejs npm; the packages come from the npm registry"
	need(t, ".", install, node, "--version")
	dir = copied(t, "plugin-node")
	need(t, dir, install, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	return dir, []string{node, filepath.Join(dir, "plugin.js")}
}

// calendarServer serves the calendar of testdata to who knows the password.
func calendarServer(t *testing.T, dir string) string {
	t.Helper()
	server := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if user, password, _ := r.BasicAuth(); user != "claimsmith" || password != "correct horse" {
			w.WriteHeader(nethttp.StatusUnauthorized)
			return
		}
		nethttp.ServeFile(w, r, filepath.Join(dir, "testdata/duty.ics"))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/duty.ics"
}

func TestTheNodePluginKeepsTheContract(t *testing.T) {
	dir, command := nodePlugin(t)
	config, err := json.Marshal(map[string]string{"url": calendarServer(t, dir), "user": "claimsmith", "passwordFile": filepath.Join(dir, "testdata/password")})
	if err != nil {
		t.Fatal(err)
	}
	trial := sidecar.PluginTrial{Command: command, Config: config, Known: []byte(`{"email":"ada@example.org"}`),
		Facts: []byte(`{"onDuty":true,"shift":"the archive","until":2145942000}`), Unknown: []byte(`{"email":"nobody@example.org"}`), Calls: 2000}
	if diff := cmp.Diff([]string{"slow"}, keeps(t, trial)); diff != "" { // the calendar is read for all who wait
		t.Error(diff)
	}
	describes(t, dir, trial)
}

func TestTheNodePluginPutsFactsIntoTokens(t *testing.T) {
	dir, command := nodePlugin(t)
	file, socket := moved(t, filepath.Join(dir, "claimsmith.yaml"), "/opt/plugins/on-duty/plugin.js", command[1], "/usr/bin/node", command[0],
		"https://cloud.example.org/remote.php/dav/calendars/office/duty?export", calendarServer(t, dir), "/run/secrets/calendar-password", filepath.Join(dir, "testdata/password"))
	hook := served(t, file, socket)
	got := map[string]string{}
	for _, name := range []string{"ada", "grace", "joan", "charles", "edsger", "nobody"} {
		got[name] = claimed(t, hook, "argocd", name+"@example.org", "groups")
	}
	want := map[string]string{
		"ada": `["on-duty"]`, "grace": `["on-duty"]`, // one shift, and one every week
		"joan": `[]`, "charles": `[]`, "edsger": `[]`, "nobody": `[]`, // declined, over, canceled, not there
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheMessagesOfTheNodePluginAreThoseOfTheProtocol(t *testing.T) {
	sameMessages(t, "plugin-node")
}
