package demo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// browser is what a person sits in front of: it keeps cookies, follows redirects and fills in the login form.
type browser struct {
	client *http.Client
}

// page is where a browser came to rest.
type page struct {
	url    *url.URL
	status int // zero: the page was not fetched, see signIn
	body   *html.Node
}

const maxPage = 1 << 20

// newBrowser trusts the NAS's own certificate authority, as a browser does after its owner imported it.
func newBrowser(ca []byte) (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &browser{client: &http.Client{
		Jar:           jar,
		Timeout:       20 * time.Second,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func (b *browser) close() { b.client.CloseIdleConnections() }

// signIn goes to a URL and on from there, logging in where a form asks for it, until a page is neither redirect nor login form.
// A URL for which until holds is not fetched: that is how a code is caught on its way to the client. Nil until never holds.
func (b *browser) signIn(ctx context.Context, start string, who person, until func(*url.URL) bool) (*page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, start, nil)
	if err != nil {
		return nil, err
	}
	for range 30 {
		if until != nil && until(request.URL) {
			return &page{url: request.URL}, nil
		}
		response, err := b.client.Do(request)
		if err != nil {
			return nil, fmt.Errorf("sign in: %w", err)
		}
		if next, err := response.Location(); err == nil {
			_ = response.Body.Close() // a redirect's body says nothing
			if request, err = http.NewRequestWithContext(ctx, http.MethodGet, next.String(), nil); err != nil {
				return nil, err
			}
			continue
		}
		p, err := readPage(response)
		if err != nil {
			return nil, err
		}
		form := p.loginForm()
		if form == nil {
			return p, nil
		}
		if request, err = form.submit(ctx, p.url, who); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("sign in: the redirects do not end")
}

func readPage(r *http.Response) (*page, error) {
	defer r.Body.Close()
	body, err := html.Parse(io.LimitReader(r.Body, maxPage))
	if err != nil {
		return nil, fmt.Errorf("read the page at %s: %w", r.Request.URL.Path, err)
	}
	return &page{url: r.Request.URL, status: r.StatusCode, body: body}, nil
}

// form is a login form: what is in it, by name.
type form struct {
	action string
	fields url.Values
}

// loginForm returns the form with a password field, or nil.
func (p *page) loginForm() *form {
	for n := range p.body.Descendants() {
		if !isElement(n, "form") {
			continue
		}
		f, login := &form{action: attribute(n, "action"), fields: url.Values{}}, false
		for input := range n.Descendants() {
			if !isElement(input, "input") {
				continue
			}
			login = login || attribute(input, "type") == "password"
			if name := attribute(input, "name"); name != "" && attribute(input, "type") != "checkbox" {
				f.fields.Set(name, attribute(input, "value"))
			}
		}
		if login {
			return f
		}
	}
	return nil
}

// submit fills the form in as Dex names its fields.
func (f *form) submit(ctx context.Context, base *url.URL, who person) (*http.Request, error) {
	target, err := base.Parse(f.action)
	if err != nil {
		return nil, fmt.Errorf("the login form leads nowhere: %w", err)
	}
	f.fields.Set("login", who.email)
	f.fields.Set("password", who.password)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(f.fields.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request, nil
}

// paragraphs returns what the page says, paragraph by paragraph.
func (p *page) paragraphs() []string {
	var out []string
	for n := range p.body.Descendants() {
		if isElement(n, "p") || isElement(n, "h1") {
			if said := strings.Join(strings.Fields(textOf(n)), " "); said != "" {
				out = append(out, said)
			}
		}
	}
	return out
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

func isElement(n *html.Node, name string) bool { return n.Type == html.ElementNode && n.Data == name }

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
