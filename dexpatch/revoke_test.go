package dexpatch_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/dexpatch/dextest"
)

// TestARevocationEndsNoOthersTokens: it is about one person, one connector and one client, and only where the operator allows it.
func TestARevocationEndsNoOthersTokens(t *testing.T) {
	const revoked = `"level":"WARN","msg":"claims hook: revoked the refresh tokens of this person for this client","client_id":"nas","connector_id":"local","decision_id":"d2","rule":"claimsmith.yaml:14"`
	const ignored = `"level":"WARN","msg":"claims hook: a refusal asks to revoke refresh tokens, and allowRevoke is not set","client_id":"nas","decision_id":"d2"`
	tests := []struct {
		name, allow string
		wantLog     string
		want        string // what mum's token for the NAS is good for afterwards
	}{
		{"allowed", "true", revoked, "400 invalid_request: Refresh token is invalid or has already been claimed by another client."},
		{"not allowed", "false", ignored, "200 <nil>: <nil>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sidecar := serve(t)
			config := strings.Replace(hooked(sidecar), "staticClients:\n", "staticClients:\n- {id: wiki, name: Wiki, secret: secret, redirectURIs: [\""+callback+"\"]}\n", 1)
			config = strings.Replace(config, "allowRevoke: true", "allowRevoke: "+tt.allow, 1)
			dex := dextest.Start(t, dextest.Options{Config: config})
			as := func(client string, form url.Values) answer {
				form.Set("client_id", client)
				form.Set("client_secret", "secret")
				return post(t, dex.Issuer+"/token", form)
			}
			refreshToken := func(client, connector string) string {
				t.Helper()
				p := newBrowser(t).signIn(with(authURL(dex, connector, "code"), url.Values{"client_id": {client}}), "mum@gmail.com", "password")
				if p.location == nil {
					t.Fatalf("no code: %d %s", p.status, p.text())
				}
				got := as(client, url.Values{"grant_type": {"authorization_code"}, "code": {p.location.Query().Get("code")}, "redirect_uri": {callback}})
				return fmt.Sprint(got.body["refresh_token"])
			}
			refresh := func(client, token string) answer {
				return as(client, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
			}
			sidecar.set(dsmName)
			mum, elsewhere, other := refreshToken("nas", "local"), refreshToken("wiki", "local"), refreshToken("nas", "upstream")

			sidecar.set(refuseAndRevoke)
			before := len(dex.Log())
			if got := refresh("nas", mum); got.said() != "400 invalid_grant: The request was refused (decision d2)." {
				t.Fatalf("refused: %s", got.said())
			}
			dex.WaitLog(t, before, tt.wantLog)
			sidecar.set(dsmName)
			for name, got := range map[string]answer{"her token for another client": refresh("wiki", elsewhere), "another person's token": refresh("nas", other)} {
				if got.status != http.StatusOK {
					t.Errorf("%s: %s", name, got.said())
				}
			}
			if got := refresh("nas", mum); got.said() != tt.want {
				t.Errorf("her token: %s, want %s", got.said(), tt.want)
			}
		})
	}
}
