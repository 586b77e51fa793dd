package dsmtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// provider is a small OpenID provider that signs in everybody at once. Its fields are set before a login.
type provider struct {
	*httptest.Server
	secret   string
	alg      jose.SignatureAlgorithm
	kid      string
	id       map[string]any // laid over the ID token
	userinfo map[string]any
	deny     url.Values // instead of a code

	mu       sync.Mutex
	requests []url.Values // authorization and token requests, as they came
	nonces   map[string]string
	rsa      *rsa.PrivateKey
	ecdsa    *ecdsa.PrivateKey
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{secret: "s3cret", alg: jose.RS256, nonces: map[string]string{}}
	var err error
	if p.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if p.ecdsa, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /auth", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.info)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Server.Close)
	return p
}

func (p *provider) reset() {
	p.secret, p.alg, p.kid, p.id, p.deny, p.requests = "s3cret", jose.RS256, "rsa", nil, nil, nil
	p.userinfo = map[string]any{"sub": "mia", "username": "mum"}
}

func (p *provider) discovery(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo",
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256"},
	})
}

func (p *provider) keys(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: p.rsa.Public(), KeyID: "rsa", Algorithm: "RS256", Use: "sig"},
		{Key: p.ecdsa.Public(), KeyID: "ecdsa", Algorithm: "ES256", Use: "sig"},
	}})
}

func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	query := r.URL.Query()
	p.requests = append(p.requests, query)
	p.nonces["code"] = query.Get("nonce")
	back := url.Values{"code": {"code"}}
	if p.deny != nil {
		back = maps.Clone(p.deny)
	}
	back.Set("state", query.Get("state"))
	http.Redirect(w, r, query.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = r.ParseForm()
	p.requests = append(p.requests, r.PostForm)
	if r.PostForm.Get("client_secret") != p.secret || r.Header.Get("Authorization") != "" {
		http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
		return
	}
	claims := map[string]any{
		"iss": p.URL, "sub": "mia", "aud": "synology", "nonce": p.nonces[r.PostForm.Get("code")],
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "username": "otto",
	}
	maps.Copy(claims, p.id)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "access", "token_type": "bearer", "id_token": p.sign(claims)})
}

func (p *provider) sign(claims map[string]any) string {
	key := jose.SigningKey{Algorithm: p.alg, Key: jose.JSONWebKey{Key: p.rsa, KeyID: p.kid}}
	switch p.alg {
	case jose.ES256:
		key.Key = jose.JSONWebKey{Key: p.ecdsa, KeyID: "ecdsa"}
	case jose.HS256:
		key.Key = []byte("s3cret s3cret s3cret s3cret s3cr")
	}
	payload, _ := json.Marshal(claims)
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		return err.Error()
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return err.Error()
	}
	text, _ := signed.CompactSerialize()
	return text
}

func (p *provider) info(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer access" {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	if p.userinfo == nil {
		_, _ = w.Write([]byte("<html>"))
		return
	}
	_ = json.NewEncoder(w).Encode(p.userinfo)
}
