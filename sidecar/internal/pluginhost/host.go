package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

// Options are what a Host needs to know.
type Options struct {
	// Log gets what happens to plugins, labelled with their names, and what they log before the first question. Defaults to slog.Default().
	Log *slog.Logger
	// Wrapper is put before the command of a plugin: it runs Exec, like [/usr/bin/claimsmith plugin exec --]. Empty: plugins
	// are started directly, and outlive a host that is killed. Only tests want that.
	Wrapper []string
	// Dir holds the working directories of the plugins, which stay when the host is closed. Empty: a temporary one, which
	// does not.
	Dir string
	// StartTimeout is the time for start, handshake and description. Defaults to 10 s.
	StartTimeout time.Duration
	// CallTimeout is the longest that a lookup is waited for, with or without anybody still waiting. Defaults to 10 s.
	CallTimeout time.Duration
	// CallsAtOnce is how many lookups may be under way to one plugin; more wait for their turn. Defaults to 64.
	CallsAtOnce int
	// CacheSize is how many answers are kept, and a tenth of it how many of "not found". Defaults to 10000.
	CacheSize int
	// Stderr gets what plugins print that is not a log record, as it comes, for the author of one. Nil: nobody sees it.
	Stderr io.Writer
	// Store keeps the last good answers of plugins of which some asker has a MaxStale, for the next start. Nil: nothing
	// survives this one.
	Store answers.Store
	// Now is the clock by which answers age. Defaults to time.Now.
	Now func() time.Time
}

const (
	defaultStart = 10 * time.Second
	defaultCall  = 10 * time.Second
	defaultCache = 10_000
	defaultCalls = 64

	// closeBudget is the time in which plugins may end in an orderly way. What is left of them then is killed.
	closeBudget = 10 * time.Second
)

// Host runs plugins. It is safe for concurrent use.
type Host struct {
	o        Options
	dir      string // working directories of plugins
	temps    []temp
	sockets  string
	spawner  *spawner
	sessions sessions
	answers  *answers.Cache
	said     *sayings

	ctx    context.Context // ends starts
	cancel context.CancelFunc
	starts usage

	mu      sync.Mutex
	plugins []*Plugin
	close   func() error
}

// New checks o and prepares directories. It starts no plugin. Close must be called.
func New(o Options) (_ *Host, err error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Stderr != nil {
		o.Stderr = &lockedWriter{w: o.Stderr}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.StartTimeout = orDefault(o.StartTimeout, defaultStart)
	o.CallTimeout = orDefault(o.CallTimeout, defaultCall)
	o.CacheSize = orDefault(o.CacheSize, defaultCache)
	o.CallsAtOnce = orDefault(o.CallsAtOnce, defaultCalls)
	h := &Host{o: o, said: newSayings(o.Now)}
	defer func() {
		if err != nil {
			h.removeTemps()
		}
	}()
	if err := h.makeDirs(); err != nil {
		return nil, fmt.Errorf("plugin directories: %w", err)
	}
	h.answers, err = answers.New(answers.Options{
		Log: o.Log, Size: o.CacheSize, CallTimeout: o.CallTimeout, CallsAtOnce: o.CallsAtOnce, Store: o.Store, Now: o.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("plugin cache: %w", err)
	}
	h.spawner = newSpawner()
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.close = sync.OnceValue(h.shutdown)
	return h, nil
}

func orDefault[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// maxSockets is how long the path of the directory of sockets may be: go-plugin adds 38 bytes, and macOS takes 103 in all.
const maxSockets = 103 - 38

// makeDirs makes the directories of working directories and of sockets.
func (h *Host) makeDirs() error {
	if h.o.Dir == "" {
		tmp, err := h.makeTemp("")
		if err != nil {
			return err
		}
		h.dir, h.sockets = tmp, tmp
	} else {
		dir, err := filepath.Abs(h.o.Dir)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		base := dir
		if len(dir)+len("/claimsmith-0123456789") > maxSockets {
			base = "" // the system's own is short
		}
		if h.sockets, err = h.makeTemp(base); err != nil {
			return err
		}
		h.dir = dir
	}
	if len(h.sockets) > maxSockets {
		return fmt.Errorf("%s: too long for the path of a unix socket: set TMPDIR to a shorter one", h.sockets)
	}
	return nil
}

// folder makes the working directory of a plugin, which nobody but its user can enter. Each user gets another one: what is
// in it belongs to a host that was there before.
func (h *Host) folder(name string, a confine.Account) (string, error) {
	dir := filepath.Join(h.dir, name)
	if a.Own() {
		dir += "." + strconv.Itoa(a.UID)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o700); err != nil || !a.Own() {
		return dir, err
	}
	// Others may pass through the directories above, and see nothing in them.
	for _, above := range []string{h.dir, h.sockets} {
		if err := os.Chmod(above, 0o711); err != nil {
			return "", err
		}
	}
	return dir, a.Give(dir)
}

// Start checks d, starts its process and has it describe itself. Whoever calls it has to call Configure before the first
// lookup. Errors are [*CommandError] where the declaration is wrong; several are joined.
//
// ctx is for the start only. The plugin runs until the host is closed.
func (h *Host) Start(ctx context.Context, d confine.Declaration) (*Plugin, error) {
	if !h.starts.begin() {
		return nil, answers.ErrClosed
	}
	defer h.starts.end()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.ctx, cancel)()
	if found := d.Check(); len(found) > 0 {
		errs := make([]error, len(found))
		for i, e := range found {
			errs[i] = e
		}
		return nil, errors.Join(errs...)
	}
	as, _, _ := confine.AccountOf(d.User) // checked
	dir, err := h.folder(d.Name, as)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: working directory: %w", d.Name, err)
	}
	p := newPlugin(h, d, dir)
	p.launch.as = as
	if err := p.first(ctx); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.plugins = append(h.plugins, p)
	return p, nil
}

// Close ends all plugins, the last one started first, writes what is left for the store, and removes temporary directories. It
// takes no longer than about ten seconds: what has not ended by then is killed. It may be called more than once. The store is
// its owner's to close, after that.
func (h *Host) Close() error { return h.close() }

func (h *Host) shutdown() error {
	starts := h.starts.close()
	h.cancel()
	<-starts
	var flushed sync.WaitGroup
	flushed.Go(h.answers.Close)
	plugins := h.plugins
	hurry := time.AfterFunc(closeBudget, func() {
		for _, p := range plugins {
			p.kill()
		}
	})
	defer hurry.Stop()
	for _, p := range slices.Backward(plugins) {
		p.stop()
	}
	h.spawner.close()
	flushed.Wait()
	h.removeTemps()
	return nil
}

// Forget drops all answers that the host remembers, of all plugins, and erases those in the store, and what plugins said lately.
// See [answers.Cache.Forget].
func (h *Host) Forget(ctx context.Context) error {
	h.said.forget()
	return h.answers.Forget(ctx)
}

// Drop drops the answers that somebody got, and what plugins said lately, as nobody knows about whom that is. See [answers.Cache.Drop].
func (h *Host) Drop(ctx context.Context, plugin, person string) (int, error) {
	h.said.forget()
	return h.answers.Drop(ctx, plugin, person)
}

// lockedWriter lets plugins print side by side.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
