package dsmtest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

const callback = "https://dex.example.org/callback"

// serverNAS is a NAS with an SSO Server, and its clock.
func serverNAS(t *testing.T, domain string) (*NAS, *clock) {
	t.Helper()
	o, c := household(), &clock{}
	o.Now = c.now
	o.Server = &SSOServer{ClientID: "dex", ClientSecret: "s3cret", RedirectURI: callback, GroupDomain: domain}
	return start(t, o), c
}

// upstream is what an application makes of discovery.
func upstream(t *testing.T, n *NAS) (context.Context, *oidc.Provider, *oauth2.Config) {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), n.Client())
	p, err := oidc.NewProvider(ctx, n.SSOIssuer())
	if err != nil {
		t.Fatal(err)
	}
	endpoint := p.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams
	return ctx, p, &oauth2.Config{ClientID: "dex", ClientSecret: "s3cret", RedirectURL: callback, Scopes: []string{"openid", "email", "groups"}, Endpoint: endpoint}
}

// signedInAt posts name and password to the page of an authorization request, and returns where the browser is sent.
func signedInAt(t *testing.T, n *NAS, address, account, password string) url.Values {
	t.Helper()
	client := browser(t, n)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(url.Values{"account": {account}, "passwd": {password}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	to, err := response.Location()
	if err != nil {
		return nil
	}
	if got := to.Scheme + "://" + to.Host + to.Path; got != callback {
		t.Errorf("sent to %s", got)
	}
	return to.Query()
}

func TestTheSSOServerSignsPeopleIn(t *testing.T) {
	for domain, groups := range map[string][]any{"": {"family", "users"}, "example.com": {"family@example.com", "users@example.com"}} {
		n, c := serverNAS(t, domain)
		ctx, p, oauth := upstream(t, n)
		back := signedInAt(t, n, oauth.AuthCodeURL("a-state", oidc.Nonce("a-nonce")), "mum", "blue bird")
		if back.Get("state") != "a-state" || back.Get("error") != "" {
			t.Fatalf("back with %v", back)
		}
		token, err := oauth.Exchange(ctx, back.Get("code"))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := token.Extra("id_token").(string)
		id, err := p.VerifierContext(ctx, &oidc.Config{ClientID: "dex", Now: c.now}).Verify(ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := id.Expiry.Sub(id.IssuedAt); got != 180*time.Second || id.Nonce != "a-nonce" {
			t.Errorf("the token lives for %s, nonce %s", got, id.Nonce)
		}
		var claims map[string]any
		if err := id.Claims(&claims); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"iss", "aud", "exp", "iat", "nonce"} {
			delete(claims, name)
		}
		want := map[string]any{"sub": "mum", "username": "mum", "email": "mum@example.org", "groups": groups}
		if diff := cmp.Diff(want, claims); diff != "" {
			t.Error(diff)
		}
		userinfo := func() (int, map[string]any) {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, p.UserInfoEndpoint(), nil)
			r.Header.Set("Authorization", "Bearer "+token.AccessToken)
			response, err := n.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			var got map[string]any
			_ = json.NewDecoder(response.Body).Decode(&got)
			return response.StatusCode, got
		}
		if status, got := userinfo(); status != http.StatusOK || cmp.Diff(want, got) != "" {
			t.Errorf("userinfo: status %d, %v", status, got)
		}
		c.advance(180 * time.Second)
		if status, _ := userinfo(); status != http.StatusUnauthorized {
			t.Errorf("userinfo of an old token: status %d", status)
		}
		if _, err := oauth.Exchange(ctx, back.Get("code")); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
			t.Errorf("a code twice: %v", err)
		}
	}
}

func TestTheSSOServerRefuses(t *testing.T) {
	n, c := serverNAS(t, "")
	ctx, _, oauth := upstream(t, n)
	code := func(options ...oauth2.AuthCodeOption) string {
		t.Helper()
		return signedInAt(t, n, oauth.AuthCodeURL("s", options...), "mum", "blue bird").Get("code")
	}
	if back := signedInAt(t, n, oauth.AuthCodeURL("s"), "mum", "wrong"); back != nil {
		t.Errorf("a wrong password leads back with %v", back)
	}
	wide := *oauth
	wide.Scopes = []string{"openid", "profile"}
	if got := signedInAt(t, n, wide.AuthCodeURL("s"), "mum", "blue bird").Get("error"); got != "invalid_scope" {
		t.Errorf("scope profile: %q", got)
	}
	elsewhere := *oauth
	elsewhere.RedirectURL += "/"
	if status, _ := fetch(t, browser(t, n), http.MethodGet, elsewhere.AuthCodeURL("s"), "", false); status != http.StatusBadRequest {
		t.Errorf("another redirect URI: status %d", status)
	}
	stranger := *oauth
	stranger.ClientSecret = "guessed"
	if _, err := stranger.Exchange(ctx, code()); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("a wrong secret: %v", err)
	}
	verifier := oauth2.GenerateVerifier()
	if _, err := oauth.Exchange(ctx, code(oauth2.S256ChallengeOption(verifier))); err == nil {
		t.Error("a challenge without its verifier is taken")
	}
	if _, err := oauth.Exchange(ctx, code(oauth2.S256ChallengeOption(verifier)), oauth2.VerifierOption(verifier)); err != nil {
		t.Errorf("with its verifier: %v", err)
	}
	old := code()
	c.advance(codeTime)
	if _, err := oauth.Exchange(ctx, old); err == nil {
		t.Error("an old code is taken")
	}
	gone := code()
	n.Remove("mum")
	if _, err := oauth.Exchange(ctx, gone); err == nil {
		t.Error("a token of an account that is gone")
	}
	basic := *oauth
	basic.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	back := signedInAt(t, n, oauth.AuthCodeURL("s"), "claimsmith", servicePassword)
	if _, err := basic.Exchange(ctx, back.Get("code")); err != nil {
		t.Errorf("the secret in a header: %v", err)
	}
}
