package claimshook_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
	"github.com/claimsmith/claimsmith/sidecar"
)

// asSidecar makes the test binary a sidecar with the configuration that follows.
const asSidecar = "as-sidecar"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == asSidecar {
		if err := serveSidecar(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serveSidecar(file string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server, err := sidecar.New(ctx, file, sidecar.Options{Logger: func(string, string) *slog.Logger {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}})
	if err != nil {
		return err
	}
	defer server.Close()
	return server.Serve(ctx)
}

// TestNoCallIsLost is a drill with real sidecars over mutual TLS: while they are asked, they are rolled in place and by new ones, certificates and
// authorities are renewed, and one of them hangs.
func TestNoCallIsLost(t *testing.T) {
	d := &drill{t: t, dir: t.TempDir(), names: resolve(t)}
	d.names.are(2, 3)
	d.port = d.freePort(2, 3, 4)
	d.generation()
	first, second := d.start(2), d.start(3)
	load := d.load()

	t.Run("rolled in place, with a second generation of certificates", func(t *testing.T) {
		d.generation()
		first.stop(t)
		first = d.start(2)
		second.stop(t)
		second = d.start(3)
		load.check(t)
	})
	t.Run("rolled by a new one, with a third generation", func(t *testing.T) {
		d.generation()
		third := d.start(4)
		d.names.are(3, 4)
		first.stop(t)
		if n := third.decisions(); n == 0 {
			t.Error("the one that was added was never asked")
		}
		first = third
		load.check(t)
	})
	t.Run("one hangs, and comes back", func(t *testing.T) {
		first.signal(syscall.SIGSTOP)
		load.wait(t, 450)
		first.signal(syscall.SIGCONT)
		slowest := load.check(t)
		if slowest > 2500*time.Millisecond { // a third of the timeout, and what a busy machine adds
			t.Errorf("a call took %s", slowest)
		}
		before := first.decisions()
		for late := time.Now().Add(20 * time.Second); first.decisions() < before+20; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(late) {
				t.Fatal("the one that came back is not asked")
			}
		}
	})
	load.check(t)
}

// drill is a name, the folder of the certificates and configurations, and how many generations of certificates there were.
type drill struct {
	t     *testing.T
	dir   string
	names *names
	port  string
	last  *authority
}

// freePort is one that nobody listens at, at any of the addresses 127.0.0.x.
func (d *drill) freePort(last ...byte) string {
	d.t.Helper()
	for range 10 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			d.t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		l.Close()
		free := true
		for _, x := range last {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:%s", x, port))
			if free = free && err == nil; err == nil {
				l.Close()
			}
		}
		if free {
			return port
		}
	}
	d.t.Fatal("there is no port that is free at all addresses")
	return ""
}

// generation renews authority and certificates as an operator does: the new authority counts beside the old one until all certificates
// are of the new.
func (d *drill) generation() {
	d.t.Helper()
	next := newAuthority(d.t)
	if d.last != nil {
		d.authorities(d.last, next)
	}
	next.dir = d.dir
	next.issue(d.t, "service", &x509.Certificate{DNSNames: []string{"hook.internal"}})
	next.issue(d.t, "dex", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	d.authorities(next)
	d.last = next
}

func (d *drill) authorities(of ...*authority) {
	d.t.Helper()
	var bundle bytes.Buffer
	for _, a := range of {
		if err := pem.Encode(&bundle, &pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(d.dir, "ca.pem"), bundle.Bytes(), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// replica is a sidecar in a process of its own.
type replica struct {
	cmd *exec.Cmd
	log *syncBuffer
}

type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Count(b.text.Bytes(), []byte(text))
}

// start starts a sidecar at 127.0.0.x and returns when it serves.
func (d *drill) start(last byte) *replica {
	d.t.Helper()
	file := filepath.Join(d.dir, fmt.Sprintf("%d.yaml", last))
	text := fmt.Sprintf("listen: {tcp: \"127.0.0.%d:%s\", tls: {certFile: service.pem, keyFile: service.key, clientCAFile: ca.pem}}\npipeline:\n  - set: {username: client.id}\n", last, d.port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	r := &replica{cmd: exec.Command(os.Args[0], asSidecar, file), log: &syncBuffer{}}
	r.cmd.Stderr = r.log
	if err := r.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		_ = r.cmd.Process.Kill() // most have ended
		_ = r.cmd.Wait()
	})
	for late := time.Now().Add(30 * time.Second); r.log.count("msg=serving ") == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			d.t.Fatalf("it does not serve:\n%s", r.log.text.String())
		}
	}
	return r
}

func (r *replica) signal(s os.Signal) { _ = r.cmd.Process.Signal(s) }

func (r *replica) stop(t *testing.T) {
	t.Helper()
	r.signal(syscall.SIGTERM)
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("%v:\n%s", err, r.log.text.String())
	}
}

func (r *replica) decisions() int { return r.log.count("msg=decision ") }

// load asks 150 times a second until the test is over.
type load struct {
	mu      sync.Mutex
	calls   int
	slowest time.Duration
	wrong   []string
}

func (d *drill) load() *load {
	d.t.Helper()
	h := d.last.open(d.t, d.port, claimshook.Options{})
	l := &load{}
	ctx, stop := context.WithCancel(context.Background())
	var asking sync.WaitGroup
	asking.Go(func() {
		tick := time.NewTicker(time.Second / 150)
		defer tick.Stop()
		for n := 0; ctx.Err() == nil; n++ {
			asking.Go(func() { l.ask(h, n) })
			<-tick.C
		}
	})
	d.t.Cleanup(func() {
		stop()
		asking.Wait()
		h.Close()
	})
	return l
}

func (l *load) ask(h *claimshook.Hook, n int) {
	ctx := claimshook.WithGrantType(context.WithValue(context.Background(), requestKey{}, fmt.Sprint(n)), "refresh_token")
	start := time.Now()
	got, err := h.Extend(ctx, []byte(payload), token())
	took := time.Since(start)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	l.slowest = max(l.slowest, took)
	switch {
	case err != nil:
		l.wrong = append(l.wrong, fmt.Sprintf("after %s: %v", took, err))
	case !strings.Contains(string(got), `"username":"nas"`):
		l.wrong = append(l.wrong, "the claim is missing: "+string(got))
	}
}

// wait waits for so many more calls.
func (l *load) wait(t *testing.T, n int) {
	t.Helper()
	calls := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.calls
	}
	want := calls() + n
	for late := time.Now().Add(time.Minute); calls() < want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("calls do not return")
		}
	}
}

// check reports what went wrong since the last check, and returns how long the slowest call took.
func (l *load) check(t *testing.T) time.Duration {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Logf("%d calls, the slowest took %s", l.calls, l.slowest)
	if len(l.wrong) > 0 || l.calls == 0 {
		t.Errorf("%d of %d calls went wrong, the first: %s", len(l.wrong), l.calls, l.wrong[:min(len(l.wrong), 3)])
	}
	slowest := l.slowest
	l.calls, l.slowest, l.wrong = 0, 0, nil
	return slowest
}
