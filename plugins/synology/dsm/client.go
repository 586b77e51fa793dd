package dsm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Options say which NAS is asked, and as whom.
type Options struct {
	URL            string             // https://nas.example.org:5001; a path in front of /webapi is kept
	Account        string             // required: a member of administrators
	Password       string             // required
	Reread         func() string      // the password as it is now, read before each login; nil or empty: the one of before
	Kinds          []Kind             // the accounts that are read; defaults to Local
	Device         func() string      // the id of a trusted device, read before each login; nil or empty: there is none
	TLS            *tls.Config        // how the certificate is verified; nil: by the authorities that the machine knows
	Trust          func() *tls.Config // the same, read before each connection; nil: TLS
	AllowPlainHTTP bool               // whether URL may be http://, where the password can be read on the way
	Timeout        time.Duration      // for one answer of the NAS; defaults to 10 s
	Pause          time.Duration      // how long a refused account is not tried again; defaults to 15 min
	Name           string             // of the device that Enroll makes DSM trust; defaults to DeviceName
	PageSize       int                // entries asked for in one call; defaults to 1000
	Log            *slog.Logger       // defaults to slog.Default()
	Now            func() time.Time   // defaults to time.Now
}

// ErrClosed is what calls on a closed client get.
var ErrClosed = errors.New("the client is closed")

// Client asks one NAS. It is safe for concurrent use and starts no goroutines of its own.
type Client struct {
	base    *url.URL
	options Options
	http    *http.Transport

	login chan struct{} // holds one value while somebody signs in or out

	mu        sync.Mutex // guards what follows; never held during I/O
	session   *session
	refused   *Error // the refusal of the last login, when it was one that must not be repeated
	refusedAt time.Time
	password  string    // of the last login, or of the first to come
	device    string    // the trusted device that was named in that login
	futileAt  time.Time // when a session that had just been renewed was lost again
	closed    bool
}

// New checks the options and allocates a client. It does not call the NAS.
func New(o Options) (*Client, error) {
	base, err := ParseURL(o.URL, o.AllowPlainHTTP)
	if err != nil {
		return nil, err
	}
	if o.Account == "" {
		return nil, errors.New("the account is empty")
	}
	if o.Password == "" {
		return nil, errors.New("the password is empty")
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Pause <= 0 {
		o.Pause = 15 * time.Minute
	}
	if len(o.Kinds) == 0 {
		o.Kinds = []Kind{Local}
	}
	if o.Reread == nil {
		o.Reread = func() string { return "" }
	}
	if o.Device == nil {
		o.Device = func() string { return "" }
	}
	if o.Name == "" {
		o.Name = DeviceName
	}
	if o.PageSize <= 0 {
		o.PageSize = 1000
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Client{base: base, options: o, http: newTransport(o.TLS, o.Trust), password: o.Password, login: make(chan struct{}, 1)}, nil
}

// ParseURL checks the address of a NAS: https://host[:port], or http:// when plain says so. A path is that of a reverse proxy which has DSM
// below it. The result ends without slash.
func ParseURL(raw string, plain bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return nil, errors.New("the address is empty")
	case err != nil || u.Host == "" || u.Hostname() == "":
		return nil, errors.New("not an address like https://nas.example.org:5001")
	case u.User != nil:
		return nil, errors.New("the address holds a user or a password, which belong in account and passwordFile")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("the address holds a query or a fragment; only https://host:port is wanted")
	case u.Scheme == "http" && !plain:
		return nil, errors.New("http:// would send the password readable; use https://, or write allowPlainHTTP: true")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the address must begin with https://")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	for part := range strings.SplitSeq(u.Path, "/") {
		if part == "webman" || part == "webapi" {
			return nil, errors.New("the address names a page of DSM, " + part + "; leave that out")
		}
	}
	return u, nil
}

// Close signs out, if a session is open, and ends idle connections. Calls after it get ErrClosed. Closing twice is harmless.
func (c *Client) Close(ctx context.Context) error {
	defer c.http.CloseIdleConnections()
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	if err := c.enter(ctx); err != nil {
		return err
	}
	defer c.leave()
	s := c.replace(nil)
	if s == nil {
		return nil
	}
	if err := c.ask(ctx, s, request{api: apiAuth, method: "logout", version: authVersion}, nil); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// call makes one call as the account, signing in before if needed and once more if the session turns out to be lost.
func (c *Client) call(ctx context.Context, r request, out any) error {
	s, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	err = c.ask(ctx, s, r, out)
	if c.lost(err, s) && c.renewable() {
		if s, err = c.open(ctx, s); err != nil {
			return err
		}
		if err = c.ask(ctx, s, r, out); c.lost(err, s) {
			c.futile()
		}
	}
	if err == nil {
		s.proved.Store(true)
	}
	return err
}

// enter waits until nobody else signs in or out.
func (c *Client) enter(ctx context.Context) error {
	select {
	case c.login <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a session: %w", ctx.Err())
	}
}

func (c *Client) leave() { <-c.login }
