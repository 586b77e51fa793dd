package dsmtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html/template"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// SSOServer is Synology's package SSO Server, an OpenID Connect provider, with one application. Endpoints and discovery are recorded
// from SSODOC; tokens hold aud, email, exp, groups, iat, iss, sub and username, and no email_verified.
type SSOServer struct {
	ClientID     string
	ClientSecret string
	RedirectURI  string        // has to be the same byte for byte
	GroupDomain  string        // written behind the names of groups: admins@example.com; empty: admins
	Lifetime     time.Duration // of tokens; defaults to 180 s
}

const (
	opRoot   = "/webman/sso"
	codeTime = time.Minute
)

// ssoServer is a running SSO Server.
type ssoServer struct {
	SSOServer
	nas *NAS
	key *rsa.PrivateKey

	grants map[string]grant // by code and by access token; guarded by the NAS's lock
}

// grant is what somebody agreed to.
type grant struct {
	account, nonce, challenge, method string
	scopes                            []string
	until                             time.Time
}

func newSSOServer(n *NAS, s SSOServer) (*ssoServer, error) {
	set(&s.Lifetime, 180*time.Second)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	return &ssoServer{SSOServer: s, nas: n, key: key, grants: map[string]grant{}}, err
}

// SSOIssuer is the issuer of the NAS's SSO Server.
func (n *NAS) SSOIssuer() string { return n.url + opRoot }

func (p *ssoServer) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+opRoot+wellKnown, p.discovery)
	mux.HandleFunc("GET "+opRoot+"/openid-jwks.json", p.keys)
	mux.HandleFunc("GET "+opRoot+"/SSOOauth.cgi", p.authorize)
	mux.HandleFunc("POST "+opRoot+"/SSOOauth.cgi", p.authorize)
	mux.HandleFunc("POST "+opRoot+"/SSOAccessToken.cgi", p.token)
	mux.HandleFunc("GET "+opRoot+"/SSOUserInfo.cgi", p.userinfo)
}

func (p *ssoServer) discovery(w http.ResponseWriter, _ *http.Request) {
	issuer := p.nas.SSOIssuer()
	answerJSON(w, http.StatusOK, map[string]any{
		"issuer":                                issuer,
		"authorization_endpoint":                issuer + "/SSOOauth.cgi",
		"token_endpoint":                        issuer + "/SSOAccessToken.cgi",
		"userinfo_endpoint":                     issuer + "/SSOUserInfo.cgi",
		"jwks_uri":                              issuer + "/openid-jwks.json",
		"claims_supported":                      []string{"aud", "email", "exp", "groups", "iat", "iss", "sub", "username"},
		"code_challenge_methods_supported":      []string{"S256", "plain"},
		"grant_types_supported":                 []string{"authorization_code", "implicit"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported":              []string{"code", "code id_token", "id_token", "id_token token"},
		"scopes_supported":                      []string{"email", "groups", "openid"},
		"subject_types_supported":               []string{"public"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
	})
}

func (p *ssoServer) keys(w http.ResponseWriter, _ *http.Request) {
	number := base64.RawURLEncoding.EncodeToString
	answerJSON(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "sso", "n": number(p.key.N.Bytes()), "e": number(big.NewInt(int64(p.key.E)).Bytes()),
	}}})
}

// authorize signs somebody in: by the session of the browser, or with name and password. Only the code flow is emulated.
func (p *ssoServer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != p.ClientID || q.Get("redirect_uri") != p.RedirectURI {
		http.Error(w, "unknown application, or a redirect URI that is not registered", http.StatusBadRequest)
		return
	}
	scopes := strings.Fields(q.Get("scope"))
	unknown := slices.ContainsFunc(scopes, func(s string) bool { return s != "openid" && s != "email" && s != "groups" })
	switch {
	case q.Get("response_type") != "code":
		p.back(w, r, url.Values{"error": {"unsupported_response_type"}})
		return
	case unknown || !slices.Contains(scopes, "openid"):
		p.back(w, r, url.Values{"error": {"invalid_scope"}})
		return
	}
	account := p.nas.signedIn(r)
	if r.Method == http.MethodPost {
		account = p.nas.checkPassword(w, r)
	}
	if account == "" {
		p.form(w, r)
		return
	}
	code := random(16)
	p.keep("code "+code, grant{
		account: account, nonce: q.Get("nonce"), scopes: scopes, until: p.nas.o.Now().Add(codeTime),
		challenge: q.Get("code_challenge"), method: q.Get("code_challenge_method"),
	})
	p.back(w, r, url.Values{"code": {code}})
}

// checkPassword gives the account whose name and password a form holds, or "".
func (n *NAS) checkPassword(w http.ResponseWriter, r *http.Request) string {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	form := map[string]string{"account": r.PostFormValue("account"), "passwd": r.PostFormValue("passwd")}
	n.mu.Lock()
	defer n.mu.Unlock()
	s, _, f := n.attempt(form, n.clientAddress(r))
	if f != nil {
		return ""
	}
	delete(n.sessions, s.id)
	return s.account
}

func (p *ssoServer) form(w http.ResponseWriter, r *http.Request) {
	pageHeader(w, "text/html; charset=utf-8")
	w.Header().Del("Content-Security-Policy") // the answer to the form is a redirect to another site
	status := http.StatusOK
	if r.Method == http.MethodPost {
		status = http.StatusForbidden
	}
	w.WriteHeader(status)
	err := template.Must(template.ParseFS(pages, "pages/sso.html")).Execute(w, map[string]any{"NAS": p.nas.o.Name, "Wrong": r.Method == http.MethodPost})
	if err != nil {
		p.nas.o.Log.Debug("page not sent", "err", err)
	}
}

// back sends the browser to the application.
func (p *ssoServer) back(w http.ResponseWriter, r *http.Request, with url.Values) {
	if state := r.URL.Query().Get("state"); state != "" {
		with.Set("state", state)
	}
	to, err := url.Parse(p.RedirectURI)
	if err != nil {
		http.Error(w, "redirect URI cannot be read", http.StatusInternalServerError)
		return
	}
	to.RawQuery = with.Encode()
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

func (p *ssoServer) keep(key string, g grant) {
	p.nas.mu.Lock()
	defer p.nas.mu.Unlock()
	now := p.nas.o.Now()
	maps.DeleteFunc(p.grants, func(_ string, g grant) bool { return !now.Before(g.until) })
	p.grants[key] = g
}

// take gives a grant that still holds; a code is gone then.
func (p *ssoServer) take(key string, once bool) (grant, bool) {
	p.nas.mu.Lock()
	defer p.nas.mu.Unlock()
	g, there := p.grants[key]
	if once {
		delete(p.grants, key)
	}
	return g, there && p.nas.o.Now().Before(g.until)
}

func (p *ssoServer) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if id != p.ClientID || subtle.ConstantTimeCompare([]byte(secret), []byte(p.ClientSecret)) != 1 {
		answerJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	g, ok := p.take("code "+r.PostFormValue("code"), true)
	if r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("redirect_uri") != p.RedirectURI || !ok || !g.proved(r.PostFormValue("code_verifier")) {
		answerJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	now := p.nas.o.Now()
	raw, err := p.sign(g, now)
	if err != nil {
		answerJSON(w, http.StatusInternalServerError, map[string]any{"error": "server_error"})
		return
	}
	access := random(16)
	g.until = now.Add(p.Lifetime)
	p.keep("access "+access, g)
	answerJSON(w, http.StatusOK, map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(p.Lifetime.Seconds()), "id_token": raw, "scope": strings.Join(g.scopes, " "),
	})
}

// proved compares with the challenge of PKCE, if there was one.
func (g grant) proved(verifier string) bool {
	switch g.method {
	case "S256":
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	case "", "plain":
	default:
		return false
	}
	return g.challenge == "" || subtle.ConstantTimeCompare([]byte(g.challenge), []byte(verifier)) == 1
}

func (p *ssoServer) sign(g grant, now time.Time) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: p.key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "sso"))
	if err != nil {
		return "", err
	}
	claims := p.claims(g)
	if claims == nil {
		return "", errors.New("the account is gone")
	}
	claims["iss"], claims["aud"] = p.nas.SSOIssuer(), p.ClientID
	claims["iat"], claims["exp"] = now.Unix(), now.Add(p.Lifetime).Unix()
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

// claims are what the scopes show of an account; nil when it may not be used any more.
func (p *ssoServer) claims(g grant) map[string]any {
	a := p.nas.account(g.account)
	if a == nil || !a.usable(p.nas.o.Now()) {
		return nil
	}
	claims := map[string]any{"sub": a.Name, "username": a.Name}
	if slices.Contains(g.scopes, "email") {
		claims["email"] = a.Email
	}
	if slices.Contains(g.scopes, "groups") {
		groups := slices.Clone(a.Groups)
		for i, name := range groups {
			if p.GroupDomain != "" && !strings.ContainsAny(name, `@\`) {
				groups[i] = name + "@" + p.GroupDomain
			}
		}
		claims["groups"] = groups
	}
	return claims
}

func (p *ssoServer) userinfo(w http.ResponseWriter, r *http.Request) {
	access, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g, ok := p.take("access "+access, false)
	claims := map[string]any(nil)
	if ok {
		claims = p.claims(g)
	}
	if claims == nil {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		answerJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	answerJSON(w, http.StatusOK, claims)
}

func answerJSON(w http.ResponseWriter, status int, v map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
