package sidecar_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar"
)

// shortDir is a temporary folder in which the path of a unix socket is short enough.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// written writes a configuration that nobody else can write, and returns its name.
func written(t testing.TB, dir, text string) string {
	t.Helper()
	file := filepath.Join(dir, "c.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// plain is a configuration that only says where to listen.
func plain(dir string) string { return "listen: unix://" + dir + "/run/hook.sock\n" }

// household asks the plugin of this package and refuses strangers.
func household(dir string) string {
	return plain(dir) + fmt.Sprintf(`budget: 5s
connectors: {google: {emailDomains: [gmail.com]}}
plugins:
  nas: {builtin: directory, config: {gate: %s/gate.sock}}
pipeline:
  - when: client.id == "synology"
    steps:
      - lookup: nas
        with: {email: identity.email}
        cache: {ttl: 1h}
      - {deny: not nas.found, message: 'No account has the address ${identity.email}.'}
      - set: {username: nas.name, groups: nas.groups}
      - remove: [name]
`, dir)
}

// logBuffer is a log that a test reads while it is written.
type logBuffer struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed and replaced at each write
}

func newLogBuffer() *logBuffer { return &logBuffer{changed: make(chan struct{})} }

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// next waits until something more is logged, or for a while.
func (l *logBuffer) next(t testing.TB, most time.Duration) {
	t.Helper()
	l.mu.Lock()
	changed := l.changed
	l.mu.Unlock()
	select {
	case <-changed:
	case <-time.After(most):
	}
}

// wait returns the first line that holds the text, as soon as there is one.
func (l *logBuffer) wait(t testing.TB, text string) string {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		all, changed := l.text.String(), l.changed
		l.mu.Unlock()
		for line := range strings.Lines(all) {
			if strings.Contains(line, text) {
				return line
			}
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("the log never said %q:\n%s", text, all)
		}
	}
}

// program are the options of a program whose plugins and wrapper are this test binary.
func program(t testing.TB, log *logBuffer) sidecar.Options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return sidecar.Options{
		Version: "test", Wrapper: []string{self, asWrapper},
		Logger: func(string, string) *slog.Logger {
			return slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		},
		Builtins: map[string]sidecar.Builtin{"directory": {Command: []string{self, asPlugin}, Describe: describe}},
	}
}

func describe() (sidecar.Description, error) {
	d, err := directory().Describe()
	return sidecar.Description{Name: d.Name, Version: d.Version, Config: d.ConfigSchema, Params: d.ParamsSchema, Facts: d.FactsSchema}, err
}

// running is a sidecar that serves until the test is over, or until it is told to stop.
type running struct {
	t   testing.TB
	dir string
	log *logBuffer
	end context.CancelFunc

	server *sidecar.Server
	done   chan struct{}
	err    error // of Serve, once done is closed
}

// serve runs a sidecar with a configuration for its own folder.
func serve(t testing.TB, text func(dir string) string, change ...func(*sidecar.Options)) *running {
	t.Helper()
	dir := shortDir(t)
	return serveFile(t, dir, written(t, dir, text(dir)), change...)
}

// serveFile runs a sidecar with a configuration that is there already, whose socket is in dir.
func serveFile(t testing.TB, dir, file string, change ...func(*sidecar.Options)) *running {
	t.Helper()
	r := &running{t: t, dir: dir, log: newLogBuffer(), done: make(chan struct{})}
	options := program(t, r.log)
	for _, f := range change {
		f(&options)
	}
	server, err := sidecar.New(t.Context(), file, options)
	if err != nil {
		t.Fatal(err)
	}
	r.server = server
	var ctx context.Context
	ctx, r.end = context.WithCancel(context.Background())
	go func() {
		defer close(r.done)
		r.err = server.Serve(ctx)
	}()
	t.Cleanup(func() {
		r.end()
		<-r.done
		if r.err != nil {
			t.Errorf("serve: %v", r.err)
		}
		if err := server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if t.Failed() {
			t.Log(r.log.String())
		}
	})
	r.log.wait(t, `"msg":"serving"`)
	return r
}

func (r *running) socket() string { return filepath.Join(r.dir, "run", "hook.sock") }

// dial connects to the socket.
func (r *running) dial() *grpc.ClientConn {
	return dial(r.t, "unix://"+r.socket(), insecure.NewCredentials())
}

func (r *running) client() hookv1.ClaimsHookServiceClient {
	return hookv1.NewClaimsHookServiceClient(r.dial())
}

func (r *running) health() healthv1.HealthClient { return healthv1.NewHealthClient(r.dial()) }

func dial(t testing.TB, target string, c credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(c),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(64<<20), grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// gate is where lookups of slow@gmail.com wait.
func (r *running) gate() net.Listener {
	r.t.Helper()
	l, err := net.Listen("unix", filepath.Join(r.dir, "gate.sock"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { l.Close() })
	return l
}

// signIn is the request that Dex makes when somebody gets tokens for the NAS.
func signIn(email string) *hookv1.ExtendPayloadRequest {
	return &hookv1.ExtendPayloadRequest{
		Payload:     fmt.Appendf(nil, `{"iss":"https://dex.example.org","sub":"CgQ","aud":"synology","name":"Mum M","email":%q}`, email),
		Identity:    &hookv1.Identity{UserId: "108a", Username: "Mum M", Email: email, EmailVerified: true},
		ConnectorId: "google", ClientId: "synology", Audience: []string{"synology"}, Scopes: []string{"openid"},
		Stage: hookv1.Stage_STAGE_TOKEN, TokenKinds: []hookv1.TokenKind{hookv1.TokenKind_TOKEN_KIND_ACCESS, hookv1.TokenKind_TOKEN_KIND_ID},
		GrantType: "authorization_code", RequestId: "r1", Features: []string{"login", "grant-type"},
	}
}

// with changes a request.
func with(req *hookv1.ExtendPayloadRequest, change func(*hookv1.ExtendPayloadRequest)) *hookv1.ExtendPayloadRequest {
	change(req)
	return req
}
