package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/internal/doctor"
)

// says is what a report has to say under one name, with what to do.
func says(r *doctor.Report, name string) (all []string) {
	for _, c := range r.Checks {
		if c.Name != name {
			continue
		}
		said := string(c.Status) + ": " + c.Text
		if c.Do != "" {
			said += " -> " + c.Do
		}
		all = append(all, said)
	}
	return all
}

func TestWhatTheDoctorSays(t *testing.T) {
	const (
		zone = "      timeZone: "
		more = "claimsmith explain --live -c claimsmith.yaml --client synology --connector google --email ... --verified shows each step"
	)
	for _, test := range []struct {
		name  string
		edit  []string
		args  []string
		check string
		want  []string
	}{
		{name: "an administrator whom links let in", edit: []string{zone, "      links: [{email: dad@gmail.com, name: dad}]\n" + zone}, check: "administrators",
			want: []string{"ok: no other administrator who is switched on has an e-mail address; 1 is let in because links name them: dad"}},
		{name: "an administrator whom links let in by another address", edit: []string{zone, "      links: [{email: daddy@gmail.com, name: dad}]\n" + zone}, check: "administrators",
			want: []string{"ok: 1 administrator can be reached by e-mail, and the rules turn them away (claimsmith.yaml:55); 1 is let in because links name them: dad"}},
		{name: "an administrator whom links name, and rules that let nobody in", edit: []string{zone, "      links: [{email: dad@gmail.com, name: dad}]\n" + zone,
			"nas.admin && not nas.linked", "nas.admin", "      facts: {nas: {found: true, name: dad, uid: 1028, admin: true, linked: true}}\n    want:\n      claims: {username: dad}",
			"      facts: {nas: {found: true, name: dad, uid: 1028, admin: true, linked: true}}\n    want:\n      denied: Administrators of this NAS sign in with their password."}, check: "administrators",
			want: []string{"ok: no other administrator who is switched on has an e-mail address; links name 1, and the rules turn them away all the same (claimsmith.yaml:55): dad"}},
		{name: "a client that nothing is about", args: []string{"--client", "nas"}, check: "rules",
			want: []string{"wrong: no rule applies to a client nas; Dex has synology -> name the right one with --client, or write rules for it"}},
		{name: "the contract of such a client is no matter", args: []string{"--client", "nas"}, check: "contract"},
		{name: "nor are the administrators", args: []string{"--client", "nas"}, check: "administrators",
			want: []string{"skipped: no rule applies to a client nas, so none was tried"}},
		{name: "a person who comes by such a client", args: []string{"--client", "nas", "--email", "mum@gmail.com"}, check: "dry run",
			want: []string{"warning: no rule applies to this login by the client nas, so its tokens are as Dex makes them, without username -> " +
				"name the right client with --client, or write rules for it"}},
		{name: "a connector that nobody filled in", edit: []string{"YOUR-CLIENT", "YOUR-OWN"}, check: "connector google",
			want: []string{"wrong: clientID is still YOUR-OWN.apps.googleusercontent.com -> write the client ID that the provider gave you"}},
		{name: "a connector that leads elsewhere", edit: []string{"redirectURI: https://login.example.org/dex/callback", "redirectURI: https://login.example.org/callback"}, check: "connector google",
			want: []string{"wrong: redirectURI is https://login.example.org/callback, and this Dex answers at https://login.example.org/dex/callback -> " +
				"write redirectURI: https://login.example.org/dex/callback here, and the same at the provider"}},
		{name: "a connector of another name than in the rules", edit: []string{"    id: google\n", "    id: gmail\n"}, check: "ways in",
			want: []string{"wrong: the rules turn away whoever comes by any of the connectors of Dex: gmail -> use one id in both files: connectors in claimsmith.yaml and in dex.yaml"}},
		{name: "another socket", edit: []string{"address: unix:///run/claimsmith/hook.sock", "address: unix:///run/claimsmith/claims.sock"}, check: "claimsHook",
			want: []string{"wrong: it asks at unix:///run/claimsmith/claims.sock, and the sidecar listens at unix:///run/claimsmith/hook.sock -> write address: unix:///run/claimsmith/hook.sock in signer.config"}},
		{name: "a Dex that waits for less than the sidecar may take", edit: []string{"    timeout: 3s", "    timeout: 1s"}, check: "timeout",
			want: []string{"warning: Dex waits for 1s, and the sidecar may take 2.5s -> write timeout: 3.5s in signer.config"}},
		{name: "no sidecar", check: "socket",
			want: []string{"wrong: there is no /run/claimsmith/hook.sock: no sidecar is running here -> start it: claimsmith serve -c claimsmith.yaml"}},
		{name: "QuickConnect", edit: []string{"url: https://nas.example.org:5001", "url: https://family.quickconnect.to"}, check: "address",
			want: []string{"wrong: family.quickconnect.to is QuickConnect's relay, which shows a page and no Web API -> write the address of the NAS in your network: url: https://192.0.2.10:5001, and its certSha256"}},
		{name: "what is no address", args: []string{"--email", "mum"}, check: "dry run",
			want: []string{"wrong: this is no e-mail address -> write it whole, like --email mum@gmail.com"}},
		{name: "an address of another domain", args: []string{"--email", "mum@googlemail.com"}, check: "dry run",
			want: []string{"warning: turned away by claimsmith.yaml:31; the person reads: Google has not verified that mum@googlemail.com is yours, or it is no address that this NAS accepts. " +
				"Rules see no address, because its domain is none of emailDomains of the connector -> add googlemail.com to emailDomains of google under connectors, if google's word on addresses of that domain is to count. " + more}},
		{name: "an address with a path of DSM", edit: []string{"url: https://nas.example.org:5001", "url: https://nas.example.org:5001/webman"}, check: "plugin nas",
			want: []string{"wrong: claimsmith.yaml:18:12: plugins.nas.config.url: the address names a page of DSM, webman; leave that out -> claimsmith check -c claimsmith.yaml shows the line"}},
		{name: "an address with another path", edit: []string{"url: https://nas.example.org:5001", "url: https://nas.example.org:5001/dsm"}, check: "DSM",
			want: []string{"wrong: what answers there is not DSM's Web API (HTTP status 404) -> leave /dsm out of url, unless a reverse proxy has DSM below it; otherwise check host and port: " +
				"it is DSM's own address, usually port 5001, and nothing that asks for another login stands before it"}},
		{name: "an address without TLS", edit: []string{"url: https://nas.example.org:5001", "url: http://nas.home.example:5000"}, check: "address",
			want: []string{"wrong: http:// would send the password readable; use https://, or write allowPlainHTTP: true -> write url: https://nas.home.example:5001"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPatient(t, family(), nil, test.edit...)
			masked, _ := p.consult(t, test.args...)
			if diff := cmp.Diff(test.want, says(masked, test.check)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDoctorOfASecretThatIsNotKnownHere(t *testing.T) {
	p := newPatient(t, family(), nil)
	for _, test := range []struct{ env, flag, want string }{
		{"", "", "(the variable SYNOLOGY_CLIENT_SECRET in the environment of Dex, named in dex.yaml; not set here: look where Dex gets it, like secrets/dex.env)"},
		{"", "--show-secret", "(the variable SYNOLOGY_CLIENT_SECRET in the environment of Dex, named in dex.yaml; not set here: look where Dex gets it, like secrets/dex.env)"},
		{"SYNOLOGY_CLIENT_SECRET=hush", "", "(the variable SYNOLOGY_CLIENT_SECRET in the environment of Dex, named in dex.yaml; --show-secret prints it)"},
		{"SYNOLOGY_CLIENT_SECRET=hush", "--show-secret", "hush"},
	} {
		cmd := p.command("doctor", "-c", p.rules, "--dex-config", "dex.yaml", "--dex", p.issuer())
		if test.flag != "" {
			cmd.Args = append(cmd.Args, test.flag)
		}
		cmd.Dir = p.dir
		if test.env != "" {
			cmd.Env = append(cmd.Env, test.env)
		}
		out, err := cmd.Output()
		var ended *exec.ExitError
		if err != nil && !errors.As(err, &ended) {
			t.Fatal(err)
		}
		if want := "Application secret " + test.want + " Redirect URI"; !strings.Contains(strings.Join(strings.Fields(string(out)), " "), want) {
			t.Errorf("%q %q: it lacks\n%s\n%s", test.env, test.flag, want, out)
		}
	}
}

func TestDoctorOfLinksThatKeepNoProvider(t *testing.T) {
	p := newPatient(t, family(), nil, ", issuer: https://accounts.google.com", "")
	p.serve(t)
	link := func(account, id string) {
		t.Helper()
		out, err := p.command("links", "add", "-c", p.rules, "--plugin", "nas", "--connector", "google", "--user", "108-"+account, "--account", account, "--id", id).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	link("mum", "1026")
	p.edit(t, "emailDomains: [gmail.com]", "emailDomains: [gmail.com], issuer: https://accounts.google.com")
	masked, _ := p.consult(t, "--show-names")
	want := []string{"warning: 1 account is linked to a person, 1 of them by hand; 1 of these links does not hold, and its person is turned away: " +
		"mum (made before an issuer was named for google) -> claimsmith links adopt --connector google if they were made with the provider that is behind it now"}
	if diff := cmp.Diff(want, says(masked, "links")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// As the help has it: nothing but Dex is known.
func TestDoctorWithoutAConfiguration(t *testing.T) {
	front, behind := frontOfDex(t)
	p := newPatient(t, family(), front)
	p.startDex(t, behind)
	look := func(args ...string) (report doctor.Report, code int) {
		t.Helper()
		cmd := p.command(append([]string{"doctor", "--dex", p.issuer(), "--redirect-uri", p.nas.URL(), "--json"}, args...)...)
		cmd.Dir = t.TempDir()
		out, err := cmd.Output()
		var ended *exec.ExitError
		if err != nil && !errors.As(err, &ended) {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &report); err != nil {
			t.Fatal(err)
		}
		return report, cmd.ProcessState.ExitCode()
	}
	report, code := look()
	var skipped []string
	for _, c := range report.Checks {
		if c.Status != doctor.OK {
			skipped = append(skipped, c.Name+": "+string(c.Status)+": "+c.Text)
		}
	}
	want := []string{
		"file: unknown: there is no claimsmith.yaml here",
		"socket: unknown: the configuration says where it is",
		"file: unknown: the client, its redirect URIs, its connectors and the hook's part were not looked at",
		"facts: skipped: the configuration says so",
		"dry run: skipped: --email ADDRESS says who is tried: the plugins are asked, the rules decide, and no token is made",
	}
	if diff := cmp.Diff(want, skipped); diff != "" || code != 2 {
		t.Errorf("exit code %d; -want +got:\n%s", code, diff)
	}
	report, code = look("-c", "claimsmith.yaml")
	if diff := cmp.Diff([]string{"wrong: there is no such file -> name the right one with -c"}, says(&report, "file")[:1]); diff != "" || code != 1 {
		t.Errorf("exit code %d; -want +got:\n%s", code, diff)
	}
	report, _ = look("--email", "mum@gmail.com")
	if diff := cmp.Diff([]string{"unknown: the configuration says who is let in -> -c FILE names it"}, says(&report, "dry run")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A configuration that is about no NAS has no contract with one.
func TestDoctorOfAConfigurationWithoutANAS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "claimsmith.yaml")
	if err := os.WriteFile(file, []byte("listen: unix:///run/claimsmith/hook.sock\npipeline:\n  - set: {team: '\"a\"'}\ntests:\n  - {name: a team, given: {client: shop}, want: {claims: {team: a}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "doctor", "-c", file)
	cmd.Env = os.Environ()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if cmd.ProcessState.ExitCode() != 1 || strings.Contains(string(out), "contract") || strings.Contains(string(out), "synology") {
		t.Errorf("%v\n%s%s", err, out, errs.String())
	}
}
