package ldap

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// opened is the plugin without gRPC, closed when the test is over.
func opened(t *testing.T, c Config) sdk.Lookup[Params, Facts] {
	t.Helper()
	l, err := open(t.Context(), sdk.Host{Log: slog.New(slog.NewTextHandler(t.Output(), nil))}, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.(io.Closer).Close() })
	return l
}

// behind is a plugin that reaches the server through a proxy.
func behind(t *testing.T, s *slapd, change func(*Config)) (sdk.Lookup[Params, Facts], *proxy) {
	t.Helper()
	p := startProxy(t, s.tls)
	return opened(t, s.config(func(c *Config) {
		c.URL = "ldaps://" + p.address()
		if change != nil {
			change(c)
		}
	})), p
}

// outcome is the name that was found, or the problem, or the error.
func outcome(ctx context.Context, l sdk.Lookup[Params, Facts], p Params) string {
	answer, err := l.Lookup(ctx, p)
	switch {
	case err != nil:
		return err.Error()
	case answer.Found:
		return answer.Facts.Name
	}
	return answer.Problem
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

func testConnections(t *testing.T, s *slapd) {
	ada := Params{Name: "ada"}
	t.Run("one connection serves one lookup after the other", func(t *testing.T) {
		l, p := behind(t, s, nil)
		for range 5 {
			expect(t, "lookup", outcome(t.Context(), l, ada), "ada")
		}
		if dialled, _ := p.count(); dialled != 1 {
			t.Errorf("%d connections, want 1", dialled)
		}
	})
	t.Run("many at once share the connections", func(t *testing.T) {
		l, p := behind(t, s, nil)
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() { expect(t, "lookup", outcome(t.Context(), l, ada), "ada") })
		}
		wg.Wait()
		if dialled, at := p.count(); at > most || dialled > most {
			t.Errorf("%d connections, %d at a time, want at most %d", dialled, at, most)
		}
	})
	t.Run("a connection that breaks under a lookup is replaced without anybody noticing", func(t *testing.T) {
		l, p := behind(t, s, nil)
		expect(t, "before", outcome(t.Context(), l, ada), "ada")
		p.set(func(p *proxy) { p.snapping = 1 })
		expect(t, "after", outcome(t.Context(), l, ada), "ada")
		if dialled, _ := p.count(); dialled != 2 {
			t.Errorf("%d connections, want 2", dialled)
		}
	})
	t.Run("once, not twice", func(t *testing.T) {
		l, p := behind(t, s, func(c *Config) {
			c.URL, c.AllowPlain, c.CAFile, c.ServerName = strings.Replace(c.URL, "ldaps", "ldap", 1), true, "", ""
		})
		p.set(func(p *proxy) { p.server = s.ldap })
		expect(t, "before", outcome(t.Context(), l, ada), "ada")
		p.set(func(p *proxy) { p.snapping = 2 })
		expect(t, "after", outcome(t.Context(), l, ada), "sign in: the connection broke: EOF")
		expect(t, "later", outcome(t.Context(), l, ada), "ada")
	})
	t.Run("a server that is not there", func(t *testing.T) {
		l, p := behind(t, s, nil)
		expect(t, "before", outcome(t.Context(), l, ada), "ada")
		p.stop()
		expect(t, "after", outcome(t.Context(), l, ada), "connect: dial tcp "+p.address()+": connect: connection refused")
	})
	t.Run("a deadline ends a lookup and costs nothing but its connection", func(t *testing.T) {
		l, p := behind(t, s, nil)
		expect(t, "before", outcome(t.Context(), l, ada), "ada")
		p.set(func(p *proxy) { p.silent = true })
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := l.Lookup(ctx, ada)
		if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "search for the account: context deadline exceeded" {
			t.Errorf("a hanging server: %v", err)
		}
		p.set(func(p *proxy) { p.silent = false })
		expect(t, "after", outcome(t.Context(), l, ada), "ada")
		if dialled, _ := p.count(); dialled != 2 {
			t.Errorf("%d connections, want 2", dialled)
		}
	})
	t.Run("somebody who leaves takes nothing from the others", func(t *testing.T) {
		l, p := behind(t, s, nil)
		expect(t, "before", outcome(t.Context(), l, ada), "ada")
		p.set(func(p *proxy) { p.silent = true })
		ctx, cancel := context.WithCancel(t.Context())
		left, stayed := make(chan string, 1), make(chan string, 1)
		go func() { left <- outcome(ctx, l, ada) }()
		<-p.asked
		go func() { stayed <- outcome(t.Context(), l, ada) }()
		cancel()
		expect(t, "who left", <-left, "search for the account: context canceled")
		p.set(func(p *proxy) { p.silent = false })
		expect(t, "who stayed", <-stayed, "ada")
	})
	t.Run("a server that takes too long", func(t *testing.T) {
		l, p := behind(t, s, func(c *Config) { c.Timeout = sdk.Duration(200 * time.Millisecond) })
		expect(t, "before", outcome(t.Context(), l, ada), "ada")
		p.set(func(p *proxy) { p.silent = true })
		expect(t, "search", outcome(t.Context(), l, ada), "search for the account: no answer within 200ms")
		expect(t, "connect", outcome(t.Context(), l, ada), "connect: no answer within 200ms")
	})
	t.Run("closing ends what runs and leaves nothing behind", func(t *testing.T) {
		before := goleak.IgnoreCurrent()
		l, p := behind(t, s, nil)
		expect(t, "before", outcome(t.Context(), l, ada), "ada")
		p.set(func(p *proxy) { p.silent = true })
		running := make(chan string, 1)
		go func() { running <- outcome(t.Context(), l, ada) }()
		<-p.asked
		for range 2 {
			if err := l.(io.Closer).Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
		expect(t, "running", <-running, "search for the account: the plugin is closed")
		expect(t, "after", outcome(t.Context(), l, ada), "the plugin is closed")
		p.empty()
		p.stop()
		goleak.VerifyNone(t, before)
	})
}

func testRefusedLogins(t *testing.T, s *slapd) {
	c := sdktest.Start(t, Plugin(), s.config(func(c *Config) {
		c.BindDN, c.PasswordFile = "cn=guess,ou=services,dc=example,dc=org", s.path("wrong")
	}))
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			_, _, err := c.Lookup(t.Context(), Params{Name: "ada"}, nil)
			want := "rpc error: code = Unavailable desc = sign in: no such account, or a wrong password: check bindDN and passwordFile; no login is tried again " +
				"until a pause is over, or the password or the configuration changes, because servers lock an account whose password is guessed (code 49)"
			if err == nil || err.Error() != want {
				t.Errorf("a wrong password: %v", err)
			}
		})
	}
	wg.Wait()
	marker := s.config(func(c *Config) { c.UserSearch.BaseDN = "ou=marker,dc=example,dc=org" })
	_ = ask(t, marker, Params{Name: "ada"})
	if n := s.count(`BIND dn="cn=guess`, "ou=marker"); n != 1 {
		t.Errorf("the server saw %d logins, want 1", n)
	}
}

func testNobodyIsNamed(t *testing.T, s *slapd) {
	var log bytes.Buffer
	host := sdk.Host{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, change := range []func(*Config){
		nil,
		func(c *Config) { c.PasswordFile = s.path("wrong") },
		func(c *Config) { c.UserSearch.BaseDN = "ou=none,dc=example,dc=org" },
		func(c *Config) { c.GroupSearch.BaseDN = "ou=many,dc=example,dc=org" },
		func(c *Config) { c.URL = "ldaps://" + s.ldap },
	} {
		l, err := open(t.Context(), host, s.config(change))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []Params{
			{Name: "ada"}, {Email: "ada@example.org"}, {Email: "both@example.org"}, {Email: "nameless@example.org"}, {Name: "hoarder"},
			{Email: "ada@example.org", Name: "ada"},
		} {
			if _, err := l.Lookup(t.Context(), p); err != nil {
				log.WriteString(err.Error() + "\n")
			}
		}
		_ = l.(io.Closer).Close()
	}
	if !strings.Contains(log.String(), "login refused") || !strings.Contains(log.String(), "has not one name") {
		t.Errorf("this tests nothing:\n%s", log.String())
	}
	for _, word := range []string{"ada", "example", "both", "nameless", "hoarder", "sesame", "barley", "claimsmith", "dc=", "uid="} {
		if strings.Contains(log.String(), word) {
			t.Errorf("log and errors name %s:\n%s", word, log.String())
		}
	}
}

func testAMendedPassword(t *testing.T, s *slapd) {
	file := write(t, "open barley", 0o600)
	l := opened(t, s.config(func(c *Config) { c.PasswordFile = file }))
	if got := outcome(t.Context(), l, Params{Name: "ada"}); !strings.HasPrefix(got, "sign in: no such account, or a wrong password") {
		t.Errorf("a wrong password: %s", got)
	}
	if err := os.WriteFile(file, []byte(sesame), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, "the right one", outcome(t.Context(), l, Params{Name: "ada"}), "ada")
}

// impostor answers everything with what send writes.
func impostor(t *testing.T, send func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				if _, err := c.Read(make([]byte, 4096)); err == nil {
					send(c)
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().String()
}

func TestWhatIsNoLDAPServerIsAnError(t *testing.T) {
	write := func(s string) func(net.Conn) { return func(c net.Conn) { _, _ = c.Write([]byte(s)) } }
	tests := []struct {
		name     string
		startTLS bool
		send     func(net.Conn)
		want     string
	}{
		{"nothing", false, func(net.Conn) {}, "search for the account: the connection broke: EOF"},
		{"a web server", false, write("HTTP/1.1 400 Bad Request\r\n\r\n"), "search for the account: the connection broke: EOF"},
		{"an answer without an end", false, func(c net.Conn) {
			_, err := c.Write([]byte("\x30\x84\x7f\xff\xff\xf0\x02\x01\x01\x64\x84\x7f\xff\xff\xe0\x04\x84\x7f\xff\xff\xd0"))
			for zeros := make([]byte, 1<<20); err == nil; {
				_, err = c.Write(zeros)
			}
		}, "search for the account: the connection broke: the answer is longer than the plugin reads"},
		{"a search that is refused", false, write("\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x32\x04\x00\x04\x00"),
			"search for the account: the account of the plugin may not search there (code 50)"},
		{"no TLS", true, write("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"),
			"connect: start TLS: the server does not know this request; if it is startTLS, use ldaps:// (code 2)"},
		{"no TLS, and more than was asked", true, write("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00" + "\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00"),
			"connect: start TLS: tls: first record does not look like a TLS handshake: the server may not speak TLS on this port; port 389 wants ldap:// and startTLS"},
		{"no LDAP where TLS is asked for", true, write("0\x03\x02\x01\x01"), "connect: start TLS: the answer is not LDAP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := opened(t, Config{
				Profile: "openldap", URL: "ldap://" + impostor(t, tt.send), StartTLS: tt.startTLS, AllowPlain: !tt.startTLS, Anonymous: true,
				UserSearch: UserSearch{BaseDN: "dc=example,dc=org"},
			})
			expect(t, "lookup", outcome(t.Context(), l, Params{Name: "ada"}), tt.want)
		})
	}
}
