package pluginhost

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/directory"
	httpplugin "github.com/claimsmith/claimsmith/plugins/http"
	"github.com/claimsmith/claimsmith/plugins/ldap"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sql"
	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
)

// builtin are the plugins that come along, as modes of playPlugin.
func builtin(mode string) sdk.Plugin {
	return map[string]sdk.Plugin{
		"builtin-directory": directory.Plugin(), "builtin-http": httpplugin.Plugin(), "builtin-ldap": ldap.Plugin(), "builtin-synology": synology.Plugin(), "builtin-sql": sql.Plugin(),
	}[mode]
}

// serving starts one of them with a configuration.
func serving(t *testing.T, mode string, config any) *Plugin {
	t.Helper()
	return servingOn(t, newTestHost(t, Options{}), mode, config)
}

func servingOn(t *testing.T, h *Host, mode string, config any) *Plugin {
	t.Helper()
	d := playing(mode)
	var err error
	if d.Config, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	return start(t, h, d)
}

// badRecords asks for a hundred people whose records cannot be used, and each time for one whose record is good.
func badRecords(t *testing.T, p *Plugin) {
	t.Helper()
	asker := p.Asker(answers.Policy{})
	for i := range 100 {
		if answer, err := asker.Ask(t.Context(), question(fmt.Sprintf(`{"email":"bad%d@example.org"}`, i))); err == nil {
			t.Fatalf("the bad record %d became an answer: %+v", i, answer)
		}
		if i%10 != 9 { // more of them in a row than open a breaker
			continue
		}
		if answer, err := asker.Ask(t.Context(), question(`{"email":"good@example.org"}`)); err != nil || !answer.Found {
			t.Fatalf("after %d bad records: %+v, %v", i+1, answer, err)
		}
	}
	if s := p.Status(); s.Breaker != "closed" || s.Counters.Failures != 100 {
		t.Errorf("%s, %+v", s.Breaker, s.Counters)
	}
}

func TestBadRecordsOfAWebService(t *testing.T) {
	bad := []string{`{"groups": [{"name": "a"}]}`, `{"groups": "a"}`, `{"groups": null}`, `<html>`, `{"a": 1, "A": 2}`, strings.Repeat(" ", 1<<20+1)}
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("q") == "good@example.org":
			_, _ = io.WriteString(w, `{"groups": ["a"]}`)
		case n%8 > len(bad)-1:
			w.WriteHeader([]int{http.StatusForbidden, http.StatusUnprocessableEntity}[n%2])
			n++
		default:
			_, _ = io.WriteString(w, bad[n%8])
			n++
		}
	}))
	defer s.Close()
	badRecords(t, serving(t, "builtin-http", httpplugin.Config{
		URL: s.URL + "/?q={email}", AllowPlainHTTP: true, AllowNetworks: []string{"127.0.0.1"}, Answers: httpplugin.Answers{Groups: "/groups"},
	}))
}

func TestBadRecordsOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "people.csv")
	put := func(content string) {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("name,email\ngood,good@example.org\n")
	p := serving(t, "builtin-directory", directory.Config{File: file, AllowWritable: true})
	put("name,email\n,bad\n") // nobody new can be known
	if answer, err := p.Asker(answers.Policy{}).Ask(within(t, time.Minute), question(`{"email":"good@example.org"}`)); err != nil || !answer.Found {
		t.Fatal(answer, err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; { // the file is looked at once a second
		if _, err := p.Asker(answers.Policy{}).Ask(t.Context(), question(`{"email":"bad@example.org"}`)); err != nil || time.Now().After(deadline) {
			break
		}
	}
	p.answers = p.host.answers.Plugin(p.Name(), p.scope(), p.desc.Facts, p.lookup) // counts from zero
	badRecords(t, p)
}
