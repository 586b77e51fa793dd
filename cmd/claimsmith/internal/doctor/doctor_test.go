package doctor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// fresh is a run that has looked at nothing.
func fresh(o Options) *doctor {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return &doctor{o: o, report: &Report{Count: map[Status]int{}}, redirect: o.RedirectURI}
}

// said is what the checks came to, one line each.
func (d *doctor) said() []string {
	var all []string
	for _, c := range d.report.Checks {
		all = append(all, fmt.Sprintf("%s %s: %s", c.Status, c.Name, c.Text))
	}
	return all
}

func TestClocks(t *testing.T) {
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct{ name, date, want string }{
		{"the same minute", now.Add(20 * time.Second).Format(http.TimeFormat), "ok clock: the clocks of the NAS and of this machine agree"},
		{"two minutes ahead", now.Add(2 * time.Minute).Format(http.TimeFormat), "warning clock: the clocks of the NAS and of this machine are 2m apart"},
		{"an hour behind", now.Add(-time.Hour).Format(http.TimeFormat), "wrong clock: the clocks of the NAS and of this machine are 1h apart: tokens are refused as expired, or as not valid yet"},
		{"no date", "", "skipped clock: the NAS does not say what time it is there"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := fresh(Options{Now: func() time.Time { return now }})
			d.clock("clock", "the NAS", test.date)
			if diff := cmp.Diff([]string{test.want}, d.said()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRedirectURIs(t *testing.T) {
	for uri, want := range map[string]string{
		"https://nas.example.org:5001":            "ok redirect URI: https://nas.example.org:5001 is the address of DSM, without a path and without a slash",
		"https://nas.example.org:5001/":           "warning redirect URI: https://nas.example.org:5001/ ends with a slash: that is right only if DSM's form has the slash too",
		"https://nas.example.org:5001/signin":     "warning redirect URI: https://nas.example.org:5001/signin has the path /signin, and DSM needs none",
		"https://nas.example.org:5001/#/signin":   "wrong redirect URI: https://nas.example.org:5001/#/signin has a # in it, which no redirect URI may have; with several of them the last one wins",
		"http://nas.example.org:5000":             "warning redirect URI: http://nas.example.org:5000 is not https: the code travels readable",
		"https://family.quickconnect.to":          "wrong redirect URI: https://family.quickconnect.to is QuickConnect's relay, and not the address under which DSM is opened",
		"nas.example.org":                         "wrong redirect URI: nas.example.org is no address",
		"https://nas.example.org:5001/#":          "wrong redirect URI: https://nas.example.org:5001/# has a # in it, which no redirect URI may have; with several of them the last one wins",
		"https://nas.example.org:5001/\nok login": "wrong redirect URI: https://nas.example.org:5001/ ok login is no address",
	} {
		t.Run(uri, func(t *testing.T) {
			d := fresh(Options{RedirectURI: uri})
			d.redirectURI(uri)
			if diff := cmp.Diff([]string{want}, d.said()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// provider describes itself with changes to what Dex says.
func provider(t *testing.T, change func(map[string]any), keys string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	description := map[string]any{
		"issuer": server.URL, "authorization_endpoint": server.URL + "/auth", "jwks_uri": server.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256"}, "claims_supported": []string{"username"},
		"scopes_supported": []string{"openid", "profile", "email"}, "token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
	}
	change(description)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		if description["page"] != nil {
			fmt.Fprint(w, "<html>")
			return
		}
		_ = json.NewEncoder(w).Encode(description)
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, keys) })
	mux.HandleFunc("/auth", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://accounts.google.com/", http.StatusFound)
	})
	return server
}

func TestProvidersThatDSMDoesNotTake(t *testing.T) {
	const rsa = `{"keys":[{"kty":"RSA","alg":"RS256"}]}`
	for _, test := range []struct {
		name   string
		change func(map[string]any)
		keys   string
		want   []string // beside what is ok
	}{
		{name: "one that it takes", keys: rsa},
		{name: "an issuer with another name", change: func(m map[string]any) { m["issuer"] = "https://login.example.org" }, keys: rsa,
			want: []string{"wrong issuer: Dex calls itself https://login.example.org, and was asked at URL"}},
		{name: "a web page", change: func(m map[string]any) { m["page"] = true }, keys: rsa,
			want: []string{"wrong discovery: URL/.well-known/openid-configuration answers something else than a description of an issuer"}},
		{name: "elliptic keys", keys: `{"keys":[{"kty":"EC","alg":"ES256"}]}`,
			want: []string{"wrong keys: of 1 key none is for RS256, the only way of signing that DSM takes"}},
		{name: "no keys", keys: `{"keys":[]}`,
			want: []string{"wrong keys: of 0 keys none is for RS256, the only way of signing that DSM takes"}},
		{name: "no secret by post", change: func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = []string{"client_secret_basic"} }, keys: rsa,
			want: []string{"wrong client_secret: Dex does not take client_secret_post, which is how DSM sends its secret"}},
		{name: "no claim", change: func(m map[string]any) { m["claims_supported"] = []string{"email"} }, keys: rsa,
			want: []string{"wrong claims_supported: it lacks username: this Dex has no hook, or was not told to list the claim"}},
		{name: "no scope email", change: func(m map[string]any) { m["scopes_supported"] = []string{"openid", "profile"} }, keys: rsa,
			want: []string{"wrong scopes: Dex does not know the scope email"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.change == nil {
				test.change = func(map[string]any) {}
			}
			server := provider(t, test.change, test.keys)
			d := fresh(Options{Dex: server.URL + "/", Client: "synology", RedirectURI: "https://nas.example.org:5001"})
			d.dexAndForm(t.Context())
			want := append([]string{}, test.want...)
			var got []string
			for _, line := range d.said() {
				if strings.HasPrefix(line, "wrong") {
					got = append(got, strings.ReplaceAll(line, server.URL, "URL"))
				}
			}
			if diff := cmp.Diff(want, append([]string{}, got...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCertificates(t *testing.T) {
	nas, err := dsmtest.Start(dsmtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nas.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, nas.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	leaf := leafOf(t, nas)
	for _, test := range []struct {
		name string
		now  time.Time
		host string // in url; empty: that of the NAS
		c    synology.Config
		want string // how it begins
	}{
		{name: "signed by the authority in the file", now: time.Now(), c: synology.Config{CAFile: ca}, want: "ok certificate: it is made out for localhost, 127.0.0.1, ::1 and signed by "},
		{name: "pinned", now: time.Now(), c: synology.Config{CertSHA256: nas.Fingerprint()}, want: "ok certificate: it is the one that certSha256 pins, good until "},
		{name: "ends soon", now: leaf.Add(-72 * time.Hour), c: synology.Config{CAFile: ca}, want: "warning certificate: it is good, and ends in 3 days"},
		{name: "has ended", now: leaf.Add(72 * time.Hour), c: synology.Config{CAFile: ca}, want: "wrong certificate: the certificate was good from "},
		{name: "made by DSM itself", now: time.Now(), want: "wrong certificate: no authority that this machine knows signed the certificate"},
		{name: "for another name", now: time.Now(), host: "127.0.0.2", c: synology.Config{CAFile: ca}, want: "wrong certificate: the certificate is made out for another name than 127.0.0.2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := fresh(Options{Now: func() time.Time { return test.now }})
			base, err := url.Parse(nas.URL())
			if err != nil {
				t.Fatal(err)
			}
			if test.host != "" {
				d.distrustedName(t, nas, test.host, test.want)
				return
			}
			_, ok := d.certificate(t.Context(), base, test.c)
			if got := d.said(); len(got) != 1 || !strings.HasPrefix(got[0], test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if ok == d.report.Failed() {
				t.Errorf("it goes on: %t", ok)
			}
		})
	}
}

// distrustedName judges the chain of the NAS as that of another host, which need not be there.
func (d *doctor) distrustedName(t *testing.T, nas *dsmtest.NAS, host, want string) {
	t.Helper()
	base, err := url.Parse(nas.URL())
	if err != nil {
		t.Fatal(err)
	}
	chain, err := d.shown(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	why, do := d.distrusted(chain, nil, host)
	if got := "wrong certificate: " + why; got != want || do == "" {
		t.Errorf("got %q, want %q; to do: %q", got, want, do)
	}
}

// leafOf is when the certificate of the NAS ends.
func leafOf(t *testing.T, nas *dsmtest.NAS) time.Time {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(nas.URL(), "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].NotAfter
}

func TestWhereTheClaimIs(t *testing.T) {
	copyOf := func(kind, claims string) replay.ExplainedCopy {
		return replay.ExplainedCopy{Kind: kind, Claims: json.RawMessage(claims)}
	}
	for _, test := range []struct {
		name   string
		tokens []replay.ExplainedCopy
		want   string
	}{
		{"in both", []replay.ExplainedCopy{copyOf("access and id", `{"username":"mum"}`)},
			`ok claim: the rules would set username to "mum" in the ID token and in /userinfo, which is where DSM is thought to read it; no token was made`},
		{"in the ID token alone", []replay.ExplainedCopy{copyOf("access", `{}`), copyOf("id", `{"username":"mum"}`)},
			"wrong claim: username is not in /userinfo, which is where DSM is thought to read it: DSM shows an empty user in its log"},
		{"in userinfo alone", []replay.ExplainedCopy{copyOf("access", `{"username":"mum"}`), copyOf("id", `{}`)},
			"warning claim: username is in /userinfo and not the same in the ID token"},
		{"not a string", []replay.ExplainedCopy{copyOf("access and id", `{"username":["mum"]}`)},
			"wrong claim: username is not in /userinfo, which is where DSM is thought to read it: DSM shows an empty user in its log"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := fresh(Options{})
			d.claim(&replay.Explanation{Tokens: test.tokens}, "")
			if diff := cmp.Diff([]string{test.want}, d.said()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDexConfigurationsThatCannotBeRead(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"no YAML", "staticClients: [{secret: 'hush\n", "it is not YAML"},
		{"an unknown key of the hook", "signer: {type: claimsHook, config: {adress: x}}\n", `claimsHook: unknown key "adress"; known are address, tls, serverUid, timeout, clients, signUnchanged, claimsSupported, signer`},
		{"a string for a list", "staticClients: hush\n", "staticClients is of another kind than Dex wants"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "dex.yaml")
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := loadDexConfig(file); err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestANASThatDoesNotShowACertificate(t *testing.T) {
	for _, test := range []struct {
		name  string
		speak func(net.Conn)
		want  string
	}{
		{"it says nothing", func(net.Conn) {}, "wrong certificate: the NAS takes the connection and then says nothing: its disks are starting, or DSM is stopping"},
		{"it speaks http", func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }, "wrong certificate: this port does not speak https: "},
		{"it hangs up", func(c net.Conn) { c.Close() }, "wrong certificate: the NAS cut the connection before it showed a certificate: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			taken := make(chan net.Conn, 1)
			go func() {
				defer close(taken)
				if c, err := l.Accept(); err == nil {
					test.speak(c)
					taken <- c
				}
			}()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			d := fresh(Options{})
			d.certificate(ctx, &url.URL{Scheme: "https", Host: l.Addr().String()}, synology.Config{})
			if c := <-taken; c != nil {
				c.Close()
			}
			if said := d.said(); len(said) != 1 || !strings.HasPrefix(said[0], test.want) {
				t.Errorf("got %q, want %q", said, test.want)
			}
		})
	}
}

func TestSecretsAreTriedWithAMadeUpCode(t *testing.T) {
	for _, test := range []struct{ name, answer, want string }{
		{"the right one", `{"error":"invalid_request"}`, "ok secret: Dex takes the secret of the client synology"},
		{"another provider's way to say so", `{"error":"invalid_grant"}`, "ok secret: Dex takes the secret of the client synology"},
		{"a wrong one", `{"error":"invalid_client"}`, "wrong secret: Dex refuses the secret of the client synology"},
		{"a proxy", "<html>", "unknown secret: URL answers with HTTP status 200 and no error of OAuth"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.FormValue("client_secret") != "hush" || r.FormValue("code") == "" {
					t.Errorf("asked with %v", r.Form)
				}
				fmt.Fprint(w, test.answer)
			}))
			defer server.Close()
			d := fresh(Options{Client: "synology", DexConfig: "dex.yaml", RedirectURI: "https://nas.example.org:5001"})
			d.dex = &dexConfig{StaticClients: []dexClient{{ID: "synology", Secret: "hush"}}}
			d.secret(t.Context(), discovery{Token: server.URL})
			said := strings.ReplaceAll(strings.Join(d.said(), "\n"), server.URL, "URL")
			if diff := cmp.Diff(test.want, said); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheLastLine(t *testing.T) {
	for want, found := range map[string][]Status{
		"people can sign in": {OK},
		"people can sign in, 1 worth a look, 1 not looked at":                   {OK, Warning, Skipped},
		"unknown whether people can sign in, 2 unknown":                         {OK, Unknown, Unknown},
		"people cannot sign in: 1 thing is wrong":                               {Wrong, OK},
		"people cannot sign in: 2 things are wrong, 1 unknown, 1 not looked at": {Wrong, Wrong, Unknown, Skipped},
	} {
		d := fresh(Options{})
		for _, status := range found {
			d.add("", status, "", "")
		}
		d.report.Result = d.report.result()
		if got := d.report.summary(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
