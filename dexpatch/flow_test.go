package dexpatch_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/dexpatch/dextest"
)

const callback = "http://127.0.0.1:1/callback" // nobody listens; the browser stops before

// page is what a browser shows, or where it was sent.
type page struct {
	status   int
	body     string
	location *url.URL // the callback of the client, if it got there
	address  string
}

// text is what a person reads on an error page.
func (p page) text() string {
	m := regexp.MustCompile(`(?s)<div class="theme-panel">.*?<p>(.*?)</p>`).FindStringSubmatch(p.body)
	if m == nil {
		return ""
	}
	return localID.ReplaceAllString(html.UnescapeString(m[1]), "decision LOCAL")
}

// links are the links of a page.
func (p page) links() []string {
	var out []string
	for _, m := range regexp.MustCompile(`<a [^>]*href="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
		out = append(out, html.UnescapeString(m[1]))
	}
	return out
}

// browser is a person's.
type browser struct {
	t      *testing.T
	client *http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, &http.Client{Jar: jar, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

func (b *browser) page(resp *http.Response, err error) page {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	p := page{status: resp.StatusCode, body: string(body), address: resp.Request.URL.String()}
	p.location, _ = resp.Location() // none is none
	return p
}

// signIn goes to an address, fills in the login form, and follows where that leads. Connectors without a form need none.
func (b *browser) signIn(address, user, password string) page {
	b.t.Helper()
	resp, err := b.client.Get(address)
	p := b.page(resp, err)
	form := regexp.MustCompile(`<form method="post" action="([^"]+)"`).FindStringSubmatch(p.body)
	if p.status != http.StatusOK || form == nil {
		return p
	}
	target, err := resp.Request.URL.Parse(html.UnescapeString(form[1]))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.page(b.client.PostForm(target.String(), url.Values{"login": {user}, "password": {password}}))
}

// authURL is where a client sends a person.
func authURL(d *dextest.Dex, connector, responseType string) string {
	return d.Issuer + "/auth/" + connector + "?" + url.Values{
		"client_id": {"nas"}, "redirect_uri": {callback}, "response_type": {responseType}, "nonce": {"n1"}, "state": {"s1"},
		"scope": {"openid email profile groups offline_access"},
	}.Encode()
}

// answer is the body of a JSON response.
type answer struct {
	status int
	body   map[string]any
	header http.Header
}

// said is the answer of the token endpoint when it has no token. The hook's own decision ids differ each time.
func (a answer) said() string {
	text := fmt.Sprintf("%d %v: %v", a.status, a.body["error"], a.body["error_description"])
	return localID.ReplaceAllString(text, "decision LOCAL")
}

var localID = regexp.MustCompile(`decision dex-[a-z2-7]{8}`)

// Storage blocks, each for an empty database.
func memory(*testing.T) string { return "{type: memory}" }

func sqlite(t *testing.T) string {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), dextest.Binary(t), "version").Output(); err != nil || strings.Contains(string(out), "no-sqlite3") {
		if os.Getenv("CLAIMSMITH_CI") != "" {
			t.Fatalf("sqlite3 is not in this Dex: %v\n%s", err, out)
		}
		t.Skip("sqlite3 is not in this Dex: a C compiler brings it in (Debian: gcc libc6-dev)")
	}
	return fmt.Sprintf("{type: sqlite3, config: {file: %q}}", filepath.Join(t.TempDir(), "dex.db"))
}

func postgres(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(databases.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	host := u.Query().Get("host")
	if host == "" {
		host = u.Hostname()
	}
	return fmt.Sprintf("{type: postgres, config: {host: %q, database: %q, user: %q, password: %q, ssl: {mode: disable}}}",
		host, strings.TrimPrefix(u.Path, "/"), u.User.Username(), password)
}

func request(t *testing.T, req *http.Request) answer {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if err := json.NewDecoder(resp.Body).Decode(&a.body); err != nil {
		t.Fatalf("%s %s: status %d: %v", req.Method, req.URL, resp.StatusCode, err)
	}
	return a
}

// token asks the token endpoint as the client nas.
func token(t *testing.T, d *dextest.Dex, form url.Values) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, d.Issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("nas", "secret")
	return request(t, req)
}

// post sends a form without a header of its own.
func post(t *testing.T, address string, form url.Values) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request(t, req)
}

// code redeems the code that a browser brought.
func code(t *testing.T, d *dextest.Dex, p page) answer {
	t.Helper()
	if p.location == nil {
		t.Fatalf("no code: status %d: %s", p.status, p.text())
	}
	return token(t, d, url.Values{"grant_type": {"authorization_code"}, "code": {p.location.Query().Get("code")}, "redirect_uri": {callback}})
}

func get(t *testing.T, address, bearer string) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return request(t, req)
}

// decode returns the claims of a token. Signatures are not the business of these tests.
func decode(t *testing.T, jwt any) map[string]any {
	t.Helper()
	parts := strings.Split(fmt.Sprint(jwt), ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %v", jwt)
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(data, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func names(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
