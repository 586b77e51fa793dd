package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/operator"
)

// switchable is a directory with one account, and how it is switched off.
type switchable struct {
	config string // of the plugin
	off    func()
}

// inLDAP is a slapd with the account mum.
func inLDAP(t *testing.T, dir string) switchable {
	server := startLDAP(t)
	write(t, filepath.Join(dir, "ldap-password"), []byte("a long password"))
	return switchable{
		fmt.Sprintf("{profile: openldap, url: 'ldap://%s', allowPlain: true, bindDN: 'cn=admin,dc=example,dc=org', passwordFile: %s/ldap-password,"+
			" userSearch: {baseDN: 'dc=example,dc=org'}, groupSearch: {baseDN: 'dc=example,dc=org'}}", server.address, dir),
		func() {
			conn, err := ldap.DialURL("ldap://" + server.address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := errors.Join(conn.Bind("cn=admin,dc=example,dc=org", "a long password"), conn.Del(ldap.NewDelRequest("uid=mum,dc=example,dc=org", nil))); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// directories have the account mum, for each plugin that comes along.
func directories(t *testing.T, dir string) map[string]func(*testing.T) switchable {
	t.Helper()
	nas := newNAS(t)
	write(t, filepath.Join(dir, "password"), []byte("a long password"))
	write(t, filepath.Join(dir, "ca.pem"), nas.CA())
	people := filepath.Join(dir, "people.yaml")
	write(t, people, []byte("people:\n  - {name: mum, email: mum@gmail.com}\n"))
	var gone atomic.Bool
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, `{"login":"mum"}`)
	}))
	t.Cleanup(service.Close)
	is := func(s switchable) func(*testing.T) switchable { return func(*testing.T) switchable { return s } }
	return map[string]func(*testing.T) switchable{
		"ldap": func(t *testing.T) switchable { return inLDAP(t, dir) },
		"synology": is(switchable{
			fmt.Sprintf("{url: %q, account: claimsmith, passwordFile: %s/password, caFile: %s/ca.pem, refresh: 2s}", nas.URL(), dir, dir),
			func() { nas.Update("mum", func(a *dsmtest.Account) { a.Expired = "now" }) },
		}),
		"directory": is(switchable{
			fmt.Sprintf("{file: %s, keepOld: 1s}", people),
			func() {
				write(t, people, []byte("people:\n  - {name: mum, email: mum@gmail.com, disabled: true}\n"))
			},
		}),
		"http": is(switchable{
			fmt.Sprintf("{url: %q, allowPlainHTTP: true, allowNetworks: [127.0.0.1], answers: {name: /login}}", service.URL+"/{email}"),
			func() { gone.Store(true) },
		}),
	}
}

// TestASwitchedOffAccountIsRefusedWithinTheNumber measures for each plugin how long an account that was switched off is let in, and
// holds it to the number that status prints.
func TestASwitchedOffAccountIsRefusedWithinTheNumber(t *testing.T) {
	people := shortDir(t)
	want := map[string]time.Duration{"synology": 4 * time.Second, "directory": 3 * time.Second, "http": 2 * time.Second, "ldap": 2 * time.Second} // what it keeps, and ttl
	for name, d := range directories(t, people) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, dir := d(t), shortDir(t)
			file := filepath.Join(dir, "claimsmith.yaml")
			write(t, file, fmt.Appendf(nil, `listen: unix://%s/run/hook.sock
budget: 5s
connectors: {google: {emailDomains: [gmail.com]}}
plugins: {people: {builtin: %s, config: %s}}
pipeline:
  - {lookup: people, with: {email: identity.email}, cache: {ttl: 2s}}
  - {deny: not people.found, message: No.}
`, dir, name, d.config))
			s := serve(t, file)
			n := 0
			ask := func() bool {
				t.Helper()
				req := mum(`{"sub":"a","iat":1000,"exp":1060}`)
				n++
				req.RequestId = fmt.Sprint(n)
				reply, err := s.client.ExtendPayload(t.Context(), req)
				if err != nil {
					t.Fatal(err)
				}
				_, in := reply.GetOutcome().(*hookv1.ExtendPayloadResponse_Patches)
				return in
			}
			if !ask() {
				t.Fatal("the account is refused while it is on")
			}
			conn, err := operator.DialAdmin(filepath.Join(dir, "run", "admin.sock"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			st, err := adminv1.NewAdminServiceClient(conn).Status(t.Context(), &adminv1.StatusRequest{})
			if err != nil {
				t.Fatal(err)
			}
			number := st.GetLookups()[0].GetWorstStaleness().AsDuration()
			if number != want[name] || st.GetWorstCase().AsDuration() != want[name]+time.Minute {
				t.Errorf("the number is %s, with the token %s; want %s and a minute more", number, st.GetWorstCase().AsDuration(), want[name])
			}
			d.off()
			off := time.Now()
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for began := off; ask(); began = time.Now() {
				if began.Sub(off) > number {
					t.Fatalf("%s after it was switched off it is let in", began.Sub(off))
				}
				<-tick.C
			}
			t.Logf("refused %s after it was switched off, of %s", time.Since(off).Round(time.Millisecond), number)

			if code, out, errs := about(t, file, "plugin", "refresh", "people", "--email", "mum@gmail.com"); code != 0 || out == "" {
				t.Errorf("refresh: %d %s %s", code, out, errs)
			}
		})
	}
}
