package dexpatch_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/dexpatch/dextest"
)

// testLogoutTokens: a logout token is signed with the same signer as the others. The hooked Dex makes it as stock Dex does, and the
// service is not asked.
func testLogoutTokens(t *testing.T, hookedBinary, stockBinary string) {
	sidecar := serve(t)
	pristine := logoutToken(t, dextest.Options{Config: stock, Binary: stockBinary}, func() {})
	got := logoutToken(t, dextest.Options{Config: hooked(sidecar), Binary: hookedBinary}, func() { sidecar.set(refuse) })
	if got != pristine {
		t.Errorf("got\n%s\nstock\n%s", got, pristine)
	}
	if asked := sidecar.questions(); len(asked) != 0 {
		t.Errorf("asked %q", asked)
	}
}

// logoutToken signs a person in and out and returns header and payload of the logout token, without what differs each time.
func logoutToken(t *testing.T, o dextest.Options, beforeLogout func()) string {
	t.Helper()
	came := make(chan string, 1)
	client := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { came <- r.PostFormValue("logout_token") }))
	t.Cleanup(client.Close)
	o.Config = strings.Replace(o.Config, "{id: nas,", fmt.Sprintf("{id: nas, backchannelLogoutURI: %q,", client.URL), 1)
	o.Env = []string{"DEX_SESSIONS_ENABLED=true"}
	dex := dextest.Start(t, o)
	b := newBrowser(t)
	tokens := code(t, dex, b.signIn(authURL(dex, "local", "code"), "mum@gmail.com", "password")).body
	beforeLogout()
	p := b.page(b.client.PostForm(dex.Issuer+"/logout", url.Values{"id_token_hint": {fmt.Sprint(tokens["id_token"])}}))
	if p.status != http.StatusOK {
		t.Fatalf("logout: %d %s", p.status, p.text())
	}
	select {
	case token := <-came:
		parts := strings.Split(token, ".")
		if len(parts) != 3 {
			t.Fatalf("no token: %q", token)
		}
		var said []string
		for _, part := range parts[:2] {
			data, err := base64.RawURLEncoding.DecodeString(part)
			if err != nil {
				t.Fatal(err)
			}
			said = append(said, varying.ReplaceAllString(strings.ReplaceAll(string(data), dex.Issuer, "ISSUER"), `"$1":VARIES`))
		}
		return strings.Join(said, "\n")
	case <-time.After(30 * time.Second):
		t.Fatalf("no logout token came:\n%s", dex.Log())
	}
	return ""
}

// varying matches the members of a logout token that differ each time.
var varying = regexp.MustCompile(`"(iat|exp|jti|sid|kid)":("[^"]*"|[0-9]+)`)
