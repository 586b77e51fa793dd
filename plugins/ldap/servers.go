package ldap

import (
	"log/slog"
	"sync"
	"time"
)

// rest is how long a server that failed is left alone while another one answers.
const rest = 30 * time.Second

// servers remembers which of several servers failed. It is safe for concurrent use.
type servers struct {
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex
	until []time.Time // when a server that failed may be tried again; zero: it did not fail
}

func newServers(n int, log *slog.Logger, now func() time.Time) *servers {
	return &servers{log: log, now: now, until: make([]time.Time, n)}
}

// many tells whether there is more than one.
func (s *servers) many() bool { return len(s.until) > 1 }

// order lists the servers in the order in which to try them: those that rest come last, for want of others.
func (s *servers) order() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first, last []int
	for n, until := range s.until {
		if s.now().Before(until) {
			last = append(last, n)
		} else {
			first = append(first, n)
		}
	}
	return append(first, last...)
}

// prefers tells whether no other server should be tried before server n.
func (s *servers) prefers(n int) bool { return s.order()[0] == n }

// try notes that somebody tries server n. If it failed before, the others leave it alone meanwhile.
func (s *servers) try(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.until[n].IsZero() {
		s.until[n] = s.now().Add(rest)
	}
}

// failed leaves server n alone for a while.
func (s *servers) failed(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until[n].IsZero() && s.many() {
		s.log.Warn("an LDAP server does not answer, the others are used", "server", n+1)
	}
	s.until[n] = s.now().Add(rest)
}

// answered ends the rest of server n.
func (s *servers) answered(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.until[n].IsZero() && s.many() {
		s.log.Info("an LDAP server answers again", "server", n+1)
	}
	s.until[n] = time.Time{}
}
