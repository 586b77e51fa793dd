package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"sync/atomic"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
)

const (
	maxAnswer = 16 << 20 // bytes that one operation may read
	startTLS  = "1.3.6.1.4.1.1466.20037"
)

// dialer makes connections that have signed in. It is safe for concurrent use.
type dialer struct {
	o       dialOptions
	gate    *gate
	servers *servers
}

func newDialer(o dialOptions, g *gate, s *servers) *dialer { return &dialer{o: o, gate: g, servers: s} }

// dial connects to the first server that answers, and signs in. It does neither while the gate is shut. All but the last server get no
// more than their share of the time that is left.
func (d *dialer) dial(ctx context.Context) (_ *conn, err error) {
	password := ""
	if d.o.password != nil {
		if password, err = d.o.password.Value(); err != nil {
			return nil, fmt.Errorf("read passwordFile: %w", err)
		}
	}
	if err := d.gate.refused(password); err != nil {
		return nil, err
	}
	for again := true; ; again = false {
		order, fresh, err := d.servers.current(ctx)
		if err != nil {
			return nil, err
		}
		c, others, err := d.dialFirst(ctx, order, password)
		if err == nil || !others || fresh || !again {
			return c, err
		}
	}
}

// dialFirst does what dial does with the servers of a list. It tells whether others may do better.
func (d *dialer) dialFirst(ctx context.Context, order []server, password string) (_ *conn, others bool, failed error) {
	for i, at := range order {
		d.servers.try(at)
		limit := d.o.timeout
		if deadline, ok := ctx.Deadline(); ok && i < len(order)-1 {
			limit = min(limit, time.Until(deadline)/time.Duration(len(order)-i))
		}
		c, err := d.dialOne(ctx, at, limit, password)
		if err == nil {
			d.servers.answered(at)
			return c, false, nil
		}
		if !d.servers.many() {
			return nil, false, err
		}
		var no *refusal
		if errors.As(err, &no) && no.stopsLogins() || errors.Is(context.Cause(ctx), context.Canceled) || errors.Is(context.Cause(ctx), errClosed) {
			return nil, false, err
		}
		if !errors.Is(err, errWaited) {
			d.servers.failed(at)
		}
		err = fmt.Errorf("%s: %w", at.name, err)
		if failed != nil {
			err = fmt.Errorf("%w; %w", failed, err)
		}
		if failed = err; ctx.Err() != nil {
			break
		}
	}
	return nil, ctx.Err() == nil, failed
}

// dialOne connects to a server and signs in, within limit.
func (d *dialer) dialOne(ctx context.Context, at server, limit time.Duration, password string) (*conn, error) {
	ctx, cancel := limited(ctx, limit)
	defer cancel()
	to := net.Dialer{}
	if d.o.domain != nil {
		to.Resolver = d.o.domain.resolver
	}
	raw, err := to.DialContext(ctx, "tcp", at.address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", because(ctx, err))
	}
	m := &meter{Conn: raw}
	m.grant(maxAnswer)
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	stream, err := d.secure(ctx, m, at.tls)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("connect: %w", because(ctx, err))
	}
	c := &conn{ldap: goldap.NewConn(stream, at.tls != nil), meter: m, timeout: d.o.timeout, servers: d.servers, server: at}
	c.ldap.Start()
	if err := d.signIn(ctx, c, password); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// secure begins TLS as far as the configuration wants it.
func (d *dialer) secure(ctx context.Context, raw net.Conn, conf *tls.Config) (net.Conn, error) {
	if conf == nil {
		return raw, nil
	}
	if d.o.startTLS {
		if err := requestTLS(raw); err != nil {
			return nil, fmt.Errorf("start TLS: %w", err)
		}
	}
	stream := tls.Client(raw, conf)
	if err := stream.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("start TLS: %w", explainTLS(err))
	}
	return stream, nil
}

// requestTLS asks the server to begin TLS. Nothing is read ahead, so that nothing sent before TLS is taken for what came after.
func requestTLS(raw net.Conn) error {
	envelope := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "LDAP Request")
	envelope.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, "MessageID"))
	request := ber.Encode(ber.ClassApplication, ber.TypeConstructed, goldap.ApplicationExtendedRequest, nil, "Start TLS")
	request.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, startTLS, "TLS Extended Command"))
	envelope.AppendChild(request)
	if _, err := raw.Write(envelope.Bytes()); err != nil {
		return err
	}
	answer, err := ber.ReadPacket(raw)
	if err != nil {
		return err
	}
	if err := goldap.GetLDAPError(answer); err != nil {
		if r := newRefusal(err, false); r != nil {
			return r
		}
		return errors.New("the answer is not LDAP")
	}
	return nil
}

// signIn does so by the way that the configuration names. Only one connection at a time passes the gate, so that a wrong password is
// tried once and not once for each connection.
func (d *dialer) signIn(ctx context.Context, c *conn, password string) error {
	var bind func() error
	switch {
	case d.o.bindDN != "":
		bind = func() error { return c.ldap.Bind(d.o.bindDN, password) }
	case d.o.external:
		bind = c.ldap.ExternalBind
	default:
		return nil
	}
	return d.gate.pass(ctx, password, func() error { return c.do(ctx, "sign in", true, bind) })
}

// conn is a connection that has signed in. It serves one caller at a time.
type conn struct {
	ldap    *goldap.Conn
	meter   *meter
	timeout time.Duration
	servers *servers
	server  server // which of them it goes to
	page    int    // the most entries that the server gives in one answer, once it refused more; zero: nothing is known
	broken  bool   // whether it cannot be used any more
}

// do runs an operation under the deadline of ctx and the limit of the configuration, whichever comes first. An operation that is cut
// short costs the connection. Errors: *refusal; errBroken when the connection failed; the cause of the end of ctx.
func (c *conn) do(ctx context.Context, what string, bind bool, f func() error) error {
	ctx, cancel := limited(ctx, c.timeout)
	defer cancel()
	c.meter.grant(maxAnswer)
	stop := context.AfterFunc(ctx, func() { _ = c.meter.Close() })
	err := f()
	if !stop() {
		c.broken = true
	}
	if err == nil {
		return nil
	}
	if r := newRefusal(err, bind); r != nil {
		return fmt.Errorf("%s: %w", what, r)
	}
	c.broken = true
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
	if errors.Is(err, goldap.ErrSizeLimitExceeded) {
		return fmt.Errorf("%s: %w", what, errTooMany)
	}
	if reason := c.meter.reason(); reason != nil {
		return fmt.Errorf("%s: %w: %w", what, errBroken, reason)
	}
	return fmt.Errorf("%s: %w", what, errBroken)
}

// query is a search.
type query struct {
	what   string // for errors
	base   string
	scope  int
	filter string
	want   []string
	limit  int // most entries; more are errTooMany
	page   int // entries of one answer; zero: all at once
}

// search gives the entries that match, in the order of the server. Entries come with errTooMany too, those that were read. What the
// server only refers to is left out.
func (c *conn) search(ctx context.Context, q query) ([]*goldap.Entry, error) {
	var entries []*goldap.Entry
	if c.page > 0 {
		q.page = min(q.page, c.page)
	}
	paging := goldap.NewControlPaging(uint32(q.page))
	for {
		result, err := c.searchOnce(ctx, q, paging)
		if result != nil {
			entries = append(entries, result.Entries...)
		}
		var no *refusal
		refused := errors.As(err, &no)
		short := refused && no.code == goldap.LDAPResultSizeLimitExceeded
		if (short || refused && no.code == goldap.LDAPResultAdminLimitExceeded) && q.page > 1 && len(paging.Cookie) == 0 {
			// The first page: the limit may be one of pages. OpenLDAP calls it an administrative one.
			q.page /= 2
			c.page, entries, paging = q.page, nil, goldap.NewControlPaging(uint32(q.page))
			continue
		}
		if len(entries) > q.limit || short && q.page == 0 {
			c.broken = c.broken || q.page > 0 // pages are left over
			return entries, fmt.Errorf("%s: %w", q.what, errTooMany)
		}
		if err != nil {
			return entries, err
		}
		next, _ := goldap.FindControl(result.Controls, goldap.ControlTypePaging).(*goldap.ControlPaging)
		if q.page == 0 || next == nil || len(next.Cookie) == 0 {
			return entries, nil
		}
		if len(result.Entries) == 0 {
			return nil, fmt.Errorf("%s: the server sends pages without an end", q.what)
		}
		paging.SetCookie(next.Cookie)
	}
}

func (c *conn) searchOnce(ctx context.Context, q query, paging *goldap.ControlPaging) (*goldap.SearchResult, error) {
	request := &goldap.SearchRequest{
		BaseDN: q.base, Scope: q.scope, DerefAliases: goldap.NeverDerefAliases, Filter: q.filter, Attributes: q.want,
		TimeLimit: c.seconds(ctx),
	}
	if q.page > 0 {
		request.Controls = []goldap.Control{paging}
	} else {
		request.SizeLimit, request.EnforceSizeLimit = q.limit+1, true
	}
	var result *goldap.SearchResult
	err := c.do(ctx, q.what, false, func() (err error) {
		result, err = c.ldap.Search(request)
		return err
	})
	return result, err
}

// seconds is how long the server may search: no longer than somebody waits.
func (c *conn) seconds(ctx context.Context) int {
	left := c.timeout
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	return max(1, int(math.Ceil(left.Seconds())))
}

// ping tells whether the server still answers.
func (c *conn) ping(ctx context.Context) error {
	_, err := c.search(ctx, query{what: "ping", scope: goldap.ScopeBaseObject, filter: "(objectClass=*)", want: []string{"1.1"}, limit: 1})
	var no *refusal
	if errors.As(err, &no) {
		return nil // an answer all the same
	}
	return err
}

// usable tells whether another operation may be tried.
func (c *conn) usable() bool { return !c.broken && !c.ldap.IsClosing() && c.servers.prefers(c.server) }

// blame notes what the failure of an operation says about the server. It tells whether another server should be asked.
func (c *conn) blame(err error, used bool) bool {
	var no *refusal
	switch {
	case errors.Is(err, errTooLong), used && errors.Is(err, errBroken): // servers close what rests
		return false
	case errors.Is(err, errBroken), errors.As(err, new(tooSlow)), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &no) && (no.code == goldap.LDAPResultBusy || no.code == goldap.LDAPResultUnavailable):
		c.servers.failed(c.server)
		return c.servers.many()
	}
	return false
}

// close ends the connection and what runs for it.
func (c *conn) close() {
	if c.broken {
		_ = c.meter.Close() // the writer may hang: nobody reads at the other end
	}
	_ = c.ldap.Close()
}

// limited is ctx with a limit of its own, whose end has another cause than that of ctx.
func limited(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, tooSlow{limit})
}

// because is the cause of the end of ctx if it has ended, and err otherwise.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// meter caps what an operation may read and remembers why reading ended. It lies below TLS.
type meter struct {
	net.Conn
	left atomic.Int64
	end  atomic.Pointer[error]
}

// grant allows n bytes more from now on.
func (m *meter) grant(n int64) { m.left.Store(n) }

func (m *meter) Read(b []byte) (int, error) {
	left := m.left.Load()
	if left <= 0 {
		err := errTooLong
		m.end.CompareAndSwap(nil, &err)
		return 0, err
	}
	n, err := m.Conn.Read(b[:min(int64(len(b)), left)])
	m.left.Add(-int64(n))
	if err != nil {
		m.end.CompareAndSwap(nil, &err)
	}
	return n, err
}

// reason is why reading ended; nil while it has not.
func (m *meter) reason() error {
	if err := m.end.Load(); err != nil {
		return *err
	}
	return nil
}
