package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/dexpatch/dextest"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar/operator"
)

// TestASwitchedOffAccountEndsAtARefresh goes from the NAS to the client of Dex: once the fact that was kept has expired, a refresh
// is refused for an account that somebody switched off.
func TestASwitchedOffAccountEndsAtARefresh(t *testing.T) {
	const kept = 2 * time.Second
	nas, err := dsmtest.Start(dsmtest.Options{
		Accounts: []dsmtest.Account{{Name: "kilgore", Email: "kilgore@kilgore.trout"}}, // the address that Dex's mock connector gives
		Service:  dsmtest.Account{Name: "claimsmith", Password: "a long password"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nas.Close)
	dir := shortDir(t)
	write(t, filepath.Join(dir, "password"), []byte("a long password"))
	write(t, filepath.Join(dir, "ca.pem"), nas.CA())
	write(t, filepath.Join(dir, "claimsmith.yaml"), fmt.Appendf(nil, `listen: unix://%[1]s/run/hook.sock
connectors: {mock: {emailDomains: [kilgore.trout]}}
plugins:
  nas:
    builtin: synology
    config: {url: %[2]q, account: claimsmith, passwordFile: %[1]s/password, caFile: %[1]s/ca.pem, refresh: %[3]s}
pipeline:
  - lookup: nas
    with: {email: identity.email}
    cache: {ttl: %[3]s}
  - {deny: nas.problem == "disabled", message: The account is switched off.}
  - {deny: not nas.found, message: There is no such account.}
  - set: {username: nas.name}
`, dir, nas.URL(), kept))
	sidecar := serve(t, filepath.Join(dir, "claimsmith.yaml"))
	dex := dextest.Start(t, dextest.Options{Config: fmt.Sprintf(`
connectors: [{type: mockCallback, id: mock, name: Mock}]
oauth2: {skipApprovalScreen: true}
staticClients: [{id: synology, name: NAS, secret: secret, redirectURIs: ["http://127.0.0.1:1/callback"]}]
signer: {type: claimsHook, config: {address: "unix://%s/run/hook.sock", timeout: 10s}}
`, dir)})

	status, got := redeem(t, dex, url.Values{"grant_type": {"authorization_code"}, "code": {loginCode(t, dex)}, "redirect_uri": {"http://127.0.0.1:1/callback"}})
	if status != http.StatusOK {
		t.Fatalf("the code: %d %v", status, got)
	}
	refresh := func() (int, map[string]any) {
		status, answer := redeem(t, dex, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {fmt.Sprint(got["refresh_token"])}})
		if status == http.StatusOK {
			got = answer
		}
		return status, answer
	}
	if status, answer := refresh(); status != http.StatusOK {
		t.Fatalf("a refresh of an account in use: %d %v", status, answer)
	}

	if !nas.Update("kilgore", func(a *dsmtest.Account) { a.Expired = "now" }) {
		t.Fatal("the NAS has no such account")
	}
	off := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		began := time.Now()
		status, answer := refresh()
		if status != http.StatusOK {
			if said := fmt.Sprint(answer["error_description"]); status != http.StatusBadRequest || answer["error"] != "invalid_grant" || !strings.HasPrefix(said, "The request was refused (decision ") {
				t.Errorf("got %d %v", status, answer)
			}
			break
		}
		// The plugin may have read its list just before, and the sidecar have kept the fact just before that list expired.
		if began.Sub(off) > 2*kept {
			t.Fatalf("%s after the account was switched off a refresh succeeds:\n%s", began.Sub(off), sidecar.log())
		}
		<-tick.C
	}
	if status, answer := refresh(); status != http.StatusBadRequest || answer["error"] != "invalid_grant" {
		t.Errorf("the next refresh: %d %v", status, answer)
	}
}

// TestEachChangeOfAnAccountCountsAtARefreshAndAnExchange goes through Dex after each change that somebody makes at the NAS. Each time the
// token of before is refreshed, another one is exchanged, and once the account is as it was, both go on: a refusal uses up nothing.
func TestEachChangeOfAnAccountCountsAtARefreshAndAnExchange(t *testing.T) {
	t.Parallel()
	const exchange, idToken = "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:token-type:id_token"
	const address = "kilgore@kilgore.trout"
	nas, err := dsmtest.Start(dsmtest.Options{
		Accounts: []dsmtest.Account{{Name: "kilgore", Email: address, UID: 1026}, {Name: "kid", Email: "kid@kilgore.trout", UID: 1027}},
		Service:  dsmtest.Account{Name: "claimsmith", Password: "a long password"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nas.Close)
	dir := shortDir(t)
	file := filepath.Join(dir, "c.yaml")
	write(t, filepath.Join(dir, "password"), []byte("a long password"))
	write(t, filepath.Join(dir, "key"), []byte(strings.Repeat("0f", 32)))
	write(t, filepath.Join(dir, "ca.pem"), nas.CA())
	write(t, file, fmt.Appendf(nil, `listen: unix://%[1]s/run/hook.sock
connectors: {mock: {emailDomains: [kilgore.trout]}}
state: {file: %[1]s/state/state.db, keyFile: %[1]s/key}
plugins:
  nas: {builtin: synology, config: {url: %[2]q, account: claimsmith, passwordFile: %[1]s/password, caFile: %[1]s/ca.pem}}
pipeline:
  - lookup: nas
    with: {email: identity.email}
    grants: [authorization_code, refresh_token, %[3]q]
    pin: {subject: identity.userId, account: nas.name, id: nas.uid}
  - {deny: nas.problem == "disabled" || nas.problem == "expired", message: The account is switched off.}
  - {deny: nas.problem == "ambiguous", message: Two accounts have the address.}
  - {deny: not nas.found, message: There is no such account.}
  - {deny: nas.admin, message: Administrators sign in with their password.}
  - set: {username: nas.name, groups: nas.groups}
`, dir, nas.URL(), exchange))
	serving := serve(t, file)
	dex := dextest.Start(t, dextest.Options{Config: fmt.Sprintf(`
connectors: [{type: mockCallback, id: mock, name: Mock}]
oauth2: {skipApprovalScreen: true, grantTypes: [authorization_code, refresh_token, %q]}
staticClients: [{id: synology, name: NAS, secret: secret, redirectURIs: ["http://127.0.0.1:1/callback"]}]
signer: {type: claimsHook, config: {address: "unix://%s/run/hook.sock", timeout: 10s}}
`, exchange, dir)})
	status, got := redeem(t, dex, url.Values{"grant_type": {"authorization_code"}, "code": {loginCode(t, dex)}, "redirect_uri": {"http://127.0.0.1:1/callback"}})
	if status != http.StatusOK {
		t.Fatalf("the code: %d %v", status, got)
	}
	rule := regexp.MustCompile(`"rule":"[^"]*c\.yaml:([0-9]+)`)
	decision := regexp.MustCompile(`^The request was refused \(decision (.*)\)\.$`)
	// said is what came of a request: claims, the error and the rule that refused, or the error alone.
	said := func(status int, answer map[string]any, token any) string {
		t.Helper()
		if status != http.StatusOK {
			out := fmt.Sprintf("%d %s", status, answer["error"])
			if id := decision.FindStringSubmatch(fmt.Sprint(answer["error_description"])); id != nil {
				eventually(t, func() bool { // the log comes through a pipe
					for line := range strings.Lines(serving.log()) {
						if at := rule.FindStringSubmatch(line); at != nil && strings.Contains(line, `"decision_id":"`+id[1]+`"`) {
							out += " by line " + at[1]
							return true
						}
					}
					return false
				})
			}
			return out
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(fmt.Sprint(token), ".")[1])
		var claims struct {
			Username string
			Groups   []string
		}
		if err := errors.Join(err, json.Unmarshal(payload, &claims)); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(claims.Username, claims.Groups)
	}
	update := func(name string, change func(*dsmtest.Account)) func() {
		return func() {
			if !nas.Update(name, change) {
				t.Errorf("there is no %s", name)
			}
		}
	}
	const in = "kilgore[users]"
	refused := func(line int) string { return fmt.Sprintf("400 %%s by line %d", line) }
	steps := []struct {
		name         string
		change, undo func()
		want         string // with the error of the grant
	}{
		{"another group", update("kilgore", func(a *dsmtest.Account) { a.Groups = []string{"family"} }), update("kilgore", func(a *dsmtest.Account) { a.Groups = nil }), "kilgore[family users]"},
		{"switched off", update("kilgore", func(a *dsmtest.Account) { a.Expired = "now" }), update("kilgore", func(a *dsmtest.Account) { a.Expired = "" }), refused(11)},
		{"its last day is over", update("kilgore", func(a *dsmtest.Account) { a.Expired = "2020/3/1" }), update("kilgore", func(a *dsmtest.Account) { a.Expired = "" }), refused(11)},
		{"an administrator", update("kilgore", func(a *dsmtest.Account) { a.Groups = []string{"administrators"} }), update("kilgore", func(a *dsmtest.Account) { a.Groups = nil }), refused(14)},
		{"renamed", update("kilgore", func(a *dsmtest.Account) { a.Name = "trout" }), update("trout", func(a *dsmtest.Account) { a.Name = "kilgore" }), refused(10)},
		{"without its address", update("kilgore", func(a *dsmtest.Account) { a.Email = "" }), update("kilgore", func(a *dsmtest.Account) { a.Email = address }), refused(13)},
		{"another one has its address too", update("kid", func(a *dsmtest.Account) { a.Email = address }), update("kid", func(a *dsmtest.Account) { a.Email = "kid@kilgore.trout" }), refused(12)},
		{"another one took its address", func() {
			update("kilgore", func(a *dsmtest.Account) { a.Email = "" })()
			update("kid", func(a *dsmtest.Account) { a.Email = address })()
		}, func() {
			update("kid", func(a *dsmtest.Account) { a.Email = "kid@kilgore.trout" })()
			update("kilgore", func(a *dsmtest.Account) { a.Email = address })()
		}, refused(10)},
		{"the NAS fails", func() { nas.SetFault("", dsmtest.HTML(502)) }, func() { nas.SetFault("", nil) }, "503 temporarily_unavailable"},
		{"made again under its name", update("kilgore", func(a *dsmtest.Account) { a.UID = 1999 }), update("kilgore", func(a *dsmtest.Account) { a.UID = 1026 }), refused(10)},
		{"deleted", func() { nas.Remove("kilgore") }, func() {
			if err := nas.Add(dsmtest.Account{Name: "kilgore", Email: address, UID: 1026}); err != nil {
				t.Error(err)
			}
		}, refused(13)},
	}
	ask := func(what, atRefresh, atExchange string) {
		t.Helper()
		operator, err := operator.DialAdmin(filepath.Join(dir, "run", "admin.sock"))
		if err != nil {
			t.Fatal(err)
		}
		defer operator.Close()
		if _, err := adminv1.NewPluginServiceClient(operator).RestartPlugin(t.Context(), &adminv1.RestartPluginRequest{Name: "nas"}); err != nil {
			t.Fatal(err) // it forgets what it read of the NAS
		}
		status, answer := redeem(t, dex, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {fmt.Sprint(got["refresh_token"])}})
		if said := said(status, answer, answer["id_token"]); said != atRefresh {
			t.Errorf("%s, a refresh: got %s, want %s", what, said, atRefresh)
		}
		if status == http.StatusOK {
			got = answer
		}
		status, answer = redeem(t, dex, url.Values{
			"grant_type": {exchange}, "connector_id": {"mock"}, "scope": {"openid email groups"}, "requested_token_type": {idToken},
			"subject_token": {"x"}, "subject_token_type": {idToken},
		})
		if said := said(status, answer, answer["access_token"]); said != atExchange {
			t.Errorf("%s, an exchange: got %s, want %s", what, said, atExchange)
		}
	}
	ask("at first", in, in)
	for _, step := range steps {
		atRefresh, atExchange := step.want, step.want
		if strings.Contains(step.want, "%s") {
			atRefresh, atExchange = fmt.Sprintf(step.want, "invalid_grant"), fmt.Sprintf(step.want, "invalid_request")
		}
		step.change()
		ask(step.name, atRefresh, atExchange)
		step.undo()
		ask("no longer: "+step.name, in, in)
	}
}

// loginCode signs in at Dex with the connector that asks nothing and returns the code.
func loginCode(t testing.TB, dex *dextest.Dex) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/callback" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	resp, err := browser.Get(dex.Issuer + "/auth/mock?" + url.Values{
		"client_id": {"synology"}, "response_type": {"code"}, "scope": {"openid email offline_access"}, "state": {"s1"},
		"redirect_uri": {"http://127.0.0.1:1/callback"},
	}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("the login ended with %s: %v\n%s", resp.Status, err, dex.Log())
	}
	return back.Query().Get("code")
}

// redeem asks Dex for tokens.
func redeem(t testing.TB, dex *dextest.Dex, form url.Values) (status int, answer map[string]any) {
	t.Helper()
	form.Set("client_id", "synology")
	form.Set("client_secret", "secret")
	resp, err := http.PostForm(dex.Issuer+"/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}
