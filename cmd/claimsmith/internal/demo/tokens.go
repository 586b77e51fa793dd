package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// issued is what one login got from one Dex: claims as they stand in the tokens, whose signatures were verified.
type issued struct {
	idToken, accessToken, userinfo json.RawMessage
}

// relyingParty is the NAS's registration at a Dex, used to see the tokens that the NAS sees.
type relyingParty struct {
	issuer, redirectURI string
	client              *http.Client // for calls from server to server
}

// tokens signs a person in, catches the code on its way to the NAS and redeems it as the NAS does.
func (rp relyingParty) tokens(ctx context.Context, b *browser, who person) (*issued, error) {
	ctx = oidc.ClientContext(ctx, rp.client)
	provider, err := oidc.NewProvider(ctx, rp.issuer)
	if err != nil {
		return nil, fmt.Errorf("read discovery: %w", err)
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams // DSM posts its secret
	config := oauth2.Config{
		ClientID: clientID, ClientSecret: clientSecret, RedirectURL: rp.redirectURI, Endpoint: endpoint,
		Scopes: []string{"openid", "profile", "email"},
	}
	rest, err := b.signIn(ctx, config.AuthCodeURL("the-demo", oidc.Nonce("of-the-demo")), who, rp.isCallback)
	if err != nil {
		return nil, err
	}
	if rest.body != nil {
		return nil, fmt.Errorf("sign in: the login ended on a page (status %d): %s", rest.status, strings.Join(rest.paragraphs(), " "))
	}
	token, err := config.Exchange(ctx, rest.url.Query().Get("code"))
	if err != nil {
		return nil, fmt.Errorf("redeem the code: %w", err)
	}
	return rp.verify(ctx, provider, token)
}

func (rp relyingParty) isCallback(u *url.URL) bool {
	return u.Query().Has("code") && strings.HasPrefix(u.String(), rp.redirectURI)
}

// verify checks both tokens against the keys endpoint and asks for userinfo.
func (rp relyingParty) verify(ctx context.Context, provider *oidc.Provider, token *oauth2.Token) (*issued, error) {
	idToken, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("redeem the code: the reply has no ID token")
	}
	verifier := provider.VerifierContext(ctx, &oidc.Config{ClientID: clientID, SupportedSigningAlgs: []string{oidc.RS256}})
	var out issued
	for _, t := range []struct {
		name, raw string
		into      *json.RawMessage
	}{{"ID token", idToken, &out.idToken}, {"access token", token.AccessToken, &out.accessToken}} {
		verified, err := verifier.Verify(ctx, t.raw)
		if err != nil {
			return nil, fmt.Errorf("verify the %s: %w", t.name, err)
		}
		if err := verified.Claims(t.into); err != nil {
			return nil, fmt.Errorf("read the %s: %w", t.name, err)
		}
	}
	var err error
	out.userinfo, err = rp.askUserinfo(ctx, provider.UserInfoEndpoint(), token.AccessToken)
	return &out, err
}

func (rp relyingParty) askUserinfo(ctx context.Context, endpoint, accessToken string) (json.RawMessage, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+accessToken)
	response, err := rp.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask userinfo: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if err != nil {
		return nil, fmt.Errorf("ask userinfo: %w", err)
	}
	if response.StatusCode != http.StatusOK || !json.Valid(body) {
		return nil, fmt.Errorf("ask userinfo: status %d and no claims", response.StatusCode)
	}
	return body, nil
}
