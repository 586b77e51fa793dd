package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// cableConfig asks every plugin that comes with claimsmith, at each request, and serves what it knew for an hour. DIR, NAS, CRM and
// LDAP are filled in.
const cableConfig = `listen: unix://DIR/run/hook.sock
budget: 5s
connectors: {google: {emailDomains: [gmail.com]}}
plugins:
  nas:
    builtin: synology
    config: {url: NAS, account: claimsmith, passwordFile: DIR/password, caFile: DIR/ca.pem, refresh: 1s}
  people: {builtin: directory, config: {file: DIR/people.yaml, keepOld: 1s}}
  crm:
    builtin: http
    config: {url: 'CRM?mail={email}', allowPlainHTTP: true, allowNetworks: [127.0.0.1], answers: {name: /plan}}
  staff:
    builtin: ldap
    config:
      {profile: openldap, url: LDAP, allowPlain: true, bindDN: 'cn=admin,dc=example,dc=org', passwordFile: DIR/password,
       userSearch: {baseDN: 'dc=example,dc=org'}, groupSearch: {baseDN: 'dc=example,dc=org'}}
pipeline:
  - {lookup: nas, with: {email: identity.email}, cache: &c {ttl: 1ms, maxStale: 1h}}
  - {lookup: people, with: {email: identity.email}, cache: *c}
  - {lookup: crm, with: {email: identity.email}, cache: *c}
  - {lookup: staff, with: {email: identity.email}, cache: *c}
  - {deny: not (nas.found && people.found && crm.found && staff.found), message: Somebody does not know you.}
  - set: {username: nas.name, phone: people.phone, plan: crm.name, office: staff.displayName}
`

// A stream of requests goes on while every plugin loses what it asks, and its process, again and again: none of them is lost,
// because the rules say that what was known an hour ago will do.
func TestPullingEveryCableLosesNoRequest(t *testing.T) {
	nas, ldap := newNAS(t), startLDAP(t)
	crm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"plan": "gold"}`) }))
	t.Cleanup(crm.Close)
	dir := shortDir(t)
	file, people := filepath.Join(dir, "claimsmith.yaml"), filepath.Join(dir, "people.yaml")
	write(t, filepath.Join(dir, "password"), []byte("a long password"))
	write(t, filepath.Join(dir, "ca.pem"), nas.CA())
	write(t, people, []byte("people: [{name: mum, email: mum@gmail.com, phone: \"12\"}]\n"))
	text := strings.NewReplacer("&c ", "", "*c", "{ttl: 1ms, maxStale: 1h}", "NAS,", nas.URL()+",", "CRM", crm.URL, "LDAP", "ldap://"+ldap.address).Replace(cableConfig)
	write(t, file, []byte(strings.ReplaceAll(text, "DIR", dir)))
	s := &stream{t: t, client: serve(t, file).client}
	s.begin(4)

	s.more(20)
	for _, cable := range []func(){
		nas.Close, crm.Close, ldap.stop,
		func() { write(t, people, []byte("people: [nobody can read this")) },
	} {
		cable()
		s.more(20)
	}
	for range 4 { // the third time they are left down for a while
		for _, p := range plugins(t, file) {
			if p.PID != 0 {
				_ = syscall.Kill(p.PID, syscall.SIGKILL) // it may be gone
			}
		}
		s.more(50)
	}
	s.end()

	for _, p := range plugins(t, file) {
		if p.Counters.Stale == "" || p.Counters.Unanswered != "" {
			t.Errorf("%s: %s stale answers, %s questions without one", p.Name, p.Counters.Stale, p.Counters.Unanswered)
		}
	}
}

// stream is people who sign in all the time.
type stream struct {
	t      *testing.T
	client hookv1.ClaimsHookServiceClient
	ignore []string // claims that may have any value

	stop   atomic.Bool
	served atomic.Int64
	all    sync.WaitGroup
}

func (s *stream) begin(callers int) {
	s.t.Cleanup(s.end)
	want := map[string]string{"username": `"mum"`, "phone": `"12"`, "plan": `"gold"`, "office": `"Mum of the office"`}
	for range callers {
		s.all.Go(func() {
			for !s.stop.Load() {
				got, err := s.signIn()
				for _, name := range s.ignore {
					delete(got, name)
				}
				if err != nil || !maps.Equal(got, want) {
					s.t.Errorf("after %d requests: %v, %v", s.served.Load(), got, err)
					return
				}
				s.served.Add(1)
			}
		})
	}
}

func (s *stream) signIn() (map[string]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req := mum(`{"aud":"synology","sub":"x"}`)
	req.RequestId = rand.Text()
	reply, err := s.client.ExtendPayload(ctx, req)
	got := map[string]string{}
	for name, value := range reply.GetPatches().GetIdToken().GetSet() {
		got[name] = string(value)
	}
	return got, err
}

// more waits until so many more requests were served.
func (s *stream) more(n int64) {
	s.t.Helper()
	goal, late := s.served.Load()+n, time.Now().Add(time.Minute)
	for tick := time.NewTicker(10 * time.Millisecond); s.served.Load() < goal; <-tick.C {
		if s.t.Failed() || time.Now().After(late) {
			s.t.Fatalf("%d requests were served, not %d", s.served.Load(), goal)
		}
	}
}

func (s *stream) end() {
	s.stop.Store(true)
	s.all.Wait()
}

// pluginState is what claimsmith plugin status --json says of one, as far as it matters here. Zeros are left out of it.
type pluginState struct {
	Name     string
	PID      int
	Counters struct{ Stale, Unanswered string }
}

func plugins(t *testing.T, file string) []pluginState {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run([]string{"plugin", "status", "--json", "-c", file}, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	var list struct{ Plugins []pluginState }
	if err := json.Unmarshal(out.Bytes(), &list); err != nil || len(list.Plugins) != 4 {
		t.Fatalf("%v, %s", err, out.String())
	}
	return list.Plugins
}
