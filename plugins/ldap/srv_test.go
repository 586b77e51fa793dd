package ldap

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// names is a DNS server on the loopback. Every host is 127.0.0.1.
type names struct {
	mu     sync.Mutex
	srv    map[string][]dnsmessage.SRVResource // by the whole name
	silent bool                                // about SRV
	asked  int                                 // for SRV
}

// startNames serves until the test is over.
func startNames(t *testing.T) (*names, *net.Resolver) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{srv: map[string][]dnsmessage.SRVResource{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, 4096); ; {
			size, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if reply := n.reply(b[:size]); reply != nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return n, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (n *names) reply(question []byte) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	if n.silent && q.Type == dnsmessage.TypeSRV {
		return nil
	}
	m = dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true}, Questions: m.Questions}
	header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}
	switch q.Type {
	case dnsmessage.TypeSRV:
		n.asked++
		records, there := n.srv[q.Name.String()]
		if !there {
			m.RCode = dnsmessage.RCodeNameError
		}
		for _, r := range records {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &r})
		}
	case dnsmessage.TypeA:
		m.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
	}
	packed, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return packed
}

// say makes DNS name these servers: priority, weight, host and the address that has the port.
func (n *names) say(t *testing.T, service string, records ...string) {
	t.Helper()
	var all []dnsmessage.SRVResource
	for _, text := range records {
		var r dnsmessage.SRVResource
		var host, address string
		if _, err := fmt.Sscan(text, &r.Priority, &r.Weight, &host, &address); err != nil {
			t.Fatal(err)
		}
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		r.Port, r.Target = uint16(number), dnsmessage.MustNewName(host)
		all = append(all, r)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.srv[service] = all
}

func (n *names) questions() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

func (n *names) hush(silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent = silent
}

func testServersInDNS(t *testing.T, s *slapd) {
	const service = "_ldaps._tcp.example.org."
	ada := Params{Name: "ada"}
	// discovering is a plugin that asks DNS, with a clock that can be moved.
	discovering := func(t *testing.T, r *net.Resolver, change func(*Config)) (*lookup, func(time.Duration)) {
		t.Helper()
		c := s.config(func(c *Config) { c.URL, c.ServerName = "ldaps+srv://example.org", "" })
		if change != nil {
			change(&c)
		}
		settled, err := c.settle()
		if err != nil {
			t.Fatal(err)
		}
		settled.dial.domain.resolver = r
		var later atomic.Int64
		l := newLookup(settled, slog.New(slog.NewTextHandler(t.Output(), nil)), func() time.Time { return time.Now().Add(time.Duration(later.Load())) })
		t.Cleanup(func() { _ = l.Close() })
		return l, func(d time.Duration) { later.Add(int64(d)) }
	}
	t.Run("the first priority is used, the next when it fails, and the first again", func(t *testing.T) {
		n, r := startNames(t)
		first, second := startProxy(t, s.tls), startProxy(t, s.tls)
		n.say(t, service, "20 0 ldap2.example.org. "+second.address(), "10 0 ldap.example.org. "+first.address())
		l, later := discovering(t, r, nil)
		for range 3 {
			expect(t, "both run", outcome(t.Context(), l, ada), "ada")
		}
		if dialled, _ := second.count(); dialled != 0 || n.questions() != 1 {
			t.Errorf("the second server got %d connections, DNS %d questions", dialled, n.questions())
		}
		first.set(func(p *proxy) { p.server = freeAddress(t) })
		first.cut()
		expect(t, "the first is gone", outcome(t.Context(), l, ada), "ada")
		if dialled, _ := second.count(); dialled != 1 {
			t.Errorf("the second server got %d connections", dialled)
		}
		first.set(func(p *proxy) { p.server = s.tls })
		later(rest)
		expect(t, "the rest is over", outcome(t.Context(), l, ada), "ada")
		if dialled, _ := second.count(); dialled != 1 {
			t.Errorf("the second server got %d connections", dialled)
		}
	})
	t.Run("a server that moved is found without an error", func(t *testing.T) {
		n, r := startNames(t)
		was, is := startProxy(t, s.tls), startProxy(t, s.tls)
		n.say(t, service, "1 0 ldap.example.org. "+was.address())
		l, _ := discovering(t, r, nil)
		expect(t, "before", outcome(t.Context(), l, ada), "ada")
		n.say(t, service, "1 0 ldap.example.org. "+is.address())
		expect(t, "nobody notices while it answers", outcome(t.Context(), l, ada), "ada")
		was.set(func(p *proxy) { p.server = freeAddress(t) })
		was.cut()
		expect(t, "after", outcome(t.Context(), l, ada), "ada")
		if dialled, _ := is.count(); dialled != 1 {
			t.Errorf("the new server got %d connections", dialled)
		}
	})
	t.Run("what DNS says anew counts after a while", func(t *testing.T) {
		n, r := startNames(t)
		was, is := startProxy(t, s.tls), startProxy(t, s.tls)
		n.say(t, service, "1 0 ldap.example.org. "+was.address())
		l, later := discovering(t, r, nil)
		expect(t, "before", outcome(t.Context(), l, ada), "ada")
		n.say(t, service, "1 0 ldap.example.org. "+is.address())
		later(srvKept + time.Second)
		l.pool.closeIdle(time.Time{}) // a connection that is there stays
		expect(t, "after", outcome(t.Context(), l, ada), "ada")
		if dialled, _ := is.count(); dialled != 1 {
			t.Errorf("the new server got %d connections", dialled)
		}
		n.hush(true)
		later(srvKept + time.Second)
		l.pool.closeIdle(time.Time{})
		expect(t, "DNS is silent", outcome(t.Context(), l, ada), "ada")
	})
	t.Run("whose certificates count", func(t *testing.T) {
		n, r := startNames(t)
		proxied := startProxy(t, s.tls)
		tests := []struct {
			name, target string
			serverName   string
			want         string // of an error, a part
		}{
			{"the name of a server below the domain", "ldap.example.org.", "", ""},
			{"in capitals", "LDAP.Example.Org.", "", ""},
			{"another name below the domain", "printer.example.org.", "", "x509: certificate is valid for ldap.example.org, ldap2.example.org, not printer.example.org"},
			{"outside of the domain", "ldap.example.net.", "", "none of them is below it: give serverName, the name that their certificates have"},
			{"outside, and it ends like the domain", "ldap.badexample.org.", "", "none of them is below it"},
			{"outside, with the name that the operator wrote", "ldap.example.net.", "ldap.example.org", ""},
			{"below, with another name that the operator wrote", "ldap.example.org.", "example.org", "not example.org"},
			{"no service", ".", "", "ask DNS for the servers of example.org: it has none"},
		}
		for _, tt := range tests {
			n.say(t, service, "1 0 "+tt.target+" "+proxied.address())
			l, _ := discovering(t, r, func(c *Config) { c.ServerName = tt.serverName })
			got := outcome(t.Context(), l, ada)
			if tt.want == "" && got != "ada" || tt.want != "" && !strings.Contains(got, tt.want) {
				t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
			}
		}
	})
	t.Run("StartTLS asks for ldap", func(t *testing.T) {
		n, r := startNames(t)
		n.say(t, "_ldap._tcp.example.org.", "1 0 ldap.example.org. "+s.ldap)
		l, _ := discovering(t, r, func(c *Config) { c.URL, c.StartTLS = "ldap+srv://example.org", true })
		expect(t, "lookup", outcome(t.Context(), l, ada), "ada")
	})
	t.Run("DNS that does not answer takes no longer than timeout", func(t *testing.T) {
		n, r := startNames(t)
		l, _ := discovering(t, r, func(c *Config) { c.Timeout = sdk.Duration(300 * time.Millisecond) })
		n.hush(true)
		began := time.Now()
		got := outcome(t.Context(), l, ada)
		if want := "ask DNS for the servers of example.org: no answer in time"; got != want || time.Since(began) > 3*time.Second {
			t.Errorf("after %s: %s", time.Since(began), got)
		}
		n.hush(false)
		if got := outcome(t.Context(), l, ada); !strings.Contains(got, "no such host") {
			t.Error(got)
		}
	})
	t.Run("weights", func(t *testing.T) {
		n, r := startNames(t)
		n.say(t, service, "1 90 ldap.example.org. "+s.tls, "1 10 ldap2.example.org. "+s.tls)
		d := &domain{name: "example.org", service: "ldaps", resolver: r}
		heavy := 0
		for range 200 {
			found, err := d.find(t.Context())
			if err != nil || len(found) != 2 {
				t.Fatal(found, err)
			}
			if strings.HasPrefix(found[0].address, "ldap.") {
				heavy++
			}
		}
		if heavy < 140 || heavy == 200 { // 180 are meant, with a deviation of 4
			t.Errorf("the heavier one came first %d times of 200", heavy)
		}
	})
}
