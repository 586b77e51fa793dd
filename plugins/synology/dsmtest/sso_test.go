package dsmtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

// browser keeps cookies and follows redirects, as a person's does.
func browser(t *testing.T, n *NAS) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := n.Client()
	client.Jar, client.CheckRedirect = jar, nil
	return client
}

// fetch does a request of a browser that asks for JSON where asJSON is true.
func fetch(t *testing.T, client *http.Client, method, address, body string, asJSON bool) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if asJSON {
		r.Header.Set("Accept", "application/json")
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(text))
}

func ssoFor(p *provider) *SSOConfig {
	return &SSOConfig{
		Name: "Example", WellKnown: p.URL + "/.well-known/openid-configuration",
		ClientID: "synology", ClientSecret: "s3cret", AllowLocal: true,
	}
}

func TestSingleSignOn(t *testing.T) {
	const (
		in           = `{"signedInAs":"mum"}`
		unauthorized = `{"error":"You are not authorized to use this service: invalid user or password."}`
		bad          = `{"error":"Your SSO is not properly configured. Please contact your system administrator."}`
		unreachable  = `{"error":"Unable to get the URL for SSO authentication."}`
	)
	p := newProvider(t)
	info := func(name string, value any) func(*SSOConfig) {
		return func(*SSOConfig) { p.userinfo[name] = value }
	}
	id := func(name string, value any) func(*SSOConfig) {
		return func(*SSOConfig) { p.id = map[string]any{name: value} }
	}
	tests := []struct {
		name   string
		change func(*SSOConfig)
		status int
		want   string
		signIn SignIn // Reason is the start of the reason
	}{
		{"the username claim of userinfo counts, not that of the ID token", func(*SSOConfig) {}, 200, in, SignIn{Name: "mum", OK: true}},
		{"another claim can be chosen", func(c *SSOConfig) {
			c.UsernameClaim, p.userinfo = "preferred_username", map[string]any{"sub": "mia", "preferred_username": "mum"}
		}, 200, in, SignIn{Name: "mum", OK: true}},
		{"nobody has that name", info("username", "nobody"), 403, unauthorized, SignIn{Name: "nobody", Reason: "no such account"}},
		{"names are compared exactly", info("username", "Mum"), 403, unauthorized, SignIn{Name: "Mum", Reason: "no such account"}},
		{"no name in userinfo", func(*SSOConfig) { delete(p.userinfo, "username") }, 403, unauthorized, SignIn{Reason: "no user name in userinfo"}},
		{"a name that is a list", info("username", []string{"mum"}), 403, unauthorized, SignIn{Reason: "no user name in userinfo"}},
		{"a disabled account", info("username", "guest"), 403, unauthorized, SignIn{Name: "guest", Reason: "disabled"}},
		{"a local account where only Domain/LDAP may come in", func(c *SSOConfig) { c.AllowLocal = false }, 403, unauthorized,
			SignIn{Name: "mum", Reason: "local accounts are not allowed"}},
		{"an LDAP account may come in there", func(c *SSOConfig) { c.AllowLocal, p.userinfo["username"] = false, "ada@example.org" },
			200, `{"signedInAs":"ada@example.org"}`, SignIn{Name: "ada@example.org", OK: true}},
		{"the provider refuses", func(*SSOConfig) {
			p.deny = url.Values{"error": {"access_denied"}, "error_description": {"refused <b>(decision 7)</b>"}}
		}, 403, `{"error":"The sign-in was refused: access_denied: refused \u003cb\u003e(decision 7)\u003c/b\u003e"}`, SignIn{Reason: "provider refused"}},
		{"an ID token signed with ES256", func(*SSOConfig) { p.alg = jose.ES256 }, 502, bad, SignIn{Reason: "token: oidc: "}},
		{"an ID token signed with HS256", func(*SSOConfig) { p.alg = jose.HS256 }, 502, bad, SignIn{Reason: "token: oidc: "}},
		{"an ID token that names no key", func(*SSOConfig) { p.kid = "" }, 502, bad, SignIn{Reason: "token: the ID token names no key (kid)"}},
		{"an ID token of another issuer", id("iss", "https://other.example.org"), 502, bad, SignIn{Reason: "token: oidc: id token issued by a different provider"}},
		{"an ID token for another client", id("aud", "other"), 502, bad, SignIn{Reason: "token: oidc: expected audience"}},
		{"an ID token that expired", id("exp", 1), 502, bad, SignIn{Reason: "token: oidc: token is expired"}},
		{"an ID token with another nonce", id("nonce", "x"), 502, bad, SignIn{Reason: "token: nonce of the ID token is not the one that was sent"}},
		{"an ID token for another access token", id("at_hash", "x"), 502, bad, SignIn{Reason: "token: access token hash does not match"}},
		{"userinfo of somebody else", info("sub", "eve"), 502, bad, SignIn{Reason: "userinfo: sub is not that of the ID token"}},
		{"userinfo that is no JSON", func(*SSOConfig) { p.userinfo = nil }, 502, bad, SignIn{Reason: "userinfo: not a JSON object"}},
		{"a wrong secret", func(c *SSOConfig) { c.ClientSecret = "x" }, 502, bad, SignIn{Reason: "token: oauth2: "}},
		{"a well-known URL that is none", func(c *SSOConfig) { c.WellKnown = p.URL }, 502, unreachable, SignIn{Reason: "discovery: well-known URL does not end with"}},
		{"a well-known URL of another issuer", func(c *SSOConfig) { c.WellKnown = p.URL + "/x/.well-known/openid-configuration" }, 502, unreachable,
			SignIn{Reason: "discovery: 404 Not Found"}},
	}
	o := household()
	o.Accounts = append(o.Accounts, Account{Name: "ada@example.org", Type: "ldap"})
	n := start(t, o)
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p.reset()
			c := ssoFor(p)
			test.change(c)
			n.SetSSO(c)
			status, body := fetch(t, browser(t, n), http.MethodGet, n.URL()+"/sso/start", "", true)
			if status != test.status || body != test.want {
				t.Errorf("got %d %s\nwant %d %s", status, body, test.status, test.want)
			}
			log := n.SignIns()
			got := log[len(log)-1]
			if len(log) != i+1 || !strings.HasPrefix(got.Reason, test.signIn.Reason) {
				t.Errorf("%d sign-ins, the last %+v", len(log), got)
			}
			got.Reason, test.signIn.Reason, test.signIn.SSO = "", "", true
			if got != test.signIn {
				t.Errorf("got %+v, want %+v", got, test.signIn)
			}
		})
	}
}

func TestRequestsToTheProviderAreThoseOfDSM(t *testing.T) {
	p := newProvider(t)
	p.reset()
	n := start(t, household())
	c := ssoFor(p)
	c.RedirectURI, c.Scope = n.URL()+"/", "openid  profile"
	n.SetSSO(c)
	if status, body := fetch(t, browser(t, n), http.MethodGet, n.URL()+"/sso/start", "", true); status != 200 {
		t.Fatal(body)
	}
	for _, values := range p.requests {
		for _, name := range []string{"state", "nonce"} {
			if values.Has(name) && len(values.Get(name)) != 32 {
				t.Errorf("%s is %q", name, values.Get(name))
			}
			if values.Has(name) {
				values.Set(name, "*")
			}
		}
	}
	want := []url.Values{
		{"client_id": {"synology"}, "redirect_uri": {n.URL() + "/"}, "response_type": {"code"}, "scope": {"openid profile"}, "state": {"*"}, "nonce": {"*"}},
		{"client_id": {"synology"}, "client_secret": {"s3cret"}, "code": {"code"}, "grant_type": {"authorization_code"}, "redirect_uri": {n.URL() + "/"}},
	}
	if diff := cmp.Diff(want, p.requests); diff != "" {
		t.Error(diff)
	}
}

func TestTheRedirectURIMayHaveAPath(t *testing.T) {
	p := newProvider(t)
	p.reset()
	n := start(t, household())
	c := ssoFor(p)
	c.RedirectURI = n.URL() + "/oidc/back"
	n.SetSSO(c)
	if _, body := fetch(t, browser(t, n), http.MethodGet, n.URL()+"/sso/start", "", true); body != `{"signedInAs":"mum"}` {
		t.Error(body)
	}
	if status, _ := fetch(t, browser(t, n), http.MethodGet, n.URL()+"/oidc/back", "", true); status != 404 {
		t.Errorf("status %d without a code", status)
	}
}

func TestALoginBelongsToOneBrowserOnce(t *testing.T) {
	p := newProvider(t)
	p.reset()
	n := start(t, household())
	n.SetSSO(ssoFor(p))
	victim, thief := browser(t, n), browser(t, n)
	var back string
	victim.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), n.URL()) {
			back = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	fetch(t, victim, http.MethodGet, n.URL()+"/sso/start", "", true)
	var got []int
	for _, client := range []*http.Client{thief, victim, victim} {
		status, _ := fetch(t, client, http.MethodGet, back, "", true)
		got = append(got, status)
	}
	if diff := cmp.Diff([]int{400, 200, 400}, got); diff != "" {
		t.Error(diff)
	}
}

func TestASessionAfterSingleSignOnIsARealOne(t *testing.T) {
	p := newProvider(t)
	p.reset()
	n := start(t, household())
	n.SetSSO(ssoFor(p))
	client := browser(t, n)
	status, body := fetch(t, client, http.MethodGet, n.URL()+"/sso/result", "", false)
	if status != 401 || body != `{"error":"not signed in"}` {
		t.Errorf("before: %d %s", status, body)
	}
	fetch(t, client, http.MethodGet, n.URL()+"/sso/start", "", false)
	_, body = fetch(t, client, http.MethodGet, n.URL()+"/sso/result", "", false)
	if body != `{"signedInAs":"mum"}` {
		t.Errorf("after: %s", body)
	}
	_, body = fetch(t, client, http.MethodGet, n.URL()+"/webapi/entry.cgi?api=SYNO.Core.NormalUser&version=1&method=get", "", false)
	var rep struct{ Data struct{ Username string } }
	if err := json.Unmarshal([]byte(body), &rep); err != nil || rep.Data.Username != "mum" {
		t.Errorf("web api: %v %s", err, body)
	}
	fetch(t, client, http.MethodPost, n.URL()+"/signout", "", false)
	if status, _ := fetch(t, client, http.MethodGet, n.URL()+"/sso/result", "", false); status != 401 {
		t.Errorf("after signing out: %d", status)
	}
}

func TestPagesAreForPeople(t *testing.T) {
	p := newProvider(t)
	n := start(t, household())
	client := browser(t, n)
	page := func(method, path, body string) (int, string) {
		return fetch(t, client, method, n.URL()+path, body, false)
	}
	if _, body := page("GET", "/", ""); strings.Contains(body, "/sso/start") || !strings.Contains(body, "<h1>Sign in to DSM</h1>") {
		t.Errorf("without single sign-on: %s", body)
	}
	if status, _ := page("GET", "/sso/start", ""); status != 404 {
		t.Errorf("start without single sign-on: %d", status)
	}
	p.reset()
	n.SetSSO(ssoFor(p))
	if _, body := page("GET", "/", ""); !strings.Contains(body, `<a class="button" href="/sso/start">Sign in with Example</a>`) {
		t.Errorf("with single sign-on: %s", body)
	}
	p.deny = url.Values{"error": {"access_denied"}, "error_description": {"<script>alert(1)</script>"}}
	if _, body := page("GET", "/sso/start", ""); !strings.Contains(body,
		`<p class="error" role="alert">The sign-in was refused: access_denied: &lt;script&gt;alert(1)&lt;/script&gt;</p>`) {
		t.Errorf("refused: %s", body)
	}
	if status, body := page("POST", "/signin", "account=mum&passwd=x"); status != 403 || !strings.Contains(body, "Invalid user or password.") {
		t.Errorf("wrong password: %d %s", status, body)
	}
	if status, body := page("POST", "/signin", "account=otto&passwd=red+fox"); status != 403 || !strings.Contains(body, "This account needs a second factor") {
		t.Errorf("second factor: %d %s", status, body)
	}
	if status, body := page("POST", "/signin", "account=mum&passwd=blue+bird"); status != 200 || !strings.Contains(body, "Signed in to DSM as <strong>mum</strong>") {
		t.Errorf("password: %d %s", status, body)
	}
	if _, body := page("GET", "/", ""); !strings.Contains(body, "Signed in to DSM as <strong>mum</strong>") {
		t.Errorf("afterwards: %s", body)
	}
	if status, body := page("GET", "/dsm.css", ""); status != 200 || !strings.Contains(body, "main {") {
		t.Errorf("style: %d %s", status, body)
	}
	if status, _ := page("GET", "/elsewhere", ""); status != 404 {
		t.Errorf("elsewhere: %d", status)
	}
	want := []SignIn{
		{SSO: true, Reason: "provider refused"},
		{Name: "mum", Reason: "Invalid user or password."},
		{Name: "otto", Reason: "This account needs a second factor, which the emulator's page cannot ask for."},
		{Name: "mum", OK: true},
	}
	if diff := cmp.Diff(want, n.SignIns()); diff != "" {
		t.Error(diff)
	}
}

func TestPagesForbidWhatTheyDoNotNeed(t *testing.T) {
	n := start(t, Options{Plain: true})
	response, err := http.Get(n.URL() + "/")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	got := map[string]string{}
	for _, name := range []string{"Content-Type", "Cache-Control", "Referrer-Policy", "X-Content-Type-Options", "Content-Security-Policy"} {
		got[name] = response.Header.Get(name)
	}
	want := map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
		"X-Content-Type-Options":  "nosniff",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
