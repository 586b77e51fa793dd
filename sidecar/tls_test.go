package sidecar_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// authority signs certificates in a test.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return &authority{t: t, key: key, cert: cert, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue returns a certificate for a name, and its key, in PEM.
func (a *authority) issue(name string) (cert, key []byte) {
	a.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "test"}, NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter, DNSNames: []string{name},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, private.Public(), a.key)
	must(a.t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	must(a.t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// client are the credentials of who trusts a and shows a certificate for a name; no name shows none.
func (a *authority) client(name string) credentials.TransportCredentials {
	a.t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	c := &tls.Config{RootCAs: pool, ServerName: "claimsmith", MinVersion: tls.VersionTLS12}
	if name != "" {
		cert, key := a.issue(name)
		pair, err := tls.X509KeyPair(cert, key)
		must(a.t, err)
		c.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(c)
}

func writeAll(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
}

// freePort is one that nobody listens at.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

func overTCP(address string) string {
	return fmt.Sprintf("listen: {tcp: %q, tls: {certFile: cert.pem, keyFile: key.pem, clientCAFile: ca.pem, clientNames: [dex]}}\n", address)
}

func TestMutualTLS(t *testing.T) {
	ours, theirs, address := newAuthority(t), newAuthority(t), freePort(t)
	r := serve(t, func(dir string) string {
		cert, key := ours.issue("claimsmith")
		writeAll(t, dir, map[string][]byte{"cert.pem": cert, "key.pem": key, "ca.pem": ours.pem})
		return overTCP(address)
	})
	stranger := func() credentials.TransportCredentials { // trusts the sidecar, and is signed by somebody else
		cert, key := theirs.issue("dex")
		pair, err := tls.X509KeyPair(cert, key)
		must(t, err)
		pool := x509.NewCertPool()
		pool.AddCert(ours.cert)
		return credentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: "claimsmith", Certificates: []tls.Certificate{pair}})
	}
	tests := []struct {
		name  string
		creds credentials.TransportCredentials
		log   string // empty: it is let in
	}{
		{name: "a certificate with the name", creds: ours.client("dex")},
		{name: "a certificate with another name", creds: ours.client("wiki"), log: "the certificate of the client carries none of listen.tls.clientNames"},
		{name: "no certificate", creds: ours.client(""), log: "tls: client didn't provide a certificate"},
		{name: "a certificate of another authority", creds: stranger(), log: "tls: failed to verify certificate: x509: certificate signed by unknown authority"},
		{name: "no TLS at all", creds: insecure.NewCredentials(), log: "tls: first record does not look like a TLS handshake"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := hookv1.NewClaimsHookServiceClient(dial(t, address, test.creds)).ExtendPayload(t.Context(), signIn("mum@gmail.com"))
			if test.log == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if status.Code(err) != codes.Unavailable {
				t.Errorf("%v", err)
			}
			r.log.wait(t, test.log)
		})
	}
}

func TestTLS12IsTooOld(t *testing.T) {
	ours, address := newAuthority(t), freePort(t)
	r := serve(t, func(dir string) string {
		cert, key := ours.issue("claimsmith")
		writeAll(t, dir, map[string][]byte{"cert.pem": cert, "key.pem": key, "ca.pem": ours.pem})
		return overTCP(address)
	})
	pool := x509.NewCertPool()
	pool.AddCert(ours.cert)
	old := credentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: "claimsmith", MaxVersion: tls.VersionTLS12})
	if _, err := hookv1.NewClaimsHookServiceClient(dial(t, address, old)).ExtendPayload(t.Context(), signIn("mum@gmail.com")); status.Code(err) != codes.Unavailable {
		t.Errorf("%v", err)
	}
	r.log.wait(t, "tls: client offered only unsupported versions")
}

func TestCertificatesThatCannotBeUsed(t *testing.T) {
	ours := newAuthority(t)
	cert, key := ours.issue("claimsmith")
	_, otherKey := ours.issue("claimsmith")
	tests := []struct {
		name  string
		files map[string][]byte
		want  string // $DIR is the folder of the configuration
	}{
		{"there are none", nil, "load the certificate of the sidecar: open $DIR/cert.pem: no such file or directory"},
		{
			"the key is another's", map[string][]byte{"cert.pem": cert, "key.pem": otherKey, "ca.pem": ours.pem},
			"load the certificate of the sidecar: tls: private key does not match public key",
		},
		{
			"no authority", map[string][]byte{"cert.pem": cert, "key.pem": key},
			"load the authority of clients: $DIR/ca.pem: no such file or directory",
		},
		{
			"the authority is no certificate", map[string][]byte{"cert.pem": cert, "key.pem": key, "ca.pem": key},
			"load the authority of clients: $DIR/ca.pem: no certificate in PEM form in it",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := shortDir(t)
			writeAll(t, dir, test.files)
			file := written(t, dir, overTCP("127.0.0.1:7443"))
			checked, err := replay.Check(t.Context(), file, program(t, newLogBuffer()))
			must(t, err)
			_, served := sidecar.New(t.Context(), file, program(t, newLogBuffer()))
			for how, got := range map[string]*sidecar.Problems{"check": checked, "serve": problemsOf(t, served)} {
				if want := file + ":1:38: listen.tls: " + strings.ReplaceAll(test.want, "$DIR", dir); got.Error() != want {
					t.Errorf("%s: got\n%v\nwant\n%s", how, got, want)
				}
			}
			if offline := replay.CheckOffline(t.Context(), file, program(t, newLogBuffer())); offline.Failed() {
				t.Errorf("check --offline opened them: %v", offline)
			}
		})
	}
}

func TestAnAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	dir, ours := shortDir(t), newAuthority(t)
	cert, key := ours.issue("claimsmith")
	writeAll(t, dir, map[string][]byte{"cert.pem": cert, "key.pem": key, "ca.pem": ours.pem})
	server, err := sidecar.New(t.Context(), written(t, dir, overTCP(l.Addr().String())), program(t, newLogBuffer()))
	must(t, err)
	t.Cleanup(func() { server.Close() })
	err = server.Serve(t.Context())
	if want := fmt.Sprintf("listen on %s: listen tcp %[1]s: bind: address already in use", l.Addr()); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
