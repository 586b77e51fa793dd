package dsm

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// secure starts a NAS with a certificate of its own, which nobody signed.
func secure(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(&replay{files: recorded()})
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// usersFrom asks the NAS at address for its users.
func usersFrom(t *testing.T, address string, config *tls.Config) error {
	t.Helper()
	c, err := New(Options{URL: address, Account: "claimsmith", Password: "p", TLS: config, AllowPlainHTTP: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	_, err = c.Users(t.Context())
	return err
}

func TestCertificatesAreVerified(t *testing.T) {
	server := secure(t)
	raw := server.Certificate().Raw
	print := fmt.Sprintf("%x", sha256.Sum256(raw))
	var colons []string
	for i := 0; i < len(print); i += 2 {
		colons = append(colons, strings.ToUpper(print[i:i+2]))
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	trust := func(config *tls.Config, err error) *tls.Config {
		if err != nil {
			t.Fatal(err)
		}
		return config
	}
	otherName := trust(TrustCA(ca))
	otherName.ServerName = "nas.example.net"
	tests := []struct {
		name   string
		config *tls.Config
		want   string
	}{
		{"a certificate that nobody signed is refused", nil, "SYNO.API.Info query: tls: failed to verify certificate: x509: certificate signed by unknown authority: " +
			"the NAS shows a certificate that no known authority signed: set caFile, or certSha256 for DSM's own certificate"},
		{"a certificate of the given authority is good", trust(TrustCA(ca)), ""},
		{"a certificate for another name is refused", otherName, "SYNO.API.Info query: tls: failed to verify certificate: x509: certificate is valid for example.com, *.example.com, not nas.example.net: " +
			"the certificate is made out for another name: write that name in url, or set certSha256"},
		{"the certificate with the given fingerprint is good", trust(TrustFingerprint(print)), ""},
		{"a fingerprint as browsers show it is good", trust(TrustFingerprint(strings.Join(colons, ":"))), ""},
		{"a certificate with another fingerprint is refused", trust(TrustFingerprint(strings.Repeat("0", 64))),
			"SYNO.API.Info query: ask the NAS: the NAS shows another certificate than certSha256 names: its fingerprint is " + print +
				"; if DSM's certificate was renewed, compare it there and change certSha256"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := text(usersFrom(t, server.URL, tt.config)); got != tt.want {
				t.Errorf("error\n got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestWhatCannotBeTrustIsRefused(t *testing.T) {
	if _, err := TrustCA([]byte("not a certificate")); text(err) != "no certificate in PEM form in it" {
		t.Errorf("authority: %v", err)
	}
	for _, bad := range []string{"", "abc", strings.Repeat("0", 63), strings.Repeat("0", 66), strings.Repeat("g", 64)} {
		if _, err := TrustFingerprint(bad); text(err) != "not a SHA-256 fingerprint of 64 hex digits" {
			t.Errorf("fingerprint %q: %v", bad, err)
		}
	}
}

func TestTheWrongSchemeOrPortIsNamed(t *testing.T) {
	plain := httptest.NewServer(&replay{files: recorded()})
	defer plain.Close()
	https := secure(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	at := func(scheme string, url string) string { return scheme + url[strings.Index(url, "://"):] }
	tests := []struct{ name, url, want string }{
		{"https to a port that speaks http", at("https", plain.URL), "this port does not speak https: DSM's https port is usually 5001"},
		{"http to a port that speaks https", at("http", https.URL), "SYNO.API.Info query: this port speaks https: write https:// in url"},
		{"a port where nobody listens", "https://" + closed.Addr().String(),
			"connect: connection refused: nothing listens at this port: check url (DSM is usually at 5001 for https) and that DSM is running"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := text(usersFrom(t, tt.url, nil)); !strings.HasSuffix(got, tt.want) {
				t.Errorf("error\n got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestRedirectsAreRefused(t *testing.T) {
	tests := []struct{ name, location, want string }{
		{"to https", "https://nas.example.org:5001/webapi/query.cgi?secret=1", "SYNO.API.Info query: the answer is a redirect: the NAS sends http:// on to https://, " +
			"and a password sent there would be lost or read: set url to https://nas.example.org:5001"},
		{"to a login page", "/#/signin", "SYNO.API.Info query: the answer is a redirect to http://HOST: that is a login page or another service, " +
			"not DSM's Web API; set url to DSM's own address"},
		{"to another service", "http://user:pass@proxy.example/login?for=someone", "SYNO.API.Info query: the answer is a redirect to http://proxy.example: " +
			"that is a login page or another service, not DSM's Web API; set url to DSM's own address"},
		{"to nowhere", "http://%zz", "SYNO.API.Info query: the answer is a redirect to an address that cannot be read: check url"},
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, tt := range tests {
			t.Run(fmt.Sprint(status, " ", tt.name), func(t *testing.T) {
				c, r, _ := start(t, nil)
				r.handler = func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Location", tt.location)
					w.WriteHeader(status)
				}
				_, err := c.Users(t.Context())
				if got, want := text(err), strings.ReplaceAll(tt.want, "HOST", c.base.Host); got != want {
					t.Errorf("error\n got %q\nwant %q", got, want)
				}
				if len(r.seen) != 1 {
					t.Errorf("%d calls, want 1", len(r.seen))
				}
			})
		}
	}
}

func TestAddressesAreChecked(t *testing.T) {
	tests := []struct {
		url   string
		plain bool
		want  string
	}{
		{"https://nas.example.org:5001", false, ""},
		{"https://nas.example.org/dsm/", false, ""},
		{"https://[fd00::1]:5001", false, ""},
		{"https://nas.example.org:5001/webman", false, "the address names a page of DSM, webman; leave that out"},
		{"https://nas.example.org/dsm/webapi/entry.cgi", false, "the address names a page of DSM, webapi; leave that out"},
		{"http://localhost:5000", true, ""},
		{"http://localhost:5000", false, "http:// would send the password readable; use https://, or write allowPlainHTTP: true"},
		{"", false, "the address is empty"},
		{"nas.example.org", false, "not an address like https://nas.example.org:5001"},
		{"nas.example.org:5001", false, "not an address like https://nas.example.org:5001"},
		{"https://:5001", false, "not an address like https://nas.example.org:5001"},
		{"https://nas:port", false, "not an address like https://nas.example.org:5001"},
		{"ftp://nas.example.org", false, "the address must begin with https://"},
		{"https://me:secret@nas.example.org", false, "the address holds a user or a password, which belong in account and passwordFile"},
		{"https://nas.example.org/?x=1", false, "the address holds a query or a fragment; only https://host:port is wanted"},
		{"https://nas.example.org/#/signin", false, "the address holds a query or a fragment; only https://host:port is wanted"},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			if _, err := ParseURL(tt.url, tt.plain); text(err) != tt.want {
				t.Errorf("error %q, want %q", text(err), tt.want)
			}
		})
	}
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"no address", Options{Account: "a", Password: "p"}, "the address is empty"},
		{"no account", Options{URL: "https://nas", Password: "p"}, "the account is empty"},
		{"no password", Options{URL: "https://nas", Account: "a"}, "the password is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := New(tt.o); text(err) != tt.want {
				t.Errorf("error %q, want %q", text(err), tt.want)
			}
		})
	}
}
