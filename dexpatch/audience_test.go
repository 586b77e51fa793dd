package dexpatch_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/dexpatch/dextest"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// onlyItself refuses tokens for the NAS that another client asks for, unless it is a friend.
func onlyItself(friends ...string) answerFunc {
	return func(req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
		if slices.Contains(req.Audience, "nas") && req.ClientId != "nas" && !slices.Contains(friends, req.ClientId) {
			return refuse(req)
		}
		return dsmName(req)
	}
}

// TestAPeersAudience: a client in another's trustedPeers may ask for tokens with that other in aud. A filter on the other sees them.
func TestAPeersAudience(t *testing.T) {
	sidecar := serve(t)
	config := strings.Replace(hooked(sidecar), "{id: nas,", "{id: cli, name: CLI, secret: secret, redirectURIs: [x]}\n- {id: nas, trustedPeers: [cli],", 1)
	config = strings.Replace(config, "timeout: 900ms", "timeout: 900ms, clients: [nas]", 1)
	dex := dextest.Start(t, dextest.Options{Config: config})
	tests := []struct {
		name, scope string
		answer      answerFunc
		want        string // the error, or aud and username
		wantAsked   int
	}{
		{"its own tokens are nobody's business", "openid", onlyItself(), "cli <nil>", 0},
		{"a token for the NAS is refused", "openid audience:server:client_id:nas", onlyItself(), "400 invalid_grant: The request was refused (decision d2).", 1},
		{"unless the client is a friend", "openid audience:server:client_id:nas", onlyItself("cli"), "[nas cli] dsm-117", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sidecar.set(tt.answer)
			form := url.Values{"grant_type": {"password"}, "username": {"mum@gmail.com"}, "password": {"password"}, "scope": {tt.scope}, "client_id": {"cli"}, "client_secret": {"secret"}}
			a := post(t, dex.Issuer+"/token", form)
			got := a.said()
			if a.status == http.StatusOK {
				claims := decode(t, a.body["id_token"])
				got = fmt.Sprint(claims["aud"], " ", claims["username"])
			}
			if asked := sidecar.questions(); got != tt.want || len(asked) != tt.wantAsked {
				t.Errorf("got %s, asked %q\nwant %s, asked %d times", got, asked, tt.want, tt.wantAsked)
			}
		})
	}
}

// TestIntrospection shows its limits: names that Dex does not know are left out, and a refresh token shows what the upstream said.
func TestIntrospection(t *testing.T) {
	sidecar := serve(t)
	dex := dextest.Start(t, dextest.Options{Config: hooked(sidecar)})
	sidecar.set(dsmName)
	fromCode := code(t, dex, newBrowser(t).signIn(authURL(dex, "upstream", "code"), "", "")).body
	fromPassword := token(t, dex, url.Values{
		"grant_type": {"password"}, "username": {"mum@gmail.com"}, "password": {"password"}, "scope": {"openid profile groups"},
	}).body
	fromDevice := deviceTokens(t, dex)
	fromClient := token(t, dex, url.Values{"grant_type": {"client_credentials"}, "scope": {"openid groups"}}).body
	tests := []struct {
		name   string
		token  any
		signed bool // it is a token that the hook changed
		groups any
	}{
		{"an access token of a code", fromCode["access_token"], true, "[users]"},
		{"its refresh token", fromCode["refresh_token"], false, "[authors]"},
		{"of a password", fromPassword["access_token"], true, "[users]"},
		{"of a device", fromDevice["access_token"], true, "[users]"},
		{"of a client", fromClient["access_token"], true, "[users]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := post(t, dex.Issuer+"/token/introspect", url.Values{"token": {fmt.Sprint(tt.token)}}).body
			ext, _ := got["ext"].(map[string]any)
			if ext == nil {
				ext = got
			}
			if got["active"] != true || ext["username"] != nil || fmt.Sprint(ext["groups"]) != tt.groups {
				t.Errorf("got %v", got)
			}
			if !tt.signed {
				return
			}
			claims := decode(t, tt.token)
			if claims["username"] == nil || fmt.Sprint(claims["groups"]) != fmt.Sprint(ext["groups"]) || claims["sub"] != got["sub"] || claims["preferred_username"] != ext["preferred_username"] {
				t.Errorf("the token has %v, introspection %v", claims, got)
			}
		})
	}
}

// TestAStrangersUpstreamToken: Dex takes an upstream token that was issued to any app of the upstream. The hook is told the grant,
// so a rule can tell it from a login.
func TestAStrangersUpstreamToken(t *testing.T) {
	const exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	upstream := dextest.Start(t, dextest.Options{Config: stock})
	stranger := token(t, upstream, url.Values{"grant_type": {"password"}, "username": {"mum@gmail.com"}, "password": {"password"}, "scope": {"openid email profile"}})
	sidecar := serve(t)
	dex := dextest.Start(t, dextest.Options{Config: fmt.Sprintf(`%sclaimsHook: {address: %q}
`, strings.Replace(stock, "connectors:\n", fmt.Sprintf(`connectors:
- type: oidc
  id: company
  name: Company
  config: {issuer: %q, clientID: another-app, clientSecret: x, redirectURI: %q}
`, upstream.Issuer, callback), 1), "unix://"+sidecar.socket)})
	form := url.Values{
		"grant_type": {exchange}, "connector_id": {"company"}, "scope": {"openid email"}, "requested_token_type": {"urn:ietf:params:oauth:token-type:id_token"},
		"subject_token": {fmt.Sprint(stranger.body["id_token"])}, "subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"},
	}
	sidecar.set(dsmName)
	if got := token(t, dex, form); got.status != http.StatusOK {
		t.Fatalf("Dex does not take it any more: %s", got.said())
	}
	sidecar.set(func(req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
		if req.GrantType == exchange {
			return refuse(req)
		}
		return dsmName(req)
	})
	if got := token(t, dex, form); got.said() != "400 invalid_request: The request was refused (decision d2)." {
		t.Errorf("got %s", got.said())
	}
}
