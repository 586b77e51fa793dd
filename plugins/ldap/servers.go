package ldap

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	rest    = 30 * time.Second // how long a server that failed is left alone while another one answers
	srvKept = 5 * time.Minute  // how long DNS is not asked again for the servers of a domain while they answer
	srvWait = time.Second      // how long DNS is waited for when it has answered before
)

// server is where one is. Either all servers of a configuration have TLS or none has.
type server struct {
	name    string      // in errors and in the log, where there are several
	address string      // host:port
	tls     *tls.Config // nil: none
	rank    [2]uint16   // priority and weight in DNS
}

// domain is one whose DNS says which servers there are (RFC 2782).
type domain struct {
	name, service string
	serverName    string // that all certificates have; empty: each has the name of its server, which is below the domain
	tls           *tls.Config
	resolver      *net.Resolver // nil: that of the machine
}

// find asks DNS, which orders them by priority and chance. Whoever answers for DNS cannot lead the plugin away: a server
// counts when its certificate has the name that the operator wrote, or a name of its own below the domain that the operator wrote.
func (d *domain) find(ctx context.Context) ([]server, error) {
	_, records, err := cmp.Or(d.resolver, net.DefaultResolver).LookupSRV(ctx, d.service, "tcp", d.name+".")
	var failure *net.DNSError
	if errors.As(err, &failure) && failure.IsTimeout && len(records) == 0 {
		return nil, fmt.Errorf("ask DNS for the servers of %s: no answer in time", d.name)
	}
	if len(records) == 0 && err != nil {
		return nil, fmt.Errorf("ask DNS for the servers of %s: %w", d.name, because(ctx, err))
	}
	var found []server
	foreign := false
	for _, r := range records {
		host := strings.ToLower(strings.TrimSuffix(r.Target, "."))
		switch {
		case host == "": // the domain says that it has none
		case d.serverName == "" && !strings.HasSuffix("."+host, "."+d.name):
			foreign = true
		case len(found) < maxServers:
			address := net.JoinHostPort(host, strconv.Itoa(int(r.Port)))
			found = append(found, server{address, address, named(d.tls, d.serverName, host), [2]uint16{r.Priority, r.Weight}})
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case foreign:
		return nil, fmt.Errorf("ask DNS for the servers of %s: none of them is below it: give serverName, the name that their certificates have", d.name)
	}
	return nil, fmt.Errorf("ask DNS for the servers of %s: it has none", d.name)
}

// servers knows those of a directory and remembers which of them failed. It is safe for concurrent use.
type servers struct {
	log     *slog.Logger
	now     func() time.Time
	domain  *domain       // nil: the servers stand in the configuration
	timeout time.Duration // of DNS
	turn    chan struct{} // of those who ask DNS

	mu    sync.Mutex // guards what follows
	all   []server   // the preferred one first
	ask   time.Time  // when DNS is asked again
	until map[string]time.Time
}

func newServers(o dialOptions, log *slog.Logger, now func() time.Time) *servers {
	return &servers{log: log, now: now, domain: o.domain, timeout: o.timeout, turn: make(chan struct{}, 1), all: o.servers, until: map[string]time.Time{}}
}

// many tells whether there is, or may be, more than one.
func (s *servers) many() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.severally()
}

func (s *servers) severally() bool { return s.domain != nil || len(s.all) > 1 }

// current lists the servers in the order in which to try them. Fresh tells that asking again would bring no others.
func (s *servers) current(ctx context.Context) (_ []server, fresh bool, _ error) {
	if s.domain == nil {
		return s.order(), true, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, true, fmt.Errorf("ask DNS for the servers of %s: %w", s.domain.name, context.Cause(ctx))
	}
	s.mu.Lock()
	known, ask := len(s.all) > 0, s.now().After(s.ask)
	s.mu.Unlock()
	if known && !ask {
		return s.order(), false, nil
	}
	wait := s.timeout
	if known {
		wait = min(wait, srvWait)
	}
	asking, cancel := limited(ctx, wait)
	defer cancel()
	found, err := s.domain.find(asking)
	if err != nil && !known {
		return nil, true, err
	}
	s.learn(found, err)
	return s.order(), true, nil
}

// learn takes over what DNS says. As long as it says the same, chance does not choose again.
func (s *servers) learn(found []server, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.log.Warn("DNS does not say where the LDAP servers are, those from before are used")
		s.ask = s.now().Add(rest)
		return
	}
	s.ask = s.now().Add(srvKept)
	as := func(list []server) []string {
		lines := []string{}
		for _, one := range list {
			lines = append(lines, fmt.Sprint(one.address, one.rank))
		}
		slices.Sort(lines)
		return lines
	}
	if !slices.Equal(as(s.all), as(found)) {
		s.all = found
	}
}

// order lists the servers as they are known: those that rest come last, for want of others.
func (s *servers) order() []server {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first, last []server
	for _, one := range s.all {
		if s.now().Before(s.until[one.address]) {
			last = append(last, one)
		} else {
			first = append(first, one)
		}
	}
	return append(first, last...)
}

// prefers tells whether no other server should be tried before this one.
func (s *servers) prefers(one server) bool {
	order := s.order()
	return len(order) > 0 && order[0].address == one.address
}

// try notes that somebody tries a server. If it failed before, the others leave it alone meanwhile.
func (s *servers) try(one server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.until[one.address].IsZero() {
		s.until[one.address] = s.now().Add(rest)
	}
}

// failed leaves a server alone for a while, and lets DNS be asked whether it is still one.
func (s *servers) failed(one server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until[one.address].IsZero() && s.severally() {
		s.log.Warn("an LDAP server does not answer, the others are used", "server", one.name)
	}
	s.ask, s.until[one.address] = time.Time{}, s.now().Add(rest)
}

// answered ends the rest of a server.
func (s *servers) answered(one server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.until[one.address].IsZero() && s.severally() {
		s.log.Info("an LDAP server answers again", "server", one.name)
	}
	delete(s.until, one.address)
}
