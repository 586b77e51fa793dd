package dexpatch_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/claimsmith/claimsmith/dexpatch/dextest"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// selfSigned writes NAME.pem and NAME.key, which vouch for themselves, and returns the pair.
func selfSigned(t *testing.T, dir, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(filepath.Join(dir, name+file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// TestAServiceOverTheNetwork: with its own certificate it decides; with another one there is no connection, which is what
// signUnchanged is for.
func TestAServiceOverTheNetwork(t *testing.T) {
	dir := t.TempDir()
	hook, dexPair, stranger := selfSigned(t, dir, "hook"), selfSigned(t, dir, "dex"), selfSigned(t, dir, "stranger")
	clients := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(dexPair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	clients.AddCert(leaf)
	const noToken = `"level":"ERROR","msg":"password grant failed to create new access token","err":"claims hook: `
	const unchanged = `"level":"WARN","msg":"signing without the claims hook","client_id":"free","err":"claims hook: `
	tests := []struct {
		name   string
		shows  tls.Certificate
		takes  *x509.CertPool
		reason string // empty: it decides
	}{
		{"its own certificate", hook, clients, ""},
		{"another certificate", stranger, clients, "no connection: tls: failed to verify certificate: x509: certificate is valid for stranger, not hook (decision dex-"},
		{"it does not know Dex", hook, x509.NewCertPool(), "no connection: remote error: tls: unknown certificate authority (decision dex-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{tt.shows}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: tt.takes})))
			d := &decider{t: t, answer: dsmName}
			hookv1.RegisterClaimsHookServiceServer(s, d)
			healthv1.RegisterHealthServer(s, health.NewServer())
			go s.Serve(l)
			t.Cleanup(s.Stop)
			dex := dextest.Start(t, dextest.Options{Config: fmt.Sprintf(
				"%ssigner: {type: claimsHook, config: {address: \"dns:///%s\", timeout: 4s, signUnchanged: [free], tls: {caFile: %q, certFile: %q, keyFile: %q, serverName: hook}}}\n",
				twoClients, l.Addr(), filepath.Join(dir, "hook.pem"), filepath.Join(dir, "dex.pem"), filepath.Join(dir, "dex.key"))})
			for client, line := range map[string]string{"strict": noToken, "free": unchanged} {
				before := len(dex.Log())
				got := clientToken(t, dex, client)
				switch {
				case tt.reason == "" || client == "free":
					if named := decode(t, got.body["access_token"])["username"] != nil; got.status != http.StatusOK || named != (tt.reason == "") {
						t.Errorf("%s: %s", client, got.said())
					}
				case got.said() != tryLater || got.header.Get("Retry-After") != "5":
					t.Errorf("%s: %s", client, got.said())
				}
				if tt.reason != "" {
					dex.WaitLog(t, before, line+tt.reason)
				}
			}
			if asked := len(d.questions()) > 0; asked != (tt.reason == "") {
				t.Errorf("asked %q", d.questions())
			}
		})
	}
}
