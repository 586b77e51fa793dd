package claimshook_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
)

// TestReplicas: behind one name there may be several services. They are asked in turn, and one that goes away costs no token.
func TestReplicas(t *testing.T) {
	files := newAuthority(t)
	files.issue(t, "service", &x509.Certificate{DNSNames: []string{"hook.internal"}})
	files.issue(t, "dex", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	pair, err := tls.LoadX509KeyPair(files.dir+"/service.pem", files.dir+"/service.key")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(files.cert)
	creds := grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}))
	resolve(t)
	first, second := twoAddresses(t)
	services := []*service{serveOn(t, first, always(patches(nil, nil)), creds), serveOn(t, second, always(patches(nil, nil)), creds)}
	_, port, _ := net.SplitHostPort(first.Addr().String())
	var c claimshook.Config
	if err := json.Unmarshal(fmt.Appendf(nil, `{"address": "dns:///claimsmith.test:%s", "tls": {"caFile": "%s/ca.pem", "certFile": "%s/dex.pem", "keyFile": "%s/dex.key", "serverName": "hook.internal"}}`,
		port, files.dir, files.dir, files.dir), &c); err != nil {
		t.Fatal(err)
	}
	h, err := claimshook.New(c, claimshook.Options{RequestIDKey: requestKey{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	n := 0
	sign := func() {
		t.Helper()
		n++
		if _, err := claimshook.Extend(exchangeContext(t, fmt.Sprint(n), ""), h, []byte(payload), token()); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(time.Minute)
	for len(services[0].calls()) == 0 || len(services[1].calls()) == 0 {
		if sign(); time.Now().After(deadline) {
			t.Fatalf("after %d calls: %d and %d", n, len(services[0].calls()), len(services[1].calls()))
		}
	}
	services[0].health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	for quiet := 0; quiet < 10; quiet++ { // the news takes a moment
		before := len(services[0].calls())
		if sign(); len(services[0].calls()) > before {
			quiet = 0
		}
		if time.Now().After(deadline) {
			t.Fatal("one that says that it does not serve is asked")
		}
	}
	services[0].health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_SERVING)
	for before := len(services[0].calls()); len(services[0].calls()) == before; sign() {
		if time.Now().After(deadline) {
			t.Fatal("one that serves again is not asked")
		}
	}
	services[0].server.Stop()
	before := len(services[1].calls())
	for range 10 {
		sign()
	}
	if got := len(services[1].calls()) - before; got != 10 {
		t.Errorf("the one that is left was asked %d times of 10", got)
	}
}

// twoAddresses listens at two addresses of this machine with one port.
func twoAddresses(t *testing.T) (first, second net.Listener) {
	t.Helper()
	for range 10 {
		first, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(first.Addr().String())
		if second, err := net.Listen("tcp", "127.0.0.2:"+port); err == nil {
			return first, second
		}
		first.Close()
	}
	t.Fatal("there is no port that is free at both addresses")
	return nil, nil
}

// names answers every question of this process for an address.
type names struct {
	mu   sync.Mutex
	last []byte // of 127.0.0.x
}

func (n *names) are(last ...byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last = last
}

// resolve makes every name stand for 127.0.0.1 and 127.0.0.2, until it is said otherwise.
func resolve(t *testing.T) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	names := &names{last: []byte{1, 2}}
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer := names.answer(buffer[:n]); answer != nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	return names
}

func (n *names) answer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) == 0 {
		return nil
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	n.mu.Lock()
	defer n.mu.Unlock()
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		for _, last := range n.last {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 60}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, last}},
			})
		}
	}
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}

// TestAServiceThatIsStillStartingIsWaitedFor, for a part of the timeout.
func TestAServiceThatIsStillStartingIsWaitedFor(t *testing.T) {
	socket := socketPath(t)
	h := open(t, socket, `, "timeout": "9s"`)
	time.AfterFunc(200*time.Millisecond, func() { serveAt(t, socket, always(patches(nil, set("username", `"mum"`)))) })
	if _, err := claimshook.Extend(exchangeContext(t, "r1", ""), h, []byte(payload), token()); err != nil {
		t.Error(err)
	}
}
