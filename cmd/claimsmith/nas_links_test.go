package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// The whole way, from the token to the NAS and back: the rules of the guide, the plugin in a process of its own, and accounts that
// somebody changes after their people were linked to them. Each time DSM is signed in to once, by a plugin that starts again, and the
// session ends with it.
func TestAccountsThatChangeOnTheNASAfterTheFirstLogin(t *testing.T) {
	const (
		who     = " Ask the person who looks after the accounts."
		changed = "The account that your sign-in is linked to was renamed or made again." + who
		other   = "Your sign-in, or the account that it leads to, is linked to another one." + who
		admin   = "Administrators of this NAS sign in with their password."
		nobody  = "No account on this NAS has the address mum@gmail.com."
		off     = "The NAS account of mum@gmail.com is switched off. Ask the person who runs the NAS."
		shared  = "More than one NAS account has the address mum@gmail.com. Ask the person who runs the NAS."
	)
	o := family()
	o.Accounts[0].UID = 1026
	p := newPatient(t, o, nil, "        cache: {ttl: 10m, negativeTtl: 30s, maxStale: 24h}\n", "")
	s := serve(t, p.rules)
	update := func(name string, change func(*dsmtest.Account)) func() {
		return func() {
			if !p.nas.Update(name, change) {
				t.Errorf("there is no %s", name)
			}
		}
	}
	steps := []struct {
		name   string
		change func()
		user   string // her id at Google
		want   string // the refusal; empty: in
	}{
		{"her first login", func() {}, "108a", ""},
		{"somebody else with her address", func() {}, "666", other},
		{"an account that was renamed", update("mum", func(a *dsmtest.Account) { a.Name = "mama" }), "108a", changed},
		{"named back", update("mama", func(a *dsmtest.Account) { a.Name = "mum" }), "108a", ""},
		{"switched off", update("mum", func(a *dsmtest.Account) { a.Expired = "now" }), "108a", off},
		{"an administrator", update("mum", func(a *dsmtest.Account) { a.Expired, a.Groups = "", []string{"administrators"} }), "108a", admin},
		{"no administrator any more", update("mum", func(a *dsmtest.Account) { a.Groups = nil }), "108a", ""},
		{"another account took the address", func() {
			update("mum", func(a *dsmtest.Account) { a.Email = "" })()
			update("kid", func(a *dsmtest.Account) { a.Email = "mum@gmail.com" })()
		}, "108a", other},
		{"two accounts with the address", update("mum", func(a *dsmtest.Account) { a.Email = "mum@gmail.com" }), "108a", shared},
		{"deleted", func() {
			update("kid", func(a *dsmtest.Account) { a.Email = "kid@gmail.com" })()
			p.nas.Remove("mum")
		}, "108a", nobody},
		{"made again under its name", func() {
			if err := p.nas.Add(dsmtest.Account{Name: "mum", Email: "mum@gmail.com", UID: 1999}); err != nil {
				t.Error(err)
			}
		}, "108a", changed},
	}
	for i, step := range steps {
		step.change()
		if i > 0 {
			if out, err := p.command("plugin", "restart", "nas", "-c", p.rules).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		p.nas.ForgetCalls()
		for range 3 {
			request := mum(`{"sub":"a","aud":"synology"}`)
			request.Identity.UserId = step.user
			request.RequestId = fmt.Sprint(step.name, " ", filepath.Base(t.Name()))
			reply, err := s.client.ExtendPayload(t.Context(), request)
			if err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			if got := reply.GetDenial().GetMessage(); got != step.want {
				t.Errorf("%s: got %q, want %q", step.name, got, step.want)
			}
		}
		p.until(t, func() bool { return p.nas.Sessions() <= 1 }) // the plugin before has signed out
		reading := map[string]int{
			"SYNO.API.Info query": 1, "SYNO.API.Auth login": 1, "SYNO.Core.User list": 2, // the last page is empty
			"SYNO.Entry.Request request": 1, "SYNO.Core.Group.Member list": 1, // to count the administrators
		}
		if step.want != nobody && step.want != shared {
			reading["SYNO.Core.User.Group get"] = 1
		}
		if diff := cmp.Diff(reading, p.asked()); diff != "" {
			t.Errorf("%s: three questions asked the NAS for, -want +got:\n%s", step.name, diff)
		}
	}
	if out, err := p.command("links", "reset", "-c", p.rules, "--account", "mum").CombinedOutput(); string(out) != "reset: 1 link\n" || err != nil {
		t.Errorf("%s %v", out, err)
	}
	request := mum(`{"sub":"a","aud":"synology"}`)
	request.RequestId = "after the reset"
	if reply, err := s.client.ExtendPayload(t.Context(), request); err != nil || reply.GetDenial() != nil {
		t.Errorf("after the reset: %v %v", reply, err)
	}
}

// asked counts what the NAS was asked, but for the goodbye of a plugin that ended.
func (p *patient) asked() map[string]int {
	out := map[string]int{}
	for _, c := range p.nas.Calls() {
		if c.Method != "logout" {
			out[c.API+" "+c.Method]++
		}
	}
	return out
}

// A password that DSM does not take is tried once. Everybody who looks afterwards is told: in the status, in the metrics and by the doctor.
func TestLoginsThatDSMRefusesAreSaidWhereverSomebodyLooks(t *testing.T) {
	o := family()
	o.Service.Password = "another"
	p := newPatient(t, o, nil, "clients:\n", "metrics: {address: \"127.0.0.1:0\"}\n\nclients:\n")
	s := serve(t, p.rules)
	for i := range 3 {
		request := mum(`{"sub":"a","aud":"synology"}`)
		request.RequestId = fmt.Sprint(i)
		if _, err := s.client.ExtendPayload(t.Context(), request); status.Code(err) != codes.Unavailable {
			t.Errorf("%v", err)
		}
	}
	if n := p.logins(); n != 1 {
		t.Errorf("%d logins", n)
	}
	const said = "logins are paused until"
	const why = "no such account, or a wrong password: check account and passwordFile"
	for _, tt := range []struct {
		args []string
		want []string // the plugin's own words only where they are asked for
	}{{[]string{"status"}, []string{"plugin nas: lookup: unavailable (words "}}, {[]string{"plugin", "status", "nas"}, []string{said, why}}} {
		out, err := p.command(append(tt.args, "-c", p.rules)...).CombinedOutput()
		for _, want := range append(tt.want, "failing ") {
			if err != nil || !strings.Contains(string(out), want) {
				t.Errorf("%v: %v\n%s", tt.args, err, out)
			}
		}
	}
	masked, _ := p.consult(t)
	about := ""
	for _, c := range masked.Checks {
		if c.Name == "answers of nas" {
			about = string(c.Status) + ": " + c.Text
		}
	}
	if !strings.HasPrefix(about, "unknown: the last answer of the running plugin was an error, and errors began ") || !strings.Contains(about, said) || !strings.Contains(about, why) {
		t.Errorf("the doctor says %q", about)
	}
	address := regexp.MustCompile(`"msg":"serving metrics","address":"([^"]+)"`).FindStringSubmatch(s.log())
	if address == nil {
		t.Fatal("nobody says where the metrics are")
	}
	response, err := http.Get("http://" + address[1] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	numbers, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(numbers), "claimsmith_plugin_failing{plugin=\"nas\"} 1\n") {
		t.Errorf("%v\n%s", err, numbers)
	}
}
