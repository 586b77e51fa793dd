package dexpatch_test

import (
	"fmt"
	"maps"
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
	config = strings.Replace(config, "timeout: 3s", "timeout: 3s, clients: [nas]", 1)
	dex := dextest.Start(t, dextest.Options{Config: config})
	password := url.Values{"grant_type": {"password"}, "username": {"mum@gmail.com"}, "password": {"password"}}
	const refused, forNAS = ": The request was refused (decision d2).", "openid audience:server:client_id:nas"
	tests := []struct {
		name, scope string
		grant       url.Values
		answer      answerFunc
		want        string // the error, or aud and username
		wantAsked   int
	}{
		{"a password: its own tokens are nobody's business", "openid", password, onlyItself(), "cli <nil>", 0},
		{"a token for the NAS is refused", forNAS, password, onlyItself(), "400 invalid_grant" + refused, 1},
		{"unless the client is a friend", forNAS, password, onlyItself("cli"), "[nas cli] dsm-117", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sidecar.set(tt.answer)
			form := maps.Clone(tt.grant)
			maps.Copy(form, url.Values{"scope": {tt.scope}, "client_id": {"cli"}, "client_secret": {"secret"}})
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

// testIntrospected shows the limits of introspection: of an access token it has the members that Dex knows, as they were signed,
// and no other names.
func testIntrospected(t *testing.T, dex *dextest.Dex, accessToken any) {
	t.Helper()
	signed, got := decode(t, accessToken), introspect(t, dex, accessToken)
	if got["active"] != true || got["sub"] != signed["sub"] || got["username"] != nil {
		t.Errorf("introspection: %v", got)
	}
	for _, name := range []string{"groups", "name", "email", "preferred_username"} {
		if fmt.Sprint(got[name]) != fmt.Sprint(signed[name]) {
			t.Errorf("introspection has %s %v, the token %v", name, got[name], signed[name])
		}
	}
}

// introspect returns what the endpoint says, with what it puts into ext.
func introspect(t *testing.T, dex *dextest.Dex, token any) map[string]any {
	t.Helper()
	got := post(t, dex.Issuer+"/token/introspect", url.Values{"token": {fmt.Sprint(token)}}).body
	if ext, ok := got["ext"].(map[string]any); ok {
		maps.Copy(got, ext)
	}
	return got
}

// TestIntrospectionOfARefreshToken: it shows what the upstream said.
func TestIntrospectionOfARefreshToken(t *testing.T) {
	sidecar := serve(t)
	dex := dextest.Start(t, dextest.Options{Config: hooked(sidecar)})
	sidecar.set(dsmName)
	tokens := code(t, dex, newBrowser(t).signIn(authURL(dex, "upstream", "code"), "", "")).body
	if got := introspect(t, dex, tokens["refresh_token"]); got["active"] != true || got["username"] != nil || fmt.Sprint(got["groups"]) != "[authors]" {
		t.Errorf("got %v", got)
	}
}

// TestAStrangersUpstreamToken: Dex takes an upstream token that was issued to any app of the upstream. The hook is told the grant,
// so a rule can tell it from a login.
func TestAStrangersUpstreamToken(t *testing.T) {
	const exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	upstream := dextest.Start(t, dextest.Options{Config: stock})
	stranger := token(t, upstream, url.Values{"grant_type": {"password"}, "username": {"mum@gmail.com"}, "password": {"password"}, "scope": {"openid email profile"}})
	sidecar := serve(t)
	dex := dextest.Start(t, dextest.Options{Config: fmt.Sprintf(`%ssigner: {type: claimsHook, config: {address: %q}}
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
