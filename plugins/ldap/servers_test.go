package ldap

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func TestServersThatFailedRest(t *testing.T) {
	now := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	all := []server{{address: "a"}, {address: "b"}, {address: "c"}}
	s := newServers(dialOptions{servers: all}, slog.New(slog.DiscardHandler), func() time.Time { return now })
	steps := []struct {
		what  string
		after time.Duration
		do    func()
		want  string
	}{
		{"all are well", 0, func() {}, "abc"},
		{"the first fails", 0, func() { s.failed(all[0]) }, "bca"},
		{"it rests", rest - 1, func() {}, "bca"},
		{"the rest is over", 1, func() {}, "abc"},
		{"one tries it, the others wait", 0, func() { s.try(all[0]) }, "bca"},
		{"it answers", 0, func() { s.answered(all[0]) }, "abc"},
		{"trying a healthy one makes nobody wait", 0, func() { s.try(all[0]) }, "abc"},
		{"all fail", 0, func() { s.failed(all[1]); s.failed(all[0]); s.failed(all[2]) }, "abc"},
	}
	for _, step := range steps {
		now = now.Add(step.after)
		step.do()
		got := ""
		for _, one := range s.order() {
			got += one.address
		}
		if got != step.want || !s.prefers(server{address: step.want[:1]}) || s.prefers(server{address: step.want[1:2]}) {
			t.Errorf("%s: %s, want %s", step.what, got, step.want)
		}
	}
}

// among is a plugin with several servers and a clock of its own.
func among(t *testing.T, c Config, now func() time.Time) *lookup {
	t.Helper()
	s, err := c.settle()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	l := newLookup(s, log, now)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func testSeveralServers(t *testing.T, s *slapd) {
	ada := Params{Name: "ada"}
	at := func(addresses ...string) func(*Config) {
		return func(c *Config) {
			c.URL = ""
			for _, a := range addresses {
				c.URLs = append(c.URLs, "ldaps://"+a)
			}
		}
	}
	t.Run("one that is killed costs nobody an answer, and is used again when it is back", func(t *testing.T) {
		first, second := s.beside(t), s.beside(t)
		var later atomic.Int64
		l := among(t, s.config(at(first.tls, second.tls)), func() time.Time { return time.Now().Add(time.Duration(later.Load())) })
		stop, answers := make(chan struct{}), make(chan string)
		var stream sync.WaitGroup
		for range 8 {
			stream.Go(func() {
				for {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					got := outcome(ctx, l, ada)
					cancel()
					select {
					case answers <- got:
					case <-stop:
						return
					}
				}
			})
		}
		defer stream.Wait()
		defer close(stop)
		some := func(when string) {
			for range 200 {
				expect(t, when, <-answers, "ada")
			}
		}
		some("both run")
		if n := second.searches(); n != 0 {
			t.Errorf("the second server got %d searches while the first one was there", n)
		}
		first.kill()
		some("the first is killed")
		if n := second.searches(); n == 0 {
			t.Error("the second server was not asked")
		}
		before := first.searches()
		program, _, _ := installed(t)
		if !first.start(t, program) {
			t.Fatal("the first does not start again")
		}
		some("the first is back, and rests")
		if n := first.searches(); n != before {
			t.Errorf("the first server got %d searches while it rests", n-before)
		}
		later.Add(int64(rest))
		some("the rest is over")
		if n := first.searches(); n == before {
			t.Error("the first server is not used again")
		}
	})
	t.Run("one that does not answer leaves time for the next", func(t *testing.T) {
		hanging, well := startProxy(t, s.tls), startProxy(t, s.tls)
		hanging.set(func(p *proxy) { p.silent = true })
		l := opened(t, s.config(at(hanging.address(), well.address())))
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			expect(t, "lookup", outcome(ctx, l, ada), "ada")
			cancel()
		}
		if dialled, _ := hanging.count(); dialled != 1 {
			t.Errorf("the server that hangs was tried %d times, want 1", dialled)
		}
	})
	t.Run("one that hangs in a search", func(t *testing.T) {
		hanging, well := startProxy(t, s.tls), startProxy(t, s.tls)
		l := opened(t, s.config(func(c *Config) {
			at(hanging.address(), well.address())(c)
			c.Timeout = sdk.Duration(500 * time.Millisecond)
		}))
		expect(t, "before", outcome(t.Context(), l, ada), "ada")
		hanging.set(func(p *proxy) { p.silent = true })
		expect(t, "after", outcome(t.Context(), l, ada), "ada")
	})
	t.Run("none answers", func(t *testing.T) {
		a, b := freeAddress(t), freeAddress(t)
		want := fmt.Sprintf("urls[0]: connect: dial tcp %s: connect: connection refused; urls[1]: connect: dial tcp %s: connect: connection refused", a, b)
		expect(t, "lookup", outcome(t.Context(), opened(t, s.config(at(a, b))), ada), want)
	})
	t.Run("a refused login is not tried on the next", func(t *testing.T) {
		first, second := startProxy(t, s.tls), startProxy(t, s.tls)
		l := opened(t, s.config(func(c *Config) { at(first.address(), second.address())(c); c.PasswordFile = s.path("wrong") }))
		if _, err := l.Lookup(t.Context(), ada); err == nil {
			t.Error("no error")
		}
		if dialled, _ := second.count(); dialled != 0 {
			t.Errorf("the second server got %d connections", dialled)
		}
	})
}

// searches is how many the server has logged.
func (s *slapd) searches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, line := range s.lines {
		if strings.Contains(line, " SRCH base=") {
			n++
		}
	}
	return n
}
