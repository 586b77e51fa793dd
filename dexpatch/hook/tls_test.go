package claimshook_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
)

// authority signs certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.issue(t, "ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// issue writes NAME.pem and NAME.key.
func (a *authority) issue(t *testing.T, name string, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(a.dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func TestMutualTLS(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	ours.issue(t, "service", &x509.Certificate{DNSNames: []string{"hook.internal"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	for _, a := range []*authority{ours, theirs} {
		a.issue(t, "dex", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	}
	pair, err := tls.LoadX509KeyPair(ours.dir+"/service.pem", ours.dir+"/service.key")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ours.cert)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serveOn(t, l, always(patches(nil, set("username", `"mum"`))), grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
	})))
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")

	tests := []struct {
		name, ca, client, serverName string
		want                         bool
		wantErr                      string // a part: the rest is the business of crypto/x509
	}{
		{"each knows the other", ours.dir, ours.dir, "hook.internal", true, ""},
		{"without serverName the host of the address counts", ours.dir, ours.dir, "", true, ""},
		{"the service does not know Dex", ours.dir, theirs.dir, "hook.internal", false, "claims hook: no connection: remote error: tls: unknown certificate authority (decision "},
		{"Dex does not know the service", theirs.dir, ours.dir, "hook.internal", false, "certificate signed by unknown authority"},
		{"the service has another name", ours.dir, ours.dir, "other.internal", false, "certificate is valid for hook.internal, not other.internal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c claimshook.Config
			err := json.Unmarshal(fmt.Appendf(nil, `{"address": "dns:///%s", "timeout": "4s", "tls": {"caFile": "%s/ca.pem", "certFile": "%s/dex.pem", "keyFile": "%s/dex.key", "serverName": %q}}`,
				s.socket, tt.ca, tt.client, tt.client, tt.serverName), &c)
			if err != nil {
				t.Fatal(err)
			}
			h, err := claimshook.New(c, claimshook.Options{RequestIDKey: requestKey{}, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { h.Close() })
			got, err := h.Extend(exchangeContext(t, "r1", ""), []byte(payload), token())
			if (err == nil) != tt.want || !strings.Contains(message(err), tt.wantErr) || strings.Contains(string(got), `"username":"mum"`) != tt.want {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

// TestOldTLSIsRefused: a service that speaks nothing newer than 1.2 is not asked.
func TestOldTLSIsRefused(t *testing.T) {
	files := newAuthority(t)
	files.issue(t, "service", &x509.Certificate{DNSNames: []string{"hook.internal"}})
	files.issue(t, "dex", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	pair, err := tls.LoadX509KeyPair(files.dir+"/service.pem", files.dir+"/service.key")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serveOn(t, l, always(patches(nil, nil)), grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, MaxVersion: tls.VersionTLS12})))
	var c claimshook.Config
	if err := json.Unmarshal(fmt.Appendf(nil, `{"address": "dns:///%s", "timeout": "4s", "tls": {"caFile": "%s/ca.pem", "certFile": "%s/dex.pem", "keyFile": "%s/dex.key", "serverName": "hook.internal"}}`,
		s.socket, files.dir, files.dir, files.dir), &c); err != nil {
		t.Fatal(err)
	}
	h, err := claimshook.New(c, claimshook.Options{RequestIDKey: requestKey{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	_, err = h.Extend(exchangeContext(t, "r1", ""), []byte(payload), token())
	if want := "claims hook: no connection: remote error: tls: protocol version not supported (decision LOCAL)"; withoutLocalID(err) != want {
		t.Errorf("got  %s\nwant %s", withoutLocalID(err), want)
	}
}

// TestRotatedCertificatesAreTaken: files that change, the authority among them, count for the next connection.
func TestRotatedCertificatesAreTaken(t *testing.T) {
	files := newAuthority(t)
	serveWith := func(l net.Listener) *service {
		files.issue(t, "service", &x509.Certificate{DNSNames: []string{"hook.internal"}})
		files.issue(t, "dex", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		pair, err := tls.LoadX509KeyPair(files.dir+"/service.pem", files.dir+"/service.key")
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AddCert(files.cert)
		return serveOn(t, l, always(patches(nil, set("username", `"mum"`))), grpc.Creds(credentials.NewTLS(&tls.Config{
			Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
		})))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first := serveWith(l)
	var c claimshook.Config
	if err := json.Unmarshal(fmt.Appendf(nil, `{"address": "dns:///%s", "tls": {"caFile": "%s/ca.pem", "certFile": "%s/dex.pem", "keyFile": "%s/dex.key", "serverName": "hook.internal"}}`,
		l.Addr(), files.dir, files.dir, files.dir), &c); err != nil {
		t.Fatal(err)
	}
	h, err := claimshook.New(c, claimshook.Options{RequestIDKey: requestKey{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	for n, id := range []string{"r1", "r2"} {
		if _, err := h.Extend(exchangeContext(t, id, ""), []byte(payload), token()); err != nil {
			t.Fatalf("with certificates %d: %v", n+1, err)
		}
		if n > 0 {
			break
		}
		first.server.Stop()
		files.cert, files.key = nil, nil
		files.cert, files.key = files.issue(t, "ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
		again, err := net.Listen("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		serveWith(again)
	}
}
