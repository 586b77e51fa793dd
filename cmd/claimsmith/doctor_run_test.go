package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/internal/doctor"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

func TestDoctorOfAChainThatIsWell(t *testing.T) {
	front, behind := frontOfDex(t)
	p := newPatient(t, family(), front)
	p.serve(t)
	p.startDex(t, behind)
	masked, real := p.consult(t, "--email", "mum@gmail.com")
	wantText(t, masked, "well")
	if n := p.logins(); n != 2 {
		t.Errorf("%d logins, want one of the doctor and one of the plugin that was tried", n)
	}
	cmd := p.command("doctor", "-c", p.rules, "--dex-config", p.dexConfig, "--email", "mum@gmail.com", "--show-secret")
	cmd.Env = append(cmd.Env, "SYNOLOGY_CLIENT_SECRET=synology-secret")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var want bytes.Buffer
	real.Form.Secret = "synology-secret"
	for i := range real.Checks {
		if c := &real.Checks[i]; c.Name == "secret" { // which was not known to the first run
			c.Status, c.Text = doctor.OK, "Dex takes the secret of the client synology"
			real.Count[doctor.Skipped]--
		}
	}
	if err := real.Render(&want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(out)); diff != "" {
		t.Errorf("as text it says something else than as JSON: -want +got:\n%s", diff)
	}
}

func TestDoctorOfADexThatIsNotWell(t *testing.T) {
	front, behind := frontOfDex(t)
	p := newPatient(t, family(), front, "  allowedOrigins: ", "  # ", "  idTokens: 10m", "  idTokens: 24h", "  claimsSupported: [username]\n", "  signUnchanged: [synology]\n")
	p.startDex(t, behind)
	masked, _ := p.consult(t, "--redirect-uri", p.nas.URL()+"/#/signin", "--email", "dad@gmail.com")
	wantText(t, masked, "dex-not-well")
	if n := p.logins(); n != 2 {
		t.Errorf("%d logins", n)
	}
	masked, _ = p.consult(t, "--client", "attic", "--redirect-uri", p.nas.URL())
	wantText(t, masked, "another-client")
}

func TestDoctorOfANASThatIsNotWell(t *testing.T) {
	const caFile = "      caFile: nas-ca.pem\n"
	service := func(change func(*dsmtest.Account)) func(*dsmtest.Options) {
		return func(o *dsmtest.Options) { change(&o.Service) }
	}
	for _, test := range []struct {
		name   string // of the golden file
		nas    func(*dsmtest.Options)
		edit   []string
		before func(*testing.T, *patient)
		args   []string
		logins int
	}{
		{name: "wrong-password", nas: service(func(a *dsmtest.Account) { a.Password = "another" }), logins: 1},
		{name: "second-factor", nas: service(func(a *dsmtest.Account) { a.TwoFactor = true }), logins: 1},
		{name: "switched-off", nas: service(func(a *dsmtest.Account) { a.Expired = "now" }), logins: 1},
		{name: "locked", nas: service(func(a *dsmtest.Account) { a.LoginCode = 411 }), logins: 1},
		{name: "no-administrator", nas: service(func(a *dsmtest.Account) { a.Groups = []string{"users"} }), logins: 1},
		{name: "blocked", before: func(_ *testing.T, p *patient) { p.nas.SetFault("SYNO.API.Auth", dsmtest.Code(407)) }, logins: 1},
		{name: "own-certificate", edit: []string{caFile, ""}, logins: 0},
		{name: "another-pin", edit: []string{caFile, "      certSha256: " + strings.Repeat("5f", 32) + "\n"}, logins: 0},
		{name: "another-service", before: func(_ *testing.T, p *patient) { p.nas.SetFault("", dsmtest.HTML(200)) }, logins: 0},
		{name: "old-dsm", nas: func(o *dsmtest.Options) { o.Profile = "7.1" }, logins: 2},
		{name: "older-dsm", nas: func(o *dsmtest.Options) { o.Profile = "6.2" }, logins: 2},
		{name: "asleep", before: func(_ *testing.T, p *patient) { p.nas.Close() }, logins: 0},
		{name: "no-password-file", before: func(t *testing.T, p *patient) {
			if err := os.Remove(filepath.Join(p.dir, "dsm-password")); err != nil {
				t.Fatal(err)
			}
		}, logins: 0},
		{name: "addresses", nas: func(o *dsmtest.Options) {
			o.Accounts = append(o.Accounts, dsmtest.Account{Name: "aunt", Email: "KID@gmail.com"}, dsmtest.Account{Name: "uncle"}, dsmtest.Account{Name: "cousin", Email: "cousin @gmail.com"})
		}, edit: []string{"nas.admin && not nas.linked", "nas.admin && nas.linked"}, args: []string{"--show-names"}, logins: 2},
		{name: "rules-let-administrators-in", edit: []string{
			"        pin: {subject: identity.userId, account: nas.name, id: nas.uid, explicit: nas.linked}\n", "", "      links: {nas: other}\n", "",
			"      denied: Your sign-in, or the account that it leads to, is linked to another one. Ask the person who looks after the accounts.\n", "      claims: {username: mum}\n",
			"        deny: nas.admin && not nas.linked\n        message: Administrators of this NAS sign in with their password.\n", "        remove: [name]\n",
			"      denied: Administrators of this NAS sign in with their password.\n", "      claims: {username: dad}\n",
		}, logins: 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := family()
			if test.nas != nil {
				test.nas(&o)
			}
			p := newPatient(t, o, nil, test.edit...)
			if test.before != nil {
				test.before(t, p)
			}
			masked, _ := p.consult(t, append([]string{"--email", "x@gmail.com"}, test.args...)...)
			wantText(t, masked, test.name)
			if n := p.logins(); n != test.logins {
				t.Errorf("%d logins, want %d", n, test.logins)
			}
		})
	}
}

func TestDoctorAsJSON(t *testing.T) {
	p := newPatient(t, family(), nil)
	p.nas.SetFault("SYNO.API.Auth", dsmtest.Code(400))
	masked, _ := p.consult(t)
	got, err := json.MarshalIndent(masked, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, "wrong-password.json", append(got, '\n'))
}

func TestDoctorOfAFileThatCannotBeRead(t *testing.T) {
	p := newPatient(t, family(), nil, "pipeline:", "pipelines:")
	masked, _ := p.consult(t)
	wantText(t, masked, "unreadable")
	if calls := p.nas.Calls(); len(calls) > 0 {
		t.Errorf("the NAS was asked: %v", calls)
	}
}

func TestDoctorOfLinks(t *testing.T) {
	o := family()
	for i := range o.Accounts {
		o.Accounts[i].UID = 1026 + i
	}
	p := newPatient(t, o, nil, "issuer: https://accounts.google.com}", "issuer: https://accounts.google.com}\n  other: {emailDomains: [example.org]}")
	p.serve(t)
	link := func(connector, user, account, id string) {
		t.Helper()
		out, err := p.command("links", "add", "-c", p.rules, "--plugin", "nas", "--connector", connector, "--user", user, "--account", account, "--id", id).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	says := func(args ...string) (about []string) {
		masked, _ := p.consult(t, args...)
		for _, c := range masked.Checks {
			if strings.HasPrefix(c.Name, "links") {
				about = append(about, string(c.Status)+": "+c.Text)
			}
		}
		return about
	}
	link("google", "108a", "mum", "1026")
	if diff := cmp.Diff([]string{"ok: 1 account is linked to a person, 1 of them by hand"}, says()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	link("google", "108b", "kid", "1999")
	link("google", "108c", "papa", "1028")
	link("google", "108d", "gone", "1050")
	link("other", "1", "grandpa", "1029")
	const said = "warning: 5 accounts are linked to a person, 5 of them by hand; 3 of these links do not hold, and the people are turned away"
	if diff := cmp.Diff([]string{said}, says()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	named := said + ": gone (the account is gone); kid (the account was made again); papa (the account was renamed)"
	if diff := cmp.Diff([]string{named}, says("--show-names")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	p.edit(t, "issuer: https://accounts.google.com", "issuer: https://login.example.org")
	p.until(t, func() bool {
		out, err := p.command("links", "adopt", "-c", p.rules, "--connector", "google").CombinedOutput()
		return err == nil && string(out) == "adopted: 0 links\n" && strings.Contains(strings.Join(says("--show-names"), ""), "mum (made with another provider behind google)")
	})
}

func TestDoctorOfLinksInTheFile(t *testing.T) {
	for name, want := range map[string]string{
		"dad": "ok: 1 link of the plugin, each to an account of the NAS",
		"Dad": "wrong: links of the plugin name 1 account that the NAS does not have, so the addresses lead to nobody",
	} {
		p := newPatient(t, family(), nil, "      timeZone: ", "      links: [{email: dad@gmail.com, name: "+name+"}]\n      timeZone: ")
		masked, _ := p.consult(t)
		got := ""
		for _, c := range masked.Checks {
			if c.Name == "links in the file" {
				got = string(c.Status) + ": " + c.Text
			}
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestDoctorOfAnotherProvider(t *testing.T) {
	for issuer, want := range map[string]string{
		", issuer: https://accounts.google.com": "ok: links are kept for https://accounts.google.com, which is the one that Dex asks",
		", issuer: https://login.example.org":   "wrong: links are kept for https://login.example.org, and Dex asks https://accounts.google.com",
		"":                                      "warning: no issuer is named for it, so links would hold for another provider too, should one stand behind this connector one day",
	} {
		p := newPatient(t, family(), nil, ", issuer: https://accounts.google.com", issuer)
		masked, _ := p.consult(t)
		got := ""
		for _, c := range masked.Checks {
			if c.Name == "provider google" {
				got = string(c.Status) + ": " + c.Text
			}
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", issuer, got, want)
		}
	}
}
