package http

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

func TestTrust(t *testing.T) {
	s := serve(t, reply(`{}`))
	plain := httptest.NewServer(reply(`{}`))
	t.Cleanup(plain.Close)
	config := s.config(t, "/")
	tests := []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"the authority of the service", func(*Config) {}, ""},
		{"no authority that the machine knows", func(c *Config) { c.CAFile = "" }, "the certificate of the service: x509: certificate signed by unknown authority"},
		{"another name", func(c *Config) {
			c.URL = strings.Replace(c.URL, "127.0.0.1", "localhost", 1)
			c.AllowNetworks = []string{"127.0.0.1", "::1"}
		},
			"the certificate of the service: x509: certificate is valid for example.com, *.example.com, not localhost"},
		{"no TLS over there", func(c *Config) { c.URL = strings.Replace(plain.URL, "http:", "https:", 1) }, "the port of the service does not speak https"},
		{"plain HTTP when it is written", func(c *Config) { c.URL, c.CAFile, c.AllowPlainHTTP = plain.URL, "", true }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := config
			tt.change(&config)
			want := found(Facts{})
			if tt.want != "" {
				want = unknown(tt.want)
			}
			if diff := cmp.Diff(want, ask(t, sdktest.Start(t, Plugin(), config), Params{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCertificatesOfBothSides(t *testing.T) {
	authority, sign := certificate(t, nil, nil)
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	seen := make(chan string, 2)
	s := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		seen <- r.TLS.PeerCertificates[0].SerialNumber.String()
		w.Header().Set("Connection", "close")
	}, func(c *tls.Config) {
		c.ClientAuth, c.ClientCAs, c.MaxVersion = tls.RequireAndVerifyClientCert, pool, tls.VersionTLS12
	})
	config := s.config(t, "/")
	answer := ask(t, sdktest.Start(t, Plugin(), config), Params{})
	want := unknown("the service refuses the connection: tls: handshake failure (clientCertFile is what it may want)")
	if diff := cmp.Diff(want, answer); diff != "" {
		t.Error(diff)
	}
	config.ClientCertFile, config.ClientKeyFile = write(t, "cert.pem", ""), write(t, "key.pem", "")
	renew := func() string {
		leaf, key := certificate(t, authority, sign)
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		put(t, config.ClientCertFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})))
		put(t, config.ClientKeyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
		return leaf.SerialNumber.String()
	}
	number := renew()
	c := sdktest.Start(t, Plugin(), config)
	for range 2 {
		if answer := ask(t, c, Params{}); !answer.Found {
			t.Fatalf("%+v", answer)
		}
		if shown := <-seen; shown != number {
			t.Errorf("shown %s, want %s", shown, number)
		}
		number = renew()
	}
	put(t, config.ClientKeyFile, "")
	if diff := cmp.Diff(unknown("clientKeyFile: not a certificate in PEM form and its key"), ask(t, c, Params{})); diff != "" {
		t.Error(diff)
	}
}

// certificate makes a certificate, signed by another or by itself.
func certificate(t *testing.T, parent *x509.Certificate, sign *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: parent == nil, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if parent == nil {
		parent, sign = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, sign)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}
