package dsmtest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options is the NAS as it starts. The zero value is a NAS on a free port with its built-in accounts only.
type Options struct {
	Accounts []Account    // the people; admin and guest, switched off, come with every NAS
	Service  Account      // who reads the account list; without groups it is an administrator; no name means none
	Groups   []Group      // besides administrators, http, users and those that accounts name
	Profile  string       // the release of DSM: 6.2, 7.0, 7.1, 7.2 (default), 7.3 or 7.4
	SSO      *SSOConfig   // nil: no single sign-on until SetSSO
	Server   *SSOServer   // the package SSO Server, by which other applications sign people in; nil: not installed
	Name     string       // of the NAS, on its pages; defaults to "nas"
	Addr     string       // where to listen; defaults to 127.0.0.1:0
	Plain    bool         // HTTP instead of HTTPS
	Log      *slog.Logger // gets API, method and code of calls, and never a name; defaults to none
	Now      func() time.Time

	TokenCode      int           // what a call without its syno token gets: 103 (default), 105 or 119
	NoTokenCheck   bool          // the syno token is given out and not wanted back
	NotJoinedCode  int           // what a list of domain or LDAP accounts gets where there are none: 0 is an empty list, 2624 and 2701 are others
	SessionTimeout time.Duration // idle time after which a session answers 106; defaults to 15 minutes
	SingleSession  bool          // a second login of an account ends its first session with 107
	SkipIPCheck    bool          // a session may be used from another address, otherwise that gets 150
	TrustProxy     bool          // the client's address is the last one in X-Forwarded-For
	AutoBlock      AutoBlock
	PageCap        int    // the most items a list returns at once; 0 means no cap
	ExtraTotal     int    // added to the total of user lists, which is known not to be exact
	GroupIDs       bool   // group lists hold gid
	ContentType    string // of API replies; defaults to application/json; charset="UTF-8"

	Faults map[string]Fault // by API, "" is every API: see SetFault
}

// AutoBlock says when an address is blocked for its failed logins. Zero values mean 10 failures in 5 minutes, for ever.
type AutoBlock struct {
	Off      bool
	Attempts int
	Within   time.Duration
	Expire   time.Duration // 0 means never
}

// NAS is a running emulator. Its methods may be called concurrently, and while it serves.
type NAS struct {
	o      Options
	dsm    profile
	server *http.Server
	op     *ssoServer // nil: no SSO Server
	apis   map[string]api
	url    string
	cert   certificate
	cancel context.CancelFunc
	served chan struct{}
	closed sync.Once

	mu       sync.Mutex // guards what follows
	people   map[string]Account
	lastUID  int
	groups   map[string]Group
	sessions map[string]*session
	devices  map[string]string // trusted device id to account
	blocks   map[string]*block
	calls    []*logged
	faults   map[string]Fault
	sso      *SSOConfig
	logins   map[string]ssoLogin
	signIns  []SignIn
}

// Start opens the listener and serves until Close.
func Start(o Options) (_ *NAS, err error) {
	o = o.withDefaults()
	dsm, known := profiles()[o.Profile]
	if !known {
		return nil, fmt.Errorf("profile %q: there are %s", o.Profile, strings.Join(slices.Sorted(maps.Keys(profiles())), ", "))
	}
	n := &NAS{
		o: o, dsm: dsm, served: make(chan struct{}),
		people: map[string]Account{}, lastUID: 1025, // admin has 1024, guest 1025
		groups: map[string]Group{}, sessions: map[string]*session{}, devices: map[string]string{},
		blocks: map[string]*block{}, faults: map[string]Fault{}, logins: map[string]ssoLogin{},
	}
	n.apis = dsm.trim(n.dsm72())
	maps.Copy(n.faults, o.Faults)
	if err := n.populate(); err != nil {
		return nil, err
	}
	if n.cert, err = newCertificate(time.Now()); err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", o.Addr, err)
	}
	n.url = "http://" + listener.Addr().String()
	if !o.Plain {
		n.url = "https://" + listener.Addr().String()
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{n.cert.pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		})
	}
	n.SetSSO(o.SSO)
	if o.Server != nil {
		if n.op, err = newSSOServer(n, *o.Server); err != nil {
			_ = listener.Close() // nobody was served
			return nil, err
		}
	}
	n.serve(listener)
	return n, nil
}

func (n *NAS) serve(listener net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	n.server = &http.Server{
		Handler:           n.routes(),
		BaseContext:       func(net.Listener) context.Context { return ctx }, // its end releases calls that hang
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // handshakes that clients break off on purpose
	}
	go func() {
		defer close(n.served)
		if err := n.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			n.o.Log.Error("emulator stopped serving", "err", err)
		}
	}()
}

func (o Options) withDefaults() Options {
	set(&o.Name, "nas")
	set(&o.Profile, "7.2")
	set(&o.Addr, "127.0.0.1:0")
	set(&o.Log, slog.New(slog.DiscardHandler))
	set(&o.TokenCode, codeNoMethod)
	set(&o.SessionTimeout, 15*time.Minute)
	set(&o.AutoBlock.Attempts, 10)
	set(&o.AutoBlock.Within, 5*time.Minute)
	set(&o.ContentType, `application/json; charset="UTF-8"`)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// set gives v a value where it has none.
func set[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Close ends all calls, also those that hang, and frees the port. It may be called more than once.
func (n *NAS) Close() {
	n.closed.Do(func() {
		n.cancel()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = n.server.Shutdown(ctx) // lets handlers return; what is left is cut off
		_ = n.server.Close()
		<-n.served
	})
}

// URL is the root of the NAS, without a slash at the end.
func (n *NAS) URL() string { return n.url }

// CA returns the certificate, in PEM, that vouches for the NAS as 127.0.0.1, ::1 and localhost.
func (n *NAS) CA() []byte { return n.cert.caPEM }

// Fingerprint is the SHA-256 of the NAS's own certificate (not that of its CA), in lower-case hexadecimal.
func (n *NAS) Fingerprint() string { return n.cert.fingerprint }

// Client returns an HTTP client that trusts the NAS, keeps no cookies and follows no redirect.
func (n *NAS) Client() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: n.cert.pool()}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (n *NAS) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /webapi/", n.serveAPI)
	mux.HandleFunc("POST /webapi/", n.serveAPI)
	if n.op != nil {
		n.op.routes(mux)
	}
	mux.HandleFunc("GET /emulator", n.showAdmin)
	mux.HandleFunc("POST /emulator", n.actAdmin)
	mux.HandleFunc("GET /dsm.css", serveStyle)
	mux.HandleFunc("GET /sso/start", n.startSSO)
	mux.HandleFunc("GET /sso/result", n.showResult)
	mux.HandleFunc("POST /signin", n.signIn)
	mux.HandleFunc("POST /signout", n.signOut)
	mux.HandleFunc("GET /", n.showRoot)
	return mux
}

// random returns a fresh identifier of n bytes.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	return hex.EncodeToString(b)
}
