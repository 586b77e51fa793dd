package http

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	nethttp "net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// provider is an OpenID provider of Zitadel's library, certified by the OpenID Foundation, with the service user sid1 and the key of a service
// account.
type provider struct {
	*httptest.Server
	asked   atomic.Int64 // for tokens
	granted atomic.Pointer[string]
}

// accounts has another key than the one that the library brings along.
type accounts struct {
	*storage.Storage
	key crypto.PublicKey
}

func (a accounts) GetKeyByIDAndClientID(_ context.Context, id, _ string) (*jose.JSONWebKey, error) {
	return &jose.JSONWebKey{KeyID: id, Use: "sig", Key: a.key}, nil
}

func startProvider(t *testing.T, key crypto.PublicKey) *provider {
	t.Helper()
	p := &provider{}
	var handler nethttp.Handler
	p.Server = httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		p.asked.Add(1)
		copied := httptest.NewRecorder()
		handler.ServeHTTP(copied, r)
		var reply struct {
			Token string `json:"access_token"`
		}
		if json.Unmarshal(copied.Body.Bytes(), &reply) == nil && reply.Token != "" {
			p.granted.Store(&reply.Token)
		}
		for name, values := range copied.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(copied.Code)
		_, _ = w.Write(copied.Body.Bytes())
	}))
	t.Cleanup(p.Close)
	users := storage.NewUserStore(p.URL)
	out, err := op.NewProvider(&op.Config{CryptoKey: sha256.Sum256([]byte("test")), AuthMethodPost: true}, accounts{storage.NewStorage(users), key},
		op.StaticIssuer(p.URL), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil))))
	if err != nil {
		t.Fatal(err)
	}
	handler = out
	return p
}

func (p *provider) tokenURL() string { return p.URL + op.DefaultEndpoints.Token.Relative() }

// guarded is a service that takes the token that was granted last, and no other. It withdraws a token when it is told to.
func guarded(t *testing.T, p *provider, withdrawn *atomic.Pointer[string]) *service {
	return serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		token, last := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), p.granted.Load()
		if gone := withdrawn.Load(); last == nil || token != *last || gone != nil && *gone == token {
			w.WriteHeader(nethttp.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"groups": ["staff"]}`)
	})
}

func keyFile(t *testing.T) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

func TestTokensOfAnOpenIDProvider(t *testing.T) {
	key, file := keyFile(t)
	p := startProvider(t, key.Public())
	var withdrawn atomic.Pointer[string]
	s := guarded(t, p, &withdrawn)
	tests := []struct {
		name string
		o    OAuth2
		want got
	}{
		{"a secret", OAuth2{ClientID: "sid1", ClientSecretFile: write(t, "secret", "verysecret\n"), Scopes: []string{"openid"}},
			found(Facts{Groups: []string{"staff"}, Texts: []Text{}})},
		{"a wrong secret", OAuth2{ClientID: "sid1", ClientSecretFile: write(t, "secret", "guessed\n")},
			unknown("get a token: the token endpoint refuses (status 401, invalid_client): check clientID and the secret or the key")},
		{"an assertion that is the grant", OAuth2{ClientID: "service", Subject: "service", Grant: jwtBearer, PrivateKeyFile: file, KeyID: "k", Audience: p.URL, Scopes: []string{"openid"}},
			found(Facts{Groups: []string{"staff"}, Texts: []Text{}})},
		{"an assertion for somebody else", OAuth2{ClientID: "service", Subject: "service", Grant: jwtBearer, PrivateKeyFile: file, Audience: "https://example.org"},
			unknown("get a token: the token endpoint answered with status 400")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := s.config(t, "/")
			config.AllowPlainHTTP, config.Answers.Groups, config.OAuth2 = true, "/groups", &tt.o
			config.OAuth2.TokenURL = p.tokenURL()
			c := sdktest.Start(t, Plugin(), config)
			before := p.asked.Load()
			if diff := cmp.Diff(tt.want, ask(t, c, Params{})); diff != "" {
				t.Fatal(diff)
			}
			if !tt.want.Found {
				return
			}
			if ask(t, c, Params{}); p.asked.Load() != before+1 {
				t.Errorf("%d tokens for two questions", p.asked.Load()-before)
			}
			withdrawn.Store(p.granted.Load())
			if diff := cmp.Diff(tt.want, ask(t, c, Params{})); diff != "" || p.asked.Load() != before+2 {
				t.Errorf("after the token was withdrawn, with %d tokens: %s", p.asked.Load()-before, diff)
			}
		})
	}
}

// What Entra wants of a client with a certificate: https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials
func TestAnAssertionInThePlaceOfASecret(t *testing.T) {
	key, file := keyFile(t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	var form url.Values
	s := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path != "/token" {
			_, _ = io.WriteString(w, `{"groups": []}`)
		}
	})
	tokens := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		_ = r.ParseForm()
		form = r.PostForm
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token": "t", "token_type": "Bearer", "expires_in": 3600}`)
	}))
	defer tokens.Close()
	config := s.config(t, "/")
	config.AllowPlainHTTP, config.Answers.Groups = true, "/groups"
	config.OAuth2 = &OAuth2{
		TokenURL: tokens.URL + "/token", ClientID: "app", PrivateKeyFile: file, Scopes: []string{"https://graph.microsoft.com/.default"},
		CertFile: write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
	}
	if answer := ask(t, sdktest.Start(t, Plugin(), config), Params{}); !answer.Found {
		t.Fatal(answer.Err)
	}
	parsed, err := jwt.ParseSigned(form.Get("client_assertion"), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	var claims jwt.Claims
	if err := parsed.Claims(key.Public(), &claims); err != nil {
		t.Fatal(err)
	}
	if err := claims.Validate(jwt.Expected{Issuer: "app", Subject: "app", AnyAudience: jwt.Audience{tokens.URL + "/token"}, Time: time.Now()}); err != nil || claims.ID == "" {
		t.Errorf("%v, %+v", err, claims)
	}
	head := parsed.Headers[0].ExtraHeaders
	if got := head["x5t#S256"]; got != base64.RawURLEncoding.EncodeToString(sum[:]) || head["typ"] != "JWT" {
		t.Errorf("headers %v", head)
	}
	form.Del("client_assertion")
	want := url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}, "scope": {"https://graph.microsoft.com/.default"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsWrongWithOAuth2(t *testing.T) {
	secret, wide := write(t, "secret", "s\n"), write(t, "wide", "")
	base := Config{URL: "https://example.org", AllowNetworks: []string{"127.0.0.1"}}
	tests := []struct {
		name string
		o    OAuth2
		want sdk.Problems
	}{
		{"nothing", OAuth2{}, sdk.Problems{
			{Path: "oauth2.tokenURL", Message: "must begin with https:// or http://"}, {Path: "oauth2.clientID", Message: "is empty"},
			{Path: "oauth2", Message: "needs one of clientSecretFile and privateKeyFile"},
		}},
		{"both", OAuth2{TokenURL: "https://example.org", ClientID: "a", ClientSecretFile: secret, PrivateKeyFile: secret}, sdk.Problems{
			{Path: "oauth2", Message: "needs one of clientSecretFile and privateKeyFile"},
		}},
		{"a readable way", OAuth2{TokenURL: "http://example.org", ClientID: "a", ClientSecretFile: secret}, sdk.Problems{
			{Path: "oauth2.tokenURL", Message: "http:// lets everybody on the way read and change what is said", Hint: "use https://, or write allowPlainHTTP: true"},
		}},
		{"a value in the address", OAuth2{TokenURL: "https://example.org/{email}", ClientID: "a", ClientSecretFile: secret}, sdk.Problems{
			{Path: "oauth2.tokenURL", Message: "no placeholder can be in it"},
		}},
		{"a grant without its key", OAuth2{TokenURL: "https://example.org", ClientID: "a", ClientSecretFile: secret, Grant: jwtBearer}, sdk.Problems{
			{Path: "oauth2.grant", Message: "jwtBearer needs privateKeyFile"},
		}},
		{"a subject that nobody asks for", OAuth2{TokenURL: "https://example.org", ClientID: "a", ClientSecretFile: secret, Subject: "b"}, sdk.Problems{
			{Path: "oauth2.subject", Message: "means nothing without grant: jwtBearer"},
		}},
		{"no key", OAuth2{TokenURL: "https://example.org", ClientID: "a", PrivateKeyFile: wide}, sdk.Problems{
			{Path: "oauth2.privateKeyFile", Message: "nothing in PEM form in it"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := base
			config.OAuth2 = &tt.o
			if diff := cmp.Diff(tt.want, sdktest.Check(t, Plugin(), config)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// directoryOf answers the members of a list in pages of two, with a link as Microsoft Graph has it, or with a token as Google has it.
func directoryOf(t *testing.T, names ...string) *service {
	var s *service
	s = serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		at := slices.Index(names, r.URL.Query().Get("from")+r.URL.Query().Get("pageToken"))
		at = max(at, 0)
		page := names[at:min(at+2, len(names))]
		reply := map[string]any{}
		var list []map[string]string
		for _, name := range page {
			list = append(list, map[string]string{"displayName": name})
		}
		reply["value"] = list
		if at+2 < len(names) {
			reply["next"], reply["token"] = s.URL+"/?from="+names[at+2], names[at+2]
		}
		_ = json.NewEncoder(w).Encode(reply)
	})
	return s
}

func TestPages(t *testing.T) {
	s := directoryOf(t, "a", "b", "c", "d", "e")
	elsewhere := serve(t, reply(`{"value": [], "next": "https://example.org/"}`))
	all := found(Facts{Groups: []string{"a", "b", "c", "d", "e"}, Texts: []Text{}})
	tests := []struct {
		name  string
		of    *service
		pages Pages
		asked []string
		want  got
	}{
		{"by links", s, Pages{Next: "/next"}, []string{"GET /?q=1", "GET /?from=c", "GET /?from=e"}, all},
		{"by a cursor", s, Pages{Next: "/token", Parameter: "pageToken"}, []string{"GET /?q=1", "GET /?q=1&pageToken=c", "GET /?q=1&pageToken=e"}, all},
		{"more than are read", s, Pages{Next: "/next", Most: 2}, []string{"GET /?q=1", "GET /?from=c"},
			misfit("there are more than 2 pages: raise pages.most, or ask for longer ones")},
		{"a page elsewhere", elsewhere, Pages{Next: "/next"}, []string{"GET /?q=1"}, misfit("pages.next: the next page is not at the scheme, host and port of url")},
		{"no cursor", elsewhere, Pages{Next: "/value"}, []string{"GET /?q=1"}, misfit("pages.next: the reply has there neither a text nor a number")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := tt.of.config(t, "/?q=1")
			config.Answers.Groups, config.Pages = "/value/*/displayName", &tt.pages
			answer := ask(t, sdktest.Start(t, Plugin(), config), Params{})
			if diff := cmp.Diff(tt.want, answer); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.asked, tt.of.took()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStatusesThatStandForNobody(t *testing.T) {
	for status, want := range map[int]got{
		204: problem(none), 410: problem(none), 404: problem(none), 400: misfit("the service answered with status 400"),
	} {
		s := serve(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) { w.WriteHeader(status) })
		config := s.config(t, "/")
		config.NotFound, config.Answers.Name = []int{204, 410}, "/name"
		if diff := cmp.Diff(want, ask(t, sdktest.Start(t, Plugin(), config), Params{})); diff != "" {
			t.Errorf("%d: %s", status, diff)
		}
	}
}
