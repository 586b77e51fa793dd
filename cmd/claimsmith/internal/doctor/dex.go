package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// wellKnown is where an issuer describes itself.
func wellKnown(issuer string) string {
	return strings.TrimRight(issuer, "/") + "/.well-known/openid-configuration"
}

// discovery is what is looked at of Dex's description of itself.
type discovery struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Userinfo      string   `json:"userinfo_endpoint"`
	Keys          string   `json:"jwks_uri"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	TokenAuth     []string `json:"token_endpoint_auth_methods_supported"`
	Scopes        []string `json:"scopes_supported"`
	Claims        []string `json:"claims_supported"`
}

// dexAndForm looks at Dex as DSM and browsers see it.
func (d *doctor) dexAndForm(ctx context.Context) {
	d.part = "Dex"
	if d.o.DexConfig != "" {
		d.part = "Dex's configuration " + d.o.DexConfig
	}
	d.dexFile(ctx)
	d.part = "Dex"
	for _, uri := range d.redirects() {
		d.redirectURI(uri)
	}
	if d.o.Dex == "" {
		d.unknown("discovery", "it is not known where Dex is", "--dex URL, or issuer in the file of --dex-config, says so")
		return
	}
	issuer := strings.TrimSuffix(strings.TrimSuffix(d.o.Dex, "/.well-known/openid-configuration"), "/")
	d.report.Form = d.form(issuer)
	found, ok := d.discover(ctx, issuer)
	if !ok {
		return
	}
	d.describes(found)
	d.keys(ctx, found)
	for _, uri := range d.redirects() {
		d.registered(ctx, found, uri)
	}
	if len(d.redirects()) == 0 {
		d.unknown("login page", "it is not known which redirect URI DSM's form has", "--redirect-uri URI or --dex-config FILE")
	}
	d.secret(ctx, found)
}

// redirects are the redirect URIs that are looked at: the one that was given, or all of the client.
func (d *doctor) redirects() []string {
	if client := d.dexClient(); client != nil && d.o.RedirectURI == "" {
		return client.RedirectURIs
	}
	if d.redirect == "" {
		return nil
	}
	return []string{d.redirect}
}

// secret sends a code that nobody was given: Dex looks at the secret before the code, so its refusal tells whether the secret is right.
func (d *doctor) secret(ctx context.Context, found discovery) {
	client := d.dexClient()
	if client == nil || found.Token == "" {
		return
	}
	secret, place := d.dex.secret(client, d.o.DexConfig)
	if secret == "" {
		d.skip("secret", "it is not set here, so it was not tried: "+place)
		return
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {"doctor"}, "redirect_uri": {d.redirect}, "client_id": {client.ID}, "client_secret": {secret}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, found.Token, strings.NewReader(form.Encode()))
	if err != nil {
		d.wrong("secret", "token_endpoint is no address", "set issuer in Dex's configuration")
		return
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := d.o.HTTP.Do(request)
	if err != nil {
		d.unknown("secret", found.Token+" does not answer: "+unwrapped(err).Error(), "the log of Dex says why")
		return
	}
	defer response.Body.Close()
	var refusal struct {
		Error string `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<16)).Decode(&refusal); err != nil {
		d.unknown("secret", fmt.Sprintf("%s answers with HTTP status %d and no error of OAuth", found.Token, response.StatusCode), "the log of Dex says why")
		return
	}
	switch refusal.Error {
	case "invalid_client":
		d.wrong("secret", "Dex refuses the secret of the client "+client.ID, "start Dex again with "+place+", and write the same into DSM's form")
	case "invalid_grant", "invalid_request": // of the code
		d.ok("secret", "Dex takes the secret of the client "+client.ID)
	default:
		d.unknown("secret", "Dex answers "+refusal.Error+" to a made-up code", "the log of Dex says why")
	}
}

// discover reads the description as DSM does, and its headers as the browser of the administrator does.
func (d *doctor) discover(ctx context.Context, issuer string) (discovery, bool) {
	var found discovery
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		d.wrong("discovery", "the address of Dex is not like https://login.example.org/dex", "give the issuer of Dex's configuration")
		return found, false
	}
	header, err := d.get(ctx, wellKnown(issuer), d.redirect, &found)
	if err != nil {
		d.wrong("discovery", err.Error(), "that is what DSM needs to reach: check issuer, the reverse proxy, and the name of the host, here and on the NAS")
		return found, false
	}
	d.ok("discovery", "Dex describes itself at "+wellKnown(issuer))
	if found.Issuer != issuer {
		d.wrong("issuer", "Dex calls itself "+found.Issuer+", and was asked at "+issuer, "they have to be equal, letter by letter: set issuer in Dex's configuration")
		return found, false
	}
	if u.Scheme == "http" {
		d.warn("issuer", "it begins with http://: passwords and tokens travel readable, and DSM's page, which is https, may refuse to open it", "put Dex behind a reverse proxy with a certificate that NAS and browsers trust")
	} else {
		d.ok("issuer", "it is equal to the address, and its certificate is trusted here; the NAS has to trust it too")
	}
	d.clock("clock", "Dex", header.Get("Date"))
	d.cors(header)
	return found, true
}

// cors looks whether the page of DSM may read the description: DSM's form fetches it from the browser.
func (d *doctor) cors(header http.Header) {
	origin := origin(d.redirect)
	switch allowed := header.Get("Access-Control-Allow-Origin"); {
	case origin == "":
		d.skip("CORS", "it is not known under which address DSM is opened: --redirect-uri or --dex-config")
	case allowed == "*" || allowed == origin:
		d.ok("CORS", "the page of DSM at "+origin+" may read the description")
	default:
		d.warn("CORS", "the page of DSM at "+origin+" may not read the description, and DSM's form is reported to read it from the browser", "write web: {allowedOrigins: ['"+origin+"']} in Dex's configuration")
	}
}

func origin(redirect string) string {
	u, err := url.Parse(redirect)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// get reads JSON, for a page of DSM.
func (d *doctor) get(ctx context.Context, at, redirect string, into any) (http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	if o := origin(redirect); o != "" {
		request.Header.Set("Origin", o)
	}
	response, err := d.o.HTTP.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s does not answer: %w", at, unwrapped(err))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer of %s was cut", at)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answers with HTTP status %d", at, response.StatusCode)
	case json.Unmarshal(body, into) != nil:
		return nil, fmt.Errorf("%s answers something else than a description of an issuer", at)
	}
	return response.Header, nil
}

// unwrapped is the reason without the address, and without that of the connection.
func unwrapped(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err
	}
	return err
}

// describes judges what Dex says it can do.
func (d *doctor) describes(found discovery) {
	if slices.Contains(found.Claims, usernameClaim) {
		d.ok("claims_supported", "it has "+usernameClaim+": the hook is in this Dex")
	} else {
		d.wrong("claims_supported", "it lacks "+usernameClaim+": this Dex has no hook, or was not told to list the claim",
			"write claimsSupported: [username] in the config of the signer claimsHook and start the Dex of claimsmith with it; a Dex without the hook does not start with it")
	}
	if len(found.TokenAuth) > 0 && !slices.Contains(found.TokenAuth, "client_secret_post") {
		d.wrong("client_secret", "Dex does not take client_secret_post, which is how DSM sends its secret", "let Dex take it")
	}
	for _, scope := range []string{"openid", "profile", "email"} {
		if len(found.Scopes) > 0 && !slices.Contains(found.Scopes, scope) {
			d.wrong("scopes", "Dex does not know the scope "+scope, "DSM asks for openid profile email")
		}
	}
}

// keys looks whether Dex signs as DSM wants: with RS256 and nothing else.
func (d *doctor) keys(ctx context.Context, found discovery) {
	var set struct {
		Keys []struct {
			Type      string `json:"kty"`
			Algorithm string `json:"alg"`
		} `json:"keys"`
	}
	const do = "let Dex sign with RS256: otherwise DSM says that the SSO is not properly configured"
	if _, err := d.get(ctx, found.Keys, "", &set); err != nil {
		d.wrong("keys", err.Error(), do)
		return
	}
	rsa := 0
	for _, k := range set.Keys {
		if k.Type == "RSA" && (k.Algorithm == "" || k.Algorithm == "RS256") {
			rsa++
		}
	}
	if rsa == 0 || !slices.Contains(found.Algorithms, "RS256") {
		d.wrong("keys", fmt.Sprintf("of %s none is for RS256, the only way of signing that DSM takes", many(len(set.Keys), "key")), do)
		return
	}
	d.ok("keys", "tokens are signed with RS256, which DSM takes")
}

// redirectURI judges the shape. DSM sends what its form has, and Dex compares byte by byte.
func (d *doctor) redirectURI(redirect string) {
	u, err := url.Parse(redirect)
	const same = "; write the same into Dex's redirectURIs and into DSM's form"
	switch {
	case err != nil || u.Host == "":
		d.wrong("redirect URI", redirect+" is no address", "write the address of DSM: https://nas.example.org:5001"+same)
	case strings.HasSuffix(strings.ToLower(u.Hostname()), "quickconnect.to"):
		d.wrong("redirect URI", redirect+" is QuickConnect's relay, and not the address under which DSM is opened", "write the address of DSM: https://nas.example.org:5001"+same)
	case u.Fragment != "" || strings.Contains(d.redirect, "#"):
		d.wrong("redirect URI", redirect+" has a # in it, which no redirect URI may have; with several of them the last one wins",
			"write "+origin(redirect)+same)
	case u.Scheme != "https":
		d.warn("redirect URI", redirect+" is not https: the code travels readable", "open DSM under https"+same)
	case u.Path == "/":
		d.warn("redirect URI", redirect+" ends with a slash: that is right only if DSM's form has the slash too", "write "+origin(redirect)+same)
	case u.Path != "":
		d.warn("redirect URI", redirect+" has the path "+u.Path+", and DSM needs none", "write "+origin(redirect)+same)
	default:
		d.ok("redirect URI", redirect+" is the address of DSM, without a path and without a slash")
	}
}

// registered begins a login as DSM does, and stops where a person would have to go on: Dex says before that whether it knows client and
// redirect URI.
func (d *doctor) registered(ctx context.Context, found discovery, redirect string) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	status, page, err := d.begin(ctx, found, redirect)
	switch {
	case err != nil:
		d.wrong("login page", "Dex does not answer there: "+err.Error(), "the log of Dex says why")
	case strings.Contains(page, "Invalid client_id"):
		d.wrong("login page", "Dex knows no client "+d.o.Client, "name the right one with --client, or add it to staticClients; Dex reads its file only when it starts")
	case strings.Contains(page, "Unregistered redirect_uri"):
		d.wrong("login page", "Dex does not know the redirect URI "+redirect+" of the client "+d.o.Client, "write it into redirectURIs of the client, byte by byte as in DSM's form")
	case status >= 400:
		d.wrong("login page", fmt.Sprintf("Dex answers with HTTP status %d", status), "the log of Dex says why")
	default:
		d.ok("login page", "Dex knows the client "+d.o.Client+" with the redirect URI "+redirect+", and would ask the person to sign in")
	}
}

// begin follows the first steps of a login, up to where the connector takes over.
func (d *doctor) begin(ctx context.Context, found discovery, redirect string) (status int, page string, err error) {
	query := url.Values{
		"client_id": {d.o.Client}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid profile email"},
		"state": {"doctor"}, "nonce": {"doctor"},
	}
	if c := d.connector(); c != nil {
		query.Set("connector_id", c.Name)
	}
	at := found.Authorization + "?" + query.Encode()
	for range 5 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
		if err != nil {
			return 0, "", err
		}
		response, err := d.o.HTTP.Do(request)
		if err != nil {
			return 0, "", unwrapped(err)
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		response.Body.Close()
		if err != nil {
			return 0, "", errors.New("the page was cut")
		}
		status, page = response.StatusCode, string(body)
		next, err := response.Location()
		if err != nil || !strings.HasPrefix(next.String(), found.Authorization) {
			return status, page, nil
		}
		at = next.String()
	}
	return status, page, nil
}
