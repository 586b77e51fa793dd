package dsmtest

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
)

// SSOConfig is what an administrator types into DSM: Control Panel, Domain/LDAP, SSO Client, OpenID Connect.
type SSOConfig struct {
	Name          string       // on the button; defaults to "OpenID Connect"
	WellKnown     string       // ends with /.well-known/openid-configuration
	ClientID      string       // "Application ID"
	ClientSecret  string       // "Application secret"
	RedirectURI   string       // sent exactly as it stands here; defaults to the root of the NAS, without a slash
	Scope         string       // defaults to "openid profile email"
	UsernameClaim string       // defaults to "username"
	AllowLocal    bool         // account type Domain/LDAP/local; without it local accounts cannot sign in
	HTTPClient    *http.Client // for calls to the provider; defaults to http.DefaultClient
}

// SetSSO switches single sign-on on, or off with nil. Logins under way are forgotten. A release without it leaves it off, and DSM 7.1
// lets no local account use it: recorded from OPDOCS.
func (n *NAS) SetSSO(c *SSOConfig) {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.logins)
	n.sso = nil
	if c == nil || !n.dsm.oidc {
		return
	}
	sso := *c
	sso.AllowLocal = sso.AllowLocal && n.dsm.localSSO
	set(&sso.Name, "OpenID Connect")
	set(&sso.RedirectURI, n.url)
	set(&sso.Scope, "openid profile email")
	set(&sso.UsernameClaim, "username")
	set(&sso.HTTPClient, http.DefaultClient)
	n.sso = &sso
}

func (n *NAS) ssoConfig() *SSOConfig {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sso
}

// ssoLogin is a login between the two redirects.
type ssoLogin struct {
	nonce string
	since time.Time
}

const (
	wellKnown   = "/.well-known/openid-configuration"
	stateCookie = "sso_state"
	loginTime   = 10 * time.Minute
)

// What a person reads when it goes wrong. The first two are quoted by E4E and OPDOCS; DSM's exact words for the third are
// not known.
const (
	textNoProvider   = "Unable to get the URL for SSO authentication."
	textBadProvider  = "Your SSO is not properly configured. Please contact your system administrator."
	textUnauthorized = "You are not authorized to use this service: invalid user or password."
)

// provider reads discovery. DSM does so again at each login: recorded from E4E.
func (c *SSOConfig) provider(ctx context.Context) (*oidc.Provider, error) {
	issuer, ok := strings.CutSuffix(c.WellKnown, wellKnown)
	if !ok {
		return nil, fmt.Errorf("well-known URL does not end with %s", wellKnown)
	}
	return oidc.NewProvider(ctx, issuer)
}

// oauth returns the client. Recorded from OPDOCS: client_secret_post, and no PKCE.
func (c *SSOConfig) oauth(p *oidc.Provider) *oauth2.Config {
	endpoint := p.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams
	return &oauth2.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, RedirectURL: c.RedirectURI,
		Scopes: strings.Fields(c.Scope), Endpoint: endpoint,
	}
}

// startSSO sends the browser to the provider, with state and nonce.
func (n *NAS) startSSO(w http.ResponseWriter, r *http.Request) {
	c := n.ssoConfig()
	if c == nil {
		http.NotFound(w, r)
		return
	}
	provider, err := c.provider(oidc.ClientContext(r.Context(), c.HTTPClient))
	if err != nil {
		n.refuse(w, r, http.StatusBadGateway, textNoProvider, "discovery", err)
		return
	}
	state, nonce := random(16), random(16)
	n.remember(state, nonce)
	http.SetCookie(w, &http.Cookie{
		Name: stateCookie, Value: state, Path: "/", MaxAge: int(loginTime.Seconds()), HttpOnly: true,
		Secure: !n.o.Plain, SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(w, r, c.oauth(provider).AuthCodeURL(state, oidc.Nonce(nonce)), http.StatusFound)
}

func (n *NAS) remember(state, nonce string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.o.Now()
	for old, login := range n.logins {
		if now.Sub(login.since) >= loginTime {
			delete(n.logins, old)
		}
	}
	n.logins[state] = ssoLogin{nonce: nonce, since: now}
}

// takeLogin returns the login that a browser comes back with, once.
func (n *NAS) takeLogin(r *http.Request) (ssoLogin, error) {
	state := r.URL.Query().Get("state")
	cookie, err := r.Cookie(stateCookie)
	if err != nil || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(state)) != 1 {
		return ssoLogin{}, errors.New("state is not that of this browser")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	login, there := n.logins[state]
	delete(n.logins, state)
	if !there || n.o.Now().Sub(login.since) >= loginTime {
		return ssoLogin{}, errors.New("state is not known, or too old")
	}
	return login, nil
}

// finishSSO answers the redirect back from the provider.
func (n *NAS) finishSSO(w http.ResponseWriter, r *http.Request, c *SSOConfig) {
	login, err := n.takeLogin(r)
	if err != nil {
		n.refuse(w, r, http.StatusBadRequest, textBadProvider, "state", err)
		return
	}
	query := r.URL.Query()
	if code := query.Get("error"); code != "" {
		message := "The sign-in was refused: " + code
		if text := query.Get("error_description"); text != "" {
			message += ": " + text
		}
		n.refuse(w, r, http.StatusForbidden, message, "provider refused", nil)
		return
	}
	ctx := oidc.ClientContext(r.Context(), c.HTTPClient)
	token, provider, err := n.redeem(ctx, c, query.Get("code"), login.nonce)
	if err != nil {
		n.refuse(w, r, http.StatusBadGateway, textBadProvider, "token", err)
		return
	}
	name, err := c.username(ctx, provider, token)
	if err != nil {
		n.refuse(w, r, http.StatusBadGateway, textBadProvider, "userinfo", err)
		return
	}
	n.enter(w, r, name, c.AllowLocal)
}

// verified is what a login yielded.
type verified struct {
	subject string
	access  *oauth2.Token
}

// redeem exchanges the code and verifies the ID token. Recorded from OPDOCS and E4E: RS256 only. That
// the key has to be named is reported in tinyauthapp/tinyauth#695.
func (n *NAS) redeem(ctx context.Context, c *SSOConfig, code, nonce string) (v verified, _ *oidc.Provider, err error) {
	provider, err := c.provider(ctx)
	if err != nil {
		return v, nil, err
	}
	token, err := c.oauth(provider).Exchange(ctx, code)
	if err != nil {
		return v, nil, err
	}
	raw, _ := token.Extra("id_token").(string)
	verifier := provider.VerifierContext(ctx, &oidc.Config{
		ClientID: c.ClientID, SupportedSigningAlgs: []string{oidc.RS256}, Now: n.o.Now,
	})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return v, nil, err
	}
	if signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256}); err != nil || signed.Signatures[0].Header.KeyID == "" {
		return v, nil, errors.New("the ID token names no key (kid)")
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1 {
		return v, nil, errors.New("nonce of the ID token is not the one that was sent")
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return v, nil, err
		}
	}
	return verified{subject: id.Subject, access: token}, provider, nil
}

// username reads the claim from userinfo: recorded from TSIDP, where a claim of the ID token alone was not seen. A claim
// that is missing or no string gives "": recorded from TSIDP and OPDOCS, where DSM's log then shows an empty user.
func (c *SSOConfig) username(ctx context.Context, p *oidc.Provider, v verified) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.UserInfoEndpoint(), nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+v.access.AccessToken)
	response, err := c.HTTPClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d", response.StatusCode)
	}
	var members map[string]json.RawMessage
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&members); err != nil {
		return "", errors.New("not a JSON object")
	}
	var subject, name string
	if json.Unmarshal(members["sub"], &subject) != nil || subject != v.subject {
		return "", errors.New("sub is not that of the ID token")
	}
	_ = json.Unmarshal(members[c.UsernameClaim], &name)
	return name, nil
}
