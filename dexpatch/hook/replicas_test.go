package claimshook_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"golang.org/x/net/dns/dnsmessage"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
)

// TestReplicas: behind one name there may be several services. They are asked in turn, and one that goes away costs no token.
func TestReplicas(t *testing.T) {
	files := newAuthority(t)
	creds := files.server(t)
	names := resolve(t)
	first, second := twoAddresses(t)
	services := []*service{serveOn(t, first, always(patches(nil, nil)), creds), serveOn(t, second, always(patches(nil, nil)), creds)}
	h := files.open(t, portOf(first), claimshook.Options{})
	n := 0
	sign := func() {
		t.Helper()
		n++
		if _, err := h.Extend(exchangeContext(t, fmt.Sprint(n), ""), []byte(payload), token()); err != nil {
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
	names.are(2)
	for quiet := 0; quiet < 10; quiet++ {
		before := len(services[0].calls())
		if sign(); len(services[0].calls()) > before {
			quiet = 0
		}
		if time.Now().After(deadline) {
			t.Fatal("one that is not listed any more is asked")
		}
	}
	names.are(1, 2)
	for before := len(services[0].calls()); len(services[0].calls()) == before; sign() {
		if time.Now().After(deadline) {
			t.Fatal("one that is listed again is not asked")
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

// TestANameThatStandsForNobody says so, and no longer once it stands for somebody.
func TestANameThatStandsForNobody(t *testing.T) {
	files, names := newAuthority(t), resolve(t)
	names.are()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, always(patches(nil, nil)), files.server(t))
	h := files.open(t, portOf(l), claimshook.Options{})
	_, err = h.Extend(exchangeContext(t, "r1", ""), []byte(payload), token())
	if !strings.HasPrefix(message(err), "claims hook: no connection: lookup claimsmith.test") {
		t.Errorf("got %v", err)
	}
	names.are(1)
	for deadline := time.Now().Add(20 * time.Second); err != nil; {
		if _, err = h.Extend(exchangeContext(t, "r2", ""), []byte(payload), token()); time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// server issues certificates for both ends, and returns the credentials of the service.
func (a *authority) server(t *testing.T) grpc.ServerOption {
	t.Helper()
	a.issue(t, "service", &x509.Certificate{DNSNames: []string{"hook.internal"}})
	a.issue(t, "dex", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	pair, err := tls.LoadX509KeyPair(a.dir+"/service.pem", a.dir+"/service.key")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}))
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// open makes a hook that asks at a name.
func (a *authority) open(t *testing.T, port string, o claimshook.Options) *claimshook.Hook {
	t.Helper()
	var c claimshook.Config
	if err := json.Unmarshal(fmt.Appendf(nil, `{"address": "dns:///claimsmith.test:%s", "tls": {"caFile": "%[2]s/ca.pem", "certFile": "%[2]s/dex.pem", "keyFile": "%[2]s/dex.key", "serverName": "hook.internal"}}`,
		port, a.dir), &c); err != nil {
		t.Fatal(err)
	}
	if o.RequestIDKey = (requestKey{}); o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h, err := claimshook.New(c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// TestOneThatNeverAnswersHoldsNobodyUp: after a third of the time another one is asked, and the first answer counts.
func TestOneThatNeverAnswersHoldsNobodyUp(t *testing.T) {
	files := newAuthority(t)
	creds := files.server(t)
	resolve(t)
	first, second := twoAddresses(t)
	deaf, hears := serveOn(t, first, never(t), creds), serveOn(t, second, always(patches(nil, set("username", `"mum"`))), creds)
	h := files.open(t, portOf(first), claimshook.Options{})
	for n := 0; len(deaf.calls()) == 0 || len(hears.calls()) < 3; n++ { // it is healthy, so nothing but the call itself tells
		start := time.Now()
		got, err := h.Extend(exchangeContext(t, fmt.Sprint(n), ""), []byte(payload), token())
		if took := time.Since(start); err != nil || !strings.Contains(string(got), `"username":"mum"`) || took > 2500*time.Millisecond {
			t.Fatalf("after %s: %s, %v", took, got, err)
		}
		if n > 20 {
			t.Fatalf("%d and %d calls", len(deaf.calls()), len(hears.calls()))
		}
	}
}

// TestClientFilesThatCannotBeUsedChangeNothing: new connections are made with those before, which the log says once.
func TestClientFilesThatCannotBeUsedChangeNothing(t *testing.T) {
	files := newAuthority(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	breaking := &breakable{Listener: l}
	serveOn(t, breaking, always(patches(nil, nil)), files.server(t))
	resolve(t).are(1)
	var log syncBuffer
	registry := prometheus.NewRegistry()
	h := files.open(t, portOf(l), claimshook.Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), Registry: registry})
	stale := func() (value, end float64) {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			switch f.GetName() {
			case "dex_claims_hook_certificate_stale":
				value = f.GetMetric()[0].GetGauge().GetValue()
			case "dex_claims_hook_certificate_not_after_timestamp_seconds":
				end = f.GetMetric()[0].GetGauge().GetValue()
			}
		}
		if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
			t.Errorf("%v, %v", problems, err)
		}
		return value, end
	}
	sign := func(id string) {
		t.Helper()
		if _, err := h.Extend(exchangeContext(t, id, ""), []byte(payload), token()); err != nil {
			t.Fatal(err)
		}
	}
	sign("r1")
	if err := os.WriteFile(files.dir+"/dex.pem", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		breaking.breakAll()
		sign(fmt.Sprint("broken", n))
	}
	value, end := stale()
	if until := time.Until(time.Unix(int64(end), 0)); value != 1 || until < 50*time.Minute || until > time.Hour {
		t.Errorf("stale %v, until %s", value, until)
	}
	if n := log.count("the certificate files cannot be used, the ones before go on"); n != 1 {
		t.Errorf("said %d times", n)
	}
	files.issue(t, "dex", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	breaking.breakAll()
	sign("r2")
	if value, _ := stale(); value != 0 {
		t.Error("good files are not taken")
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
	if _, err := h.Extend(exchangeContext(t, "r1", ""), []byte(payload), token()); err != nil {
		t.Error(err)
	}
}
