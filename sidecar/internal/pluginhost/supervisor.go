package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
)

// ErrDown is the error of calls while a plugin that crashed, or did not start, more often than patience allows is restarted.
var ErrDown = errors.New("down: it does not stay up, and is started again after a pause")

// State is what a plugin is doing.
type State string

const (
	Running    State = "running"
	Restarting State = "restarting" // calls wait
	Down       State = "down"       // calls fail
	Closed     State = "closed"
)

const (
	// patience is how many crashes in a row are mended at once, with calls waiting. The second one is too: who restarts or
	// kills a plugin twice, or a machine that runs out of memory twice, should cost nobody a login. A plugin that dies of
	// its calls reaches the third in no time.
	patience   = 2
	calm       = time.Minute // a crash this long after the last one is a first one
	firstPause = 250 * time.Millisecond
	maxPause   = 20 * time.Second
)

// supervisor keeps one plugin running. It owns the current instance: nobody else starts or stops one.
type supervisor struct {
	name  string
	log   *slog.Logger
	start func(context.Context) (*instance, error)

	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	state    State
	cur      *instance     // while Running
	since    time.Time     // when cur began
	ending   *instance     // while it is drained
	moved    chan struct{} // closed when state changes
	crashes  int           // in all
	last     string        // how the last one went
	crashed  time.Time     // when
	restarts int           // after crashes
	refused  string        // why it did not start again since then
	next     time.Time     // when that is tried again; zero: now, or not at all

	swap chan swap // requests for another instance
}

// swap asks for a new instance instead of the current one.
type swap struct {
	ctx  context.Context
	done chan<- error
}

// supervise keeps first running, and after it what start gives.
func supervise(name string, log *slog.Logger, first *instance, start func(context.Context) (*instance, error)) *supervisor {
	s := &supervisor{name: name, log: log, start: start, done: make(chan struct{}), moved: make(chan struct{}), swap: make(chan swap), state: Running, cur: first, since: time.Now()}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go s.run(first)
	return s
}

// get returns the instance to ask, held for a call, which whoever gets it ends. It waits for a restart
// that comes at once as long as ctx allows.
func (s *supervisor) get(ctx context.Context) (*instance, error) {
	for {
		s.mu.Lock()
		state, cur, moved := s.state, s.cur, s.moved
		s.mu.Unlock()
		switch state {
		case Running:
			select {
			case <-cur.exited: // its death is about to be noticed
			default:
				if cur.calls.begin() {
					return cur, nil
				} // it is being replaced
			}
		case Down:
			return nil, fmt.Errorf("plugin %s: %w", s.name, ErrDown)
		case Closed:
			return nil, fmt.Errorf("plugin %s: %w", s.name, answers.ErrClosed)
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil, fmt.Errorf("plugin %s: restarting: %w", s.name, ctx.Err())
		}
	}
}

// current is the instance that is asked now; nil while there is none.
func (s *supervisor) current() *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur
}

// close ends the plugin and waits for it.
func (s *supervisor) close() {
	s.cancel()
	<-s.done
}

func (s *supervisor) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, inst := range []*instance{s.cur, s.ending} {
		if inst != nil {
			inst.kill()
		}
	}
}

// replace starts a new instance beside the current one, lets it take over, and ends the old one when its calls are done.
// When the new one does not start, the old one goes on. A plugin that is down is started at once.
func (s *supervisor) replace(ctx context.Context) error {
	done := make(chan error, 1)
	select {
	case s.swap <- swap{ctx, done}:
	case <-ctx.Done():
		return fmt.Errorf("plugin %s: restart: %w", s.name, ctx.Err())
	case <-s.done:
		return fmt.Errorf("plugin %s: %w", s.name, answers.ErrClosed)
	}
	return <-done
}

// swapped does what replace asks for, beside old, which may be nil. It returns the instance that is current then.
func (s *supervisor) swapped(w swap, old *instance) *instance {
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	inst, err := s.start(ctx)
	if err != nil {
		w.done <- err
		return old
	}
	s.log.Info("plugin replaced", slog.Int("pid", inst.pid))
	s.set(Running, inst)
	if old != nil {
		s.end(old)
	}
	w.done <- nil
	return inst
}

// end drains inst and stops it.
func (s *supervisor) end(inst *instance) {
	s.mu.Lock()
	s.ending = inst
	s.mu.Unlock()
	inst.drain()
	inst.stop()
	s.mu.Lock()
	s.ending = nil
	s.mu.Unlock()
}

func (s *supervisor) set(state State, cur *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == state && s.cur == cur {
		return
	}
	s.state, s.cur, s.since = state, cur, time.Now()
	if cur != nil {
		s.refused = ""
	}
	close(s.moved)
	s.moved = make(chan struct{})
}

func (s *supervisor) run(inst *instance) {
	defer close(s.done)
	var t tally
	for inst != nil {
		select {
		case <-s.ctx.Done():
		case <-inst.exited:
		case w := <-s.swap:
			inst = s.swapped(w, inst)
			continue
		}
		if s.ctx.Err() != nil {
			s.set(Closed, nil)
			s.end(inst)
			return
		}
		inst = s.revive(inst, &t)
	}
	s.set(Closed, nil)
}

// revive replaces a dead instance. It returns nil when the supervisor was closed before that.
func (s *supervisor) revive(dead *instance, t *tally) *instance {
	n := t.note(time.Now())
	s.noteCrash(dead, n)
	dead.stop()
	for {
		if n > patience {
			inst, ok := s.pause(n)
			if inst != nil || !ok {
				return inst
			}
		}
		inst, err := s.start(s.ctx)
		if err == nil {
			s.log.Info("plugin restarted", slog.Int("pid", inst.pid))
			s.mu.Lock()
			s.restarts++
			s.mu.Unlock()
			s.set(Running, inst)
			return inst
		}
		if s.ctx.Err() != nil {
			return nil
		}
		before := n
		n = t.note(time.Now()) // a process that dies while it starts has crashed too
		s.log.Log(s.ctx, loud(before, n, slog.LevelWarn), "plugin did not restart", slog.Any("err", err))
		s.mu.Lock()
		s.refused = strings.TrimPrefix(err.Error(), "plugin "+s.name+": ")
		s.mu.Unlock()
		if n > patience {
			s.set(Down, nil)
		}
	}
}

// loud is the level of the n-th crash or failed start in a row: a loop is reported once, when it begins. What follows is
// at the level debug.
func loud(before, n int, level slog.Level) slog.Level {
	if before > patience && n > patience {
		return slog.LevelDebug
	}
	return level
}

// noteCrash notes the n-th crash in a row.
func (s *supervisor) noteCrash(dead *instance, n int) {
	r := dead.report()
	message, level := "plugin crashed", loud(n-1, n, slog.LevelWarn)
	if n == patience+1 {
		message, level = "plugin crashes again and again: it is down, and started again after growing pauses", slog.LevelError
	}
	s.log.Log(s.ctx, level, message, slog.Int("pid", dead.pid), slog.Int("in_a_row", n), slog.Any("crash", r))
	s.mu.Lock()
	s.crashes++
	s.last, s.crashed = r.String(), time.Now()
	s.mu.Unlock()
	if n <= patience {
		s.set(Restarting, nil)
		return
	}
	s.set(Down, nil)
}

// pause waits before the restart after the n-th crash in a row. Somebody who asks for a restart meanwhile gets it: then the
// new instance is returned. It reports false when the supervisor is closed.
func (s *supervisor) pause(n int) (*instance, bool) {
	d := min(maxPause, firstPause<<min(n-patience-1, 10))
	d = d*3/4 + rand.N(d/2) // several plugins that fell together do not get up together
	t := time.NewTimer(d)
	defer t.Stop()
	s.willStart(time.Now().Add(d))
	defer s.willStart(time.Time{})
	for {
		select {
		case <-t.C:
			return nil, true
		case w := <-s.swap:
			if inst := s.swapped(w, nil); inst != nil {
				return inst, true
			}
		case <-s.ctx.Done():
			return nil, false
		}
	}
}

func (s *supervisor) willStart(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = at
}

// tally counts crashes in a row.
type tally struct {
	last time.Time
	n    int
}

// note counts a crash at now and returns how many there were, each within a minute of the one before.
func (t *tally) note(now time.Time) int {
	if now.Sub(t.last) >= calm {
		t.n = 0
	}
	t.last = now
	t.n++
	return t.n
}
