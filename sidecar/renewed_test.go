package sidecar_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar"
)

// networked serves over TCP with certificates of a, and answers the operator at the usual socket.
func (a *authority) networked(address string) func(dir string) string {
	return func(dir string) string {
		a.write(dir)
		return overTCP(address) + "admin: unix://" + dir + "/run/admin.sock\nmetrics: {address: \"127.0.0.1:0\"}\n"
	}
}

// write replaces the files of listen.tls, each at one stroke.
func (a *authority) write(dir string) {
	a.t.Helper()
	cert, key := a.issue("claimsmith")
	for name, data := range map[string][]byte{"cert.pem": cert, "key.pem": key, "ca.pem": a.pem} {
		writeAll(a.t, dir, map[string][]byte{name + ".new": data})
		must(a.t, os.Rename(dir+"/"+name+".new", dir+"/"+name))
	}
}

// letsIn reports whether a new connection of somebody with a certificate of a is answered.
func (a *authority) letsIn(address string) bool {
	a.t.Helper()
	_, err := hookv1.NewClaimsHookServiceClient(dial(a.t, address, a.client("dex"))).ExtendPayload(a.t.Context(), signIn("mum@gmail.com"))
	return err == nil
}

// certificate is what status says of it: why the files are not used.
func (r *running) certificate() *adminv1.Certificate {
	r.t.Helper()
	status, err := r.admin().Status(r.t.Context(), &adminv1.StatusRequest{})
	if err != nil {
		r.t.Fatal(err)
	}
	return status.GetCertificate()
}

func TestRenewedCertificatesAreTakenWhileItServes(t *testing.T) {
	first, second, address := newAuthority(t), newAuthority(t), freePort(t)
	r := serve(t, first.networked(address))
	if !first.letsIn(address) {
		t.Error("the first generation is not let in")
	}
	second.write(r.dir)
	if !second.letsIn(address) {
		t.Error("the second generation is not let in")
	}
	if first.letsIn(address) {
		t.Error("the first generation is still let in")
	}
	r.log.wait(t, `"msg":"certificates read again"`)
}

// TestFilesThatCannotBeUsedChangeNothing: what is half written, or has ended, is not served.
func TestFilesThatCannotBeUsedChangeNothing(t *testing.T) {
	ours, address := newAuthority(t), freePort(t)
	r := serve(t, ours.networked(address))
	_, otherKey := ours.issue("claimsmith")
	ended := ended(t, ours)
	tests := []struct {
		name  string
		files map[string][]byte
		want  string
	}{
		{"the key is of another certificate", map[string][]byte{"key.pem": otherKey}, "load the certificate of the sidecar: tls: private key does not match public key"},
		{"the authority is empty", map[string][]byte{"ca.pem": {}}, "load the authority of clients: " + r.dir + "/ca.pem: no certificate in PEM form in it"},
		{"the certificate has ended", ended, "the certificate of the sidecar ended on 2001-09-09T01:46:40Z"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			writeAll(t, r.dir, test.files)
			for range 3 {
				if !ours.letsIn(address) {
					t.Error("what served before does not go on")
				}
			}
			if got := r.certificate().GetStale(); got != test.want {
				t.Errorf("status: %q, want %q", got, test.want)
			}
			if got := r.scrape(); !strings.Contains(got, "claimsmith_certificate_stale 1\n") {
				t.Errorf("metrics:\n%s", got)
			}
			if n := strings.Count(r.log.String(), fmt.Sprintf("the ones before go on serving\",\"err\":%q", test.want)); n != 1 {
				t.Errorf("said %d times", n)
			}
			ours.write(r.dir)
			if got := r.certificate().GetStale(); got != "" || !strings.Contains(r.scrape(), "claimsmith_certificate_stale 0\n") {
				t.Errorf("with good files: %q", got)
			}
		})
	}
	want := fmt.Sprintf("claimsmith_certificate_not_after_timestamp_seconds %v\n", float64(ours.cert.NotAfter.Unix()))
	if got := r.scrape(); !strings.Contains(got, want) {
		t.Errorf("the metrics lack %s:\n%s", want, got)
	}
}

func TestAHangUpReadsTheCertificatesAgain(t *testing.T) {
	ours, hangups := newAuthority(t), make(chan struct{})
	r := serve(t, ours.networked(freePort(t)), func(o *sidecar.Options) { o.Reload = hangups })
	hangups <- struct{}{}
	r.log.wait(t, `"msg":"certificates read again"`)
	writeAll(t, r.dir, map[string][]byte{"cert.pem": nil})
	hangups <- struct{}{}
	r.log.wait(t, "the certificate files cannot be used: the ones before go on serving")
}

// ended is a certificate whose time is over, with its key.
func ended(t *testing.T, a *authority) map[string][]byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1_000_000_000, 0),
	}, a.cert, key.Public(), a.key)
	must(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return map[string][]byte{
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}),
	}
}

// TestConnectionsAge: one that is open for long is made again, and no call is lost by that.
func TestConnectionsAge(t *testing.T) {
	ours, address := newAuthority(t), freePort(t)
	serve(t, ours.networked(address), func(o *sidecar.Options) { o.ConnectionAge = 100 * time.Millisecond })
	var dialed atomic.Int32
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(ours.client("dex")),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			dialed.Add(1)
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	client := hookv1.NewClaimsHookServiceClient(conn)
	for late := time.Now().Add(20 * time.Second); dialed.Load() < 3; {
		if _, err := client.ExtendPayload(t.Context(), signIn("mum@gmail.com")); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(late) {
			t.Fatalf("%d connections", dialed.Load())
		}
	}
}

// TestWhoKnowsNoOtherSidecarIsAnsweredWhileItStops, and those who know one have gone by then.
func TestWhoKnowsNoOtherSidecarIsAnsweredWhileItStops(t *testing.T) {
	ours, address := newAuthority(t), freePort(t)
	r := serve(t, ours.networked(address))
	conn := dial(t, address, ours.client("dex"))
	ask := func() error {
		_, err := hookv1.NewClaimsHookServiceClient(conn).ExtendPayload(t.Context(), signIn("mum@gmail.com"))
		return err
	}
	must(t, ask())
	r.end()
	for late := time.Now().Add(20 * time.Second); ; {
		health, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
		must(t, err)
		if health.GetStatus() == healthv1.HealthCheckResponse_NOT_SERVING {
			break
		}
		if time.Now().After(late) {
			t.Fatal("it never said that it stops")
		}
	}
	for seen := time.Now(); time.Since(seen) < 500*time.Millisecond; { // as long as a hook takes to see it
		must(t, ask())
	}
	select {
	case <-r.done:
	case <-time.After(10 * time.Second):
		t.Error("nobody asks, and it does not stop")
	}
}
