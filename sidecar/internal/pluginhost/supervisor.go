package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// ErrDown is the error of calls while a plugin that crashed more often than patience allows is restarted.
var ErrDown = errors.New("down: it crashed again and is restarted after a pause")

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

	mu      sync.Mutex
	state   State
	cur     *instance     // while Running
	moved   chan struct{} // closed when state changes
	crashes int           // in all
	last    string        // how the last one went
}

// supervise keeps first running, and after it what start gives.
func supervise(name string, log *slog.Logger, first *instance, start func(context.Context) (*instance, error)) *supervisor {
	s := &supervisor{name: name, log: log, start: start, done: make(chan struct{}), moved: make(chan struct{}), state: Running, cur: first}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go s.run(first)
	return s
}

// get returns the instance to ask. It waits for a restart that comes at once as long as ctx allows.
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
				return cur, nil
			}
		case Down:
			return nil, fmt.Errorf("plugin %s: %w", s.name, ErrDown)
		case Closed:
			return nil, fmt.Errorf("plugin %s: %w", s.name, ErrClosed)
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil, fmt.Errorf("plugin %s: restarting: %w", s.name, ctx.Err())
		}
	}
}

// close ends the plugin and waits for it.
func (s *supervisor) close() {
	s.cancel()
	<-s.done
}

func (s *supervisor) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur != nil {
		s.cur.kill()
	}
}

func (s *supervisor) set(state State, cur *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == state && s.cur == cur {
		return
	}
	s.state, s.cur = state, cur
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
		}
		if s.ctx.Err() != nil {
			inst.stop()
			break
		}
		inst = s.revive(inst, &t)
	}
	s.set(Closed, nil)
}

// revive replaces a dead instance. It returns nil when the supervisor was closed before that.
func (s *supervisor) revive(dead *instance, t *tally) *instance {
	n := t.note(time.Now())
	s.crashed(dead, n)
	dead.stop()
	for {
		if n > patience && !s.pause(n) {
			return nil
		}
		inst, err := s.start(s.ctx)
		if err == nil {
			s.log.Info("plugin restarted", slog.Int("pid", inst.pid))
			s.set(Running, inst)
			return inst
		}
		if s.ctx.Err() != nil {
			return nil
		}
		n = max(patience+1, t.note(time.Now()))
		s.log.Warn("plugin did not restart", slog.Any("err", err))
		s.set(Down, nil)
	}
}

// crashed notes the n-th crash in a row.
func (s *supervisor) crashed(dead *instance, n int) {
	r := dead.report()
	s.log.Warn("plugin crashed", slog.Int("pid", dead.pid), slog.Int("in_a_row", n), slog.Any("crash", r))
	s.mu.Lock()
	s.crashes++
	s.last = r.how
	s.mu.Unlock()
	if n <= patience {
		s.set(Restarting, nil)
		return
	}
	s.set(Down, nil)
}

// pause waits before the restart after the n-th crash in a row. It reports false when the supervisor is closed.
func (s *supervisor) pause(n int) bool {
	d := min(maxPause, firstPause<<min(n-patience-1, 10))
	d = d*3/4 + rand.N(d/2) // several plugins that fell together do not get up together
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
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
