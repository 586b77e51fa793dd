package http

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	nethttp "net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/claimsmith/claimsmith/sidecar/files"
)

// OAuth2 is how the plugin gets a token of its own, which it sends to the service.
type OAuth2 struct {
	TokenURL         string   `json:"tokenURL" doc:"address of the token endpoint"`
	ClientID         string   `json:"clientID" doc:"id of the client; with jwtBearer the issuer of the assertion, like the address of a service account"`
	ClientSecretFile string   `json:"clientSecretFile,omitempty" doc:"file with the secret of the client in one line; read again when it changes"`
	PrivateKeyFile   string   `json:"privateKeyFile,omitempty" doc:"file with a key, in PEM, that signs an assertion in the place of a secret, and that not everybody can read"`
	KeyID            string   `json:"keyID,omitempty" doc:"id of that key, for the kid of the assertion"`
	CertFile         string   `json:"certFile,omitempty" doc:"file with the certificate of that key, in PEM, for the x5t#S256 of the assertion"`
	Grant            string   `json:"grant,omitempty" doc:"clientCredentials, or jwtBearer where the assertion is the grant; default: clientCredentials"`
	Subject          string   `json:"subject,omitempty" doc:"account in whose name a jwtBearer asks"`
	Audience         string   `json:"audience,omitempty" doc:"aud of the assertion; default: tokenURL"`
	Scopes           []string `json:"scopes,omitempty" doc:"what the token is for"`
	CAFile           string   `json:"caFile,omitempty" doc:"caFile of the token endpoint; default: the authorities that the machine knows"`
}

const (
	clientCredentials = "clientCredentials"
	jwtBearer         = "jwtBearer"
	assertionTime     = 5 * time.Minute
)

// tokens gets a token and keeps it until shortly before its end. It is safe for concurrent use.
type tokens struct {
	c       OAuth2
	secret  *files.Secret // nil: an assertion is signed
	tls     *tls.Config
	client  *nethttp.Client
	timeout time.Duration

	turn  chan struct{} // of the one who reads or replaces what follows
	token *oauth2.Token
}

// tokens checks how a token is got; nil when none is.
func (c Config) tokens(check *checker, g *guard) *tokens {
	if c.OAuth2 == nil {
		return nil
	}
	o := *c.OAuth2
	t := &tokens{c: o, turn: make(chan struct{}, 1), tls: &tls.Config{MinVersion: tls.VersionTLS12}}
	if to := c.where(check, "oauth2.tokenURL", o.TokenURL, g); to != nil {
		if _, err := to.fill(values{}); err != nil {
			check.bad("oauth2.tokenURL", errors.New("no placeholder can be in it"), "")
		}
	}
	if o.CAFile != "" {
		t.tls.RootCAs = c.authorities(check, "oauth2.caFile", o.CAFile)
	}
	if o.ClientID == "" {
		check.bad("oauth2.clientID", errors.New("is empty"), "")
	}
	var err error
	switch {
	case (o.ClientSecretFile == "") == (o.PrivateKeyFile == ""):
		check.bad("oauth2", errors.New("needs one of clientSecretFile and privateKeyFile"), "")
	case o.ClientSecretFile != "":
		t.secret, err = files.OpenSecret(o.ClientSecretFile)
		check.bad("oauth2.clientSecretFile", err, files.SecretHint(err, o.ClientSecretFile))
	default:
		_, path, err := t.signer()
		check.bad("oauth2."+path, err, files.SecretHint(err, o.PrivateKeyFile))
	}
	switch {
	case o.Grant != "" && o.Grant != clientCredentials && o.Grant != jwtBearer:
		check.bad("oauth2.grant", errors.New("must be clientCredentials or jwtBearer"), "")
	case o.Grant == jwtBearer && o.PrivateKeyFile == "":
		check.bad("oauth2.grant", errors.New("jwtBearer needs privateKeyFile"), "")
	case o.Grant != jwtBearer && o.Subject != "":
		check.bad("oauth2.subject", errors.New("means nothing without grant: jwtBearer"), "")
	}
	if c.BearerFile != "" {
		check.bad("bearerFile", errors.New("given as well as oauth2"), "keep one of them")
	}
	return t
}

// get gives a token that is valid, and another one than refused.
func (t *tokens) get(ctx context.Context, refused string) (string, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", fmt.Errorf("wait for a token: %w", ctx.Err())
	}
	if t.token.Valid() && t.token.AccessToken != refused {
		return t.token.AccessToken, nil
	}
	config, err := t.config()
	if err != nil {
		return "", fmt.Errorf("get a token: %w", err)
	}
	own, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	token, err := config.Token(context.WithValue(own, oauth2.HTTPClient, t.client))
	if err != nil {
		return "", fmt.Errorf("get a token: %w", t.why(ctx, err))
	}
	t.token = token
	return token.AccessToken, nil
}

// why says what is wrong without the words of the endpoint, which may repeat what it was sent.
func (t *tokens) why(ctx context.Context, err error) error {
	var no *oauth2.RetrieveError
	if !errors.As(err, &no) || no.Response == nil {
		return unreachable(ctx, err, t.timeout)
	}
	known := map[string]string{
		"invalid_client": "check clientID and the secret or the key", "invalid_grant": "check clientID, subject and the key, and the clock of this machine",
		"invalid_scope": "check scopes", "unauthorized_client": "the client may not have such a token: allow it there", "invalid_request": "it lacks something",
	}
	if hint, ok := known[no.ErrorCode]; ok {
		return fmt.Errorf("the token endpoint refuses (status %d, %s): %s", no.Response.StatusCode, no.ErrorCode, hint)
	}
	return fmt.Errorf("the token endpoint answered with status %d", no.Response.StatusCode)
}

func (t *tokens) config() (*clientcredentials.Config, error) {
	config := &clientcredentials.Config{ClientID: t.c.ClientID, TokenURL: t.c.TokenURL, Scopes: t.c.Scopes}
	if t.secret != nil {
		var err error
		config.ClientSecret, err = t.secret.Value()
		return config, err
	}
	assertion, err := t.assertion()
	if err != nil {
		return nil, err
	}
	config.AuthStyle = oauth2.AuthStyleInParams
	config.EndpointParams = url.Values{
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
	}
	if t.c.Grant == jwtBearer { // RFC 7523, 2.1: the scopes are in the assertion
		config.ClientID, config.Scopes = "", nil
		config.EndpointParams = url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
	}
	return config, nil
}

// assertion is signed for one request.
func (t *tokens) assertion() (string, error) {
	signer, path, err := t.signer()
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	now := time.Now()
	claims := jwt.Claims{
		Issuer: t.c.ClientID, Subject: t.c.ClientID, Audience: jwt.Audience{cmp.Or(t.c.Audience, t.c.TokenURL)}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(assertionTime)),
	}
	scope := struct {
		Scope string `json:"scope,omitempty"`
	}{}
	if t.c.Grant == jwtBearer {
		claims.Subject, scope.Scope = t.c.Subject, strings.Join(t.c.Scopes, " ")
	}
	return jwt.Signed(signer).Claims(claims).Claims(scope).Serialize()
}

// signer signs with the key as the file has it now. path is the field that is at fault.
func (t *tokens) signer() (_ jose.Signer, path string, _ error) {
	block, err := readPEM(t.c.PrivateKeyFile, true)
	if err != nil {
		return nil, "privateKeyFile", err
	}
	key, err := privateKey(block)
	if err != nil {
		return nil, "privateKeyFile", err
	}
	o := (&jose.SignerOptions{}).WithType("JWT")
	if t.c.KeyID != "" {
		o = o.WithHeader("kid", t.c.KeyID)
	}
	if t.c.CertFile != "" {
		cert, err := readPEM(t.c.CertFile, false)
		if err != nil {
			return nil, "certFile", err
		}
		sum := sha256.Sum256(cert)
		o = o.WithHeader("x5t#S256", base64.RawURLEncoding.EncodeToString(sum[:]))
	}
	algorithm := jose.RS256
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		algorithm = map[int]jose.SignatureAlgorithm{256: jose.ES256, 384: jose.ES384, 521: jose.ES512}[key.Params().BitSize]
	case ed25519.PrivateKey:
		algorithm = jose.EdDSA
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, o)
	if err != nil {
		return nil, "privateKeyFile", errors.New("a key of a kind that signs no assertions: use RSA, ECDSA or Ed25519")
	}
	return signer, "", nil
}

// readPEM gives the first block of a file.
func readPEM(file string, private bool) ([]byte, error) {
	const most = 1 << 20
	if err := files.Absolute(file); err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, files.Reason(err)
	}
	if err := files.Private(info.Mode()); private && err != nil {
		return nil, err
	}
	content, _, err := files.Read(file, most)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, errors.New("nothing in PEM form in it")
	}
	return block.Bytes, nil
}

func privateKey(der []byte) (crypto.PrivateKey, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	return nil, errors.New("no private key in it that can be read without a password")
}
