package claimshook_test

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

func TestOneCallAnExchange(t *testing.T) {
	s := serve(t, always(patches(set("username", `"a"`), set("username", `"i"`))))
	h := open(t, s.socket, "")
	sign := func(ctx context.Context, tok claimshook.Token) string {
		t.Helper()
		got, err := h.Extend(ctx, []byte(`{"sub":"Cg"}`), tok)
		if err != nil {
			t.Fatal(err)
		}
		return string(got)
	}
	first, second := exchangeContext(t, "r1", "authorization_code"), exchangeContext(t, "r2", "authorization_code")
	other := token()
	other.Identity.UserID = "118"
	steps := []struct {
		name      string
		ctx       context.Context
		token     claimshook.Token
		want      string
		wantCalls int
	}{
		{"the access token asks", first, access(token()), `{"sub":"Cg","username":"a"}`, 1},
		{"the access token of another exchange asks too", second, access(token()), `{"sub":"Cg","username":"a"}`, 2},
		{"the ID token uses the reply", first, token(), `{"sub":"Cg","username":"i"}`, 2},
		{"but once", first, token(), `{"sub":"Cg","username":"i"}`, 3},
		{"another person under the same id asks", second, other, `{"sub":"Cg","username":"i"}`, 4},
		{"without an id each token asks", exchangeContext(t, "", ""), access(token()), `{"sub":"Cg","username":"a"}`, 5},
		{"and again", exchangeContext(t, "", ""), token(), `{"sub":"Cg","username":"i"}`, 6},
	}
	for _, step := range steps {
		if got := sign(step.ctx, step.token); got != step.want {
			t.Errorf("%s: got %s, want %s", step.name, got, step.want)
		}
		if got := len(s.calls()); got != step.wantCalls {
			t.Errorf("%s: %d calls, want %d", step.name, got, step.wantCalls)
		}
	}
}

func TestRequest(t *testing.T) {
	const acc, id = claimshook.AccessToken, claimshook.IDToken
	const exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	noOpenID := token()
	noOpenID.Scopes = nil
	tests := []struct {
		name      string
		ctx       context.Context
		token     claimshook.Token
		wantGrant string
		wantKinds []claimshook.Kind
	}{
		{"a code with openid gives both tokens", exchangeContext(t, "r1", "authorization_code"), access(token()), "authorization_code", []claimshook.Kind{acc, id}},
		{"without openid there is no ID token", exchangeContext(t, "r1", "password"), access(noOpenID), "password", []claimshook.Kind{acc}},
		{"a refresh always gives both", exchangeContext(t, "r1", "refresh_token"), access(noOpenID), "refresh_token", []claimshook.Kind{acc, id}},
		{"token exchange gives the one that is asked for", exchangeContext(t, "r1", exchange), token(), exchange, []claimshook.Kind{id}},
		{"or an access token", exchangeContext(t, "r1", exchange), access(token()), exchange, []claimshook.Kind{acc}},
		{"the authorization endpoint may give both", exchangeContext(t, "r1", "implicit"), access(token()), "implicit", []claimshook.Kind{acc, id}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, always(patches(nil, nil)))
			if _, err := open(t, s.socket, "").Extend(tt.ctx, []byte(payload), tt.token); err != nil {
				t.Fatal(err)
			}
			want := &hookv1.ExtendPayloadRequest{
				Payload: []byte(payload),
				Identity: &hookv1.Identity{
					UserId: "107691503500061", Username: "Mum", PreferredUsername: "mum", Email: "mum@gmail.com", EmailVerified: true, Groups: []string{"family"},
				},
				ConnectorId: "google", ClientId: "nas", Audience: []string{"nas"}, Scopes: tt.token.Scopes,
				Stage: hookv1.Stage_STAGE_TOKEN, TokenKinds: tt.wantKinds, GrantType: tt.wantGrant, RequestId: "r1",
				Features: []string{"login", "grant-type", "preflight"},
			}
			if got := s.calls(); len(got) != 1 || !proto.Equal(got[0], want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func TestOnlyTheClientsThatWereNamedAreAskedAbout(t *testing.T) {
	peer := claimshook.Token{ClientID: "cli", Audience: []string{"nas", "cli"}}
	stranger := claimshook.Token{ClientID: "wiki", Audience: []string{"wiki"}}
	tests := []struct {
		name, clients string
		token         claimshook.Token
		wantCalls     int
	}{
		{"nobody named means everybody", "", stranger, 1},
		{"the client that asks", `, "clients": ["nas"]`, token(), 1},
		{"a client in the audience", `, "clients": ["nas"]`, peer, 1},
		{"another client", `, "clients": ["nas"]`, stranger, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, always(patches(nil, nil)))
			h := open(t, s.socket, tt.clients)
			got, err := h.Extend(exchangeContext(t, "r1", ""), []byte(payload), tt.token)
			if err != nil || string(got) != payload || len(s.calls()) != tt.wantCalls {
				t.Errorf("got %s, %v after %d calls, want %d", got, err, len(s.calls()), tt.wantCalls)
			}
		})
	}
}

func TestWithoutAHookNothingHappens(t *testing.T) {
	var h *claimshook.Hook
	got, err := h.Extend(t.Context(), []byte("as it is"), token())
	if string(got) != "as it is" || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	if names := h.SupportedClaims(); names != nil {
		t.Errorf("got %v", names)
	}
	if err := h.Login(t.Context(), []byte("as it is"), token()); err != nil {
		t.Errorf("got %v", err)
	}
	if err := h.Preflight(t.Context(), []byte("as it is"), token()); err != nil {
		t.Errorf("got %v", err)
	}
	if err := h.Close(); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestPreflight(t *testing.T) {
	s := serve(t, always(patches(set("username", `"a"`), set("username", `"i"`))))
	h := open(t, s.socket, "")
	ctx := exchangeContext(t, "r1", "refresh_token")
	if err := h.Preflight(ctx, []byte(`{"aud":"nas"}`), access(token())); err != nil {
		t.Fatal(err)
	}
	other := token()
	other.Identity.Groups = []string{"others"}
	withoutGroups, emptyGroups := token(), token()
	withoutGroups.Identity.Groups, emptyGroups.Identity.Groups = nil, []string{}
	steps := []struct {
		name      string
		ctx       context.Context
		token     claimshook.Token
		want      string
		wantCalls int
	}{
		{"the access token is answered from the preflight", ctx, access(token()), `{"aud":"nas","username":"a"}`, 1},
		{"and the ID token", ctx, token(), `{"aud":"nas","username":"i"}`, 1},
		{"an identity that the upstream changed meanwhile is asked about", ctx, access(other), `{"aud":"nas","username":"a"}`, 2},
		{"no groups", exchangeContext(t, "r2", ""), access(withoutGroups), `{"aud":"nas","username":"a"}`, 3},
		{"are the same as an empty list of them", exchangeContext(t, "r2", ""), emptyGroups, `{"aud":"nas","username":"i"}`, 3},
	}
	for _, step := range steps {
		got, err := h.Extend(step.ctx, []byte(`{"aud":"nas"}`), step.token)
		if err != nil || string(got) != step.want {
			t.Errorf("%s: got %s, %v, want %s", step.name, got, err, step.want)
		}
		if n := len(s.calls()); n != step.wantCalls {
			t.Errorf("%s: %d calls, want %d", step.name, n, step.wantCalls)
		}
	}
	first := s.calls()[0]
	if first.Stage != hookv1.Stage_STAGE_TOKEN || first.GrantType != "refresh_token" || len(first.TokenKinds) != 2 {
		t.Errorf("asked %v", first)
	}
}

func TestTheAudienceIsReadFromThePayload(t *testing.T) {
	tests := []struct {
		name, payload string
		want          []string
	}{
		{"one", `{"aud":"nas"}`, []string{"nas"}},
		{"several", `{"aud":["nas","cli"]}`, []string{"nas", "cli"}},
		{"none", `{}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, always(patches(nil, nil)))
			tok := token()
			tok.Audience = nil
			if _, err := open(t, s.socket, "").Extend(exchangeContext(t, "r1", ""), []byte(tt.payload), tok); err != nil {
				t.Fatal(err)
			}
			if got := s.calls()[0].Audience; !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
