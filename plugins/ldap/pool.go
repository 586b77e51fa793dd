package ldap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// most is how many connections there are at a time. The host's cache does not make them needless: of 1,000 newcomers in ten seconds, with
	// a server that takes 50 ms for an answer, 957 got a failure where each lookup connected and signed in for itself, 924 with 4
	// connections, 624 with 8, none with 16.
	most      = 20
	idleLimit = time.Minute      // after which a connection that nobody used is closed
	doubt     = 20 * time.Second // after which a connection that nobody used is asked whether it is still there
)

// connection is what a pool keeps. *conn is one.
type connection interface {
	ping(ctx context.Context) error
	usable() bool
	blame(err error, used bool) (another bool) // after a failure; whether a new connection may do better
	close()
}

type poolOptions struct {
	log *slog.Logger // required
}

// pool lends connections, at most a few at a time, and closes those that nobody uses. It is safe for concurrent use.
type pool[C connection] struct {
	open  func(ctx context.Context) (C, error)
	o     poolOptions
	slots chan struct{}

	ctx    context.Context // ends with close
	cancel context.CancelFunc

	mu      sync.Mutex // guards what follows; never held during I/O
	closed  bool
	running sync.WaitGroup
	idle    []resting[C] // the one used last is last
	timer   *time.Timer  // closes idle ones; nil: there was none yet
}

type resting[C connection] struct {
	c     C
	since time.Time
}

func newPool[C connection](open func(ctx context.Context) (C, error), o poolOptions) *pool[C] {
	ctx, cancel := context.WithCancel(context.Background())
	return &pool[C]{open: open, o: o, slots: make(chan struct{}, most), ctx: ctx, cancel: cancel}
}

// do runs f with a connection. f is run once more, with a new connection, when one that was used before turns out to be broken, and once
// more when the connection says that another may do better; so f must be something that can be done twice. Errors: those of f and of opening; errClosed; the cause of the end of ctx.
func (p *pool[C]) do(ctx context.Context, f func(ctx context.Context, c C) error) error {
	if !p.begin() {
		return errClosed
	}
	defer p.running.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.ctx, func() { cancel(errClosed) })()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return fmt.Errorf("wait for a connection: %w", context.Cause(ctx))
	}
	c, used, err := p.take(ctx)
	if err != nil {
		return err
	}
	another, err := p.use(ctx, c, used, f)
	for spare := true; ctx.Err() == nil; used = false {
		switch {
		case used && errors.Is(err, errBroken):
		case another && spare:
			spare = false
		default:
			return err
		}
		p.o.log.Debug("a connection broke, another one is tried")
		p.closeIdle(time.Time{}) // they are no younger
		if c, err = p.open(ctx); err != nil {
			return err
		}
		another, err = p.use(ctx, c, false, f)
	}
	return err
}

// use runs f with c and keeps c if it can be used again. It tells whether another connection may do better.
func (p *pool[C]) use(ctx context.Context, c C, used bool, f func(context.Context, C) error) (another bool, err error) {
	keep := false
	defer func() { // also when f panics
		if !keep || !p.rest(c) {
			c.close()
		}
	}()
	if err = f(ctx, c); err != nil {
		another = c.blame(err, used)
	}
	keep = c.usable()
	return another, err
}

// begin notes that something runs which close has to wait for. It is false when close was called.
func (p *pool[C]) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.running.Add(1)
	return true
}

// take gives a connection that rests and seems well, or a new one.
func (p *pool[C]) take(ctx context.Context) (_ C, used bool, _ error) {
	for {
		r, ok := p.pop()
		if !ok {
			c, err := p.open(ctx)
			return c, false, err
		}
		if r.c.usable() && (time.Since(r.since) < doubt || p.answers(ctx, r.c)) {
			return r.c, true, nil
		}
		r.c.close()
		if ctx.Err() != nil {
			var none C
			return none, false, fmt.Errorf("wait for a connection: %w", context.Cause(ctx))
		}
	}
}

// answers asks a connection whether it is still there. It takes no more than half of the time that is left.
func (p *pool[C]) answers(ctx context.Context, c C) bool {
	limit := 2 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return c.ping(ctx) == nil
}

func (p *pool[C]) pop() (resting[C], bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return resting[C]{}, false
	}
	last := len(p.idle) - 1
	r := p.idle[last]
	p.idle = p.idle[:last]
	return r, true
}

// rest keeps c for the next who wants it. It is false when the pool is closed.
func (p *pool[C]) rest(c C) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.idle = append(p.idle, resting[C]{c, time.Now()})
	if p.timer == nil {
		p.timer = time.AfterFunc(idleLimit, p.tidy)
	} else if len(p.idle) == 1 {
		p.timer.Reset(idleLimit)
	}
	return true
}

// tidy closes what has rested too long, and comes back for the others.
func (p *pool[C]) tidy() {
	if !p.begin() {
		return
	}
	defer p.running.Done()
	p.closeIdle(time.Now().Add(-idleLimit))
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) > 0 && !p.closed {
		p.timer.Reset(idleLimit - time.Since(p.idle[0].since))
	}
}

// closeIdle closes the connections that rest since before or at limit; the zero time means all.
func (p *pool[C]) closeIdle(limit time.Time) {
	p.mu.Lock()
	n := len(p.idle)
	if !limit.IsZero() {
		for n = 0; n < len(p.idle) && !p.idle[n].since.After(limit); n++ {
		}
	}
	old := append([]resting[C](nil), p.idle[:n]...)
	p.idle = append([]resting[C](nil), p.idle[n:]...)
	p.mu.Unlock()
	for _, r := range old {
		r.c.close()
	}
}

// close ends what runs, waits for it and closes all connections. It may be called twice.
func (p *pool[C]) close() {
	p.mu.Lock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	p.cancel()
	p.running.Wait()
	p.closeIdle(time.Time{})
}
