package dextest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/dexpatch"
)

// PasswordHash is the bcrypt hash of the word "password", for staticPasswords.
const PasswordHash = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"

// patience is how long Dex may take to answer, or to give up, on a busy machine.
const patience = 30 * time.Second

// Binary returns the path of a Dex with the hook, as this tree would build it. It never skips.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := dexpatch.Cached(t.Context(), dexpatch.Options{Progress: func(m string) { t.Logf("dex: %s", m) }})
	if err != nil {
		t.Fatalf("build dex: %v", err)
	}
	return path
}

// Options say how to run Dex.
type Options struct {
	// Config is YAML that follows issuer, storage (memory), web and logger, which are set here. $ISSUER in it is replaced.
	Config string
	// Args follow "serve".
	Args []string
	// Env is added to the environment.
	Env []string
	// Binary is the Dex to run. Empty: the one of Binary.
	Binary string
	// Storage is the storage block as one line of YAML. Empty: {type: memory}.
	Storage string
}

// Dex is a running process.
type Dex struct {
	// Issuer is the URL at which it serves.
	Issuer string

	cmd  *exec.Cmd
	log  *buffer
	done chan struct{}
}

// Start runs Dex on a free port and returns when it answers. It is stopped when the test ends.
func Start(t testing.TB, o Options) *Dex {
	t.Helper()
	for range 3 {
		d := start(t, o)
		if d.ready(t.Context()) {
			return d
		}
		d.Stop()
		if log := d.Log(); !strings.Contains(log, "address already in use") {
			t.Fatalf("dex did not start:\n%s", log)
		}
	}
	t.Fatal("dex found no free port")
	return nil
}

// Fail runs a Dex that must not start, and returns its output.
func Fail(t testing.TB, o Options) string {
	t.Helper()
	d := start(t, o)
	select {
	case <-d.done:
	case <-time.After(patience):
		t.Fatalf("dex runs, but should not have started:\n%s", d.Log())
	}
	if d.cmd.ProcessState.Success() {
		t.Fatalf("dex ended without an error:\n%s", d.Log())
	}
	return d.Log()
}

// Log returns what Dex wrote so far, at level debug, without the fields in which Dex names people.
func (d *Dex) Log() string { return d.log.String() }

// WaitLog waits until the log holds the text beyond its first n bytes, and returns what is there then: Dex answers a request
// before its log has come through the pipe.
func (d *Dex) WaitLog(t testing.TB, n int, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if log := d.Log()[n:]; strings.Contains(log, text) {
			return log
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the log does not hold\n%s\nbut\n%s", text, d.Log()[n:])
		case <-tick.C:
		}
	}
}

// Stop kills the process. It may be called more than once.
func (d *Dex) Stop() {
	_ = d.cmd.Process.Kill() // it may have ended by itself
	<-d.done
}

func start(t testing.TB, o Options) *Dex {
	t.Helper()
	address := freeAddress(t)
	d := &Dex{Issuer: "http://" + address + "/dex", log: new(buffer), done: make(chan struct{})}
	if o.Storage == "" {
		o.Storage = "{type: memory}"
	}
	config := fmt.Sprintf(`issuer: %s
storage: %s
web: {http: %q}
logger:
  level: debug
  format: json
  excludeFields: [email, username, preferred_username, groups, user, user_id]
`, d.Issuer, o.Storage, address) + strings.ReplaceAll(o.Config, "$ISSUER", d.Issuer)
	file := filepath.Join(t.TempDir(), "dex.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := o.Binary
	if binary == "" {
		binary = Binary(t)
	}
	d.cmd = exec.Command(binary, append(append([]string{"serve"}, o.Args...), file)...)
	d.cmd.Env = append(os.Environ(), o.Env...)
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	dieWithUs(d.cmd)
	if err := d.cmd.Start(); err != nil {
		t.Fatalf("start dex: %v", err)
	}
	go func() {
		_ = d.cmd.Wait() // the state tells
		close(d.done)
	}()
	t.Cleanup(d.Stop)
	return d
}

// freeAddress finds a port that was free a moment ago.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// ready waits until Dex answers and reports false if it ended or never did.
func (d *Dex) ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Issuer+"/.well-known/openid-configuration", nil)
		if err != nil {
			return false
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		}
		select {
		case <-ctx.Done():
			return false
		case <-d.done:
			return false
		case <-tick.C:
		}
	}
}

// buffer is a bytes.Buffer for a writer and readers at the same time.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
