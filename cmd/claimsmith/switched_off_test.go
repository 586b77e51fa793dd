package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/dexpatch/dextest"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
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
