package pluginhost

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// The test binary plays every part: started again with one of these as its first argument it is a wrapper, a plugin, or a
// host that is about to be killed.
const (
	asWrapper = "as-wrapper"
	asPlugin  = "as-plugin"
	asHost    = "as-host"
	asWho     = "as-who"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case asWrapper:
			fmt.Fprintln(os.Stderr, confine.Exec(os.Args[2:]))
			os.Exit(1)
		case asPlugin:
			playPlugin(os.Args[2])
			os.Exit(0)
		case asHost:
			playHost(os.Args[2:])
		case asWho:
			fmt.Print(os.Geteuid())
			os.Exit(0)
		}
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0") // under the race detector every process that ends would sleep for a second
	goleak.VerifyTestMain(m)
}

func wrapper() []string { return []string{os.Args[0], asWrapper, "--"} }

// playing declares the test binary as a plugin in one of the modes of playPlugin.
func playing(mode string) confine.Declaration {
	return confine.Declaration{Name: "nas", Command: []string{os.Args[0], asPlugin, mode}, Env: []string{"GORACE"}, Config: json.RawMessage(`{"url":"https://nas.example.org"}`)}
}

// playHost runs a plugin, prints its process id, and stays. as is empty, or a user and the program of the plugin.
func playHost(as []string) {
	d := playing("good")
	if len(as) == 2 {
		d.User, d.Command[0] = as[0], as[1]
	}
	h, err := New(Options{Wrapper: wrapper(), Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		var p *Plugin
		if p, err = h.Start(context.Background(), d); err == nil {
			fmt.Println(p.PID())
			_, _ = io.Copy(io.Discard, os.Stdin)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// logBuffer is a log that a test can read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// logger logs everything to l.
func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug - 4, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// newTestHost returns a host that is closed, and has left no process, when the test is over.
func newTestHost(t testing.TB, o Options) *Host {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	o.Wrapper = wrapper()
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if left := children(t); len(left) > 0 {
			t.Errorf("processes are left: %v", left)
		}
	})
	return h
}

func start(t testing.TB, h *Host, d confine.Declaration) *Plugin {
	t.Helper()
	p, err := h.Start(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	configure(t, p)
	return p
}

func configure(t testing.TB, p *Plugin) {
	t.Helper()
	found, err := p.Configure(t.Context(), false)
	if err != nil || len(found) > 0 {
		t.Fatalf("configure: %v %v", found, err)
	}
}

// within is a context for what must not take long.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func question(params string) pipeline.Question {
	return pipeline.Question{Connector: "google", Params: json.RawMessage(params)}
}
