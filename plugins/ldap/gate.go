package ldap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// pause is how long no login is tried after the server refused one.
const pause = 15 * time.Minute

// gateOptions are required, all of them.
type gateOptions struct {
	log *slog.Logger
	now func() time.Time
}

// gate lets one login through at a time, and none for a while after one that was refused: servers lock an account whose password is
// guessed. A login with another password is another login. It is safe for concurrent use.
type gate struct {
	o    gateOptions
	turn chan struct{}

	mu       sync.Mutex // guards what follows
	no       error
	noAt     time.Time
	password string // that was refused
}

// errWaited is the end of somebody who waited for the login of another connection.
var errWaited = errors.New("wait for another login")

func newGate(o gateOptions) *gate { return &gate{o: o, turn: make(chan struct{}, 1)} }

// refused is the remembered refusal of a password while the pause lasts.
func (g *gate) refused(password string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.no != nil && g.password == password && g.o.now().Sub(g.noAt) < pause {
		return g.no
	}
	return nil
}

// pass runs login when it is its turn, unless the gate is shut by then.
func (g *gate) pass(ctx context.Context, password string, login func() error) error {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errWaited, context.Cause(ctx))
	}
	if err := g.refused(password); err != nil {
		return err
	}
	err := login()
	g.remember(password, err)
	return err
}

func (g *gate) remember(password string, err error) {
	var no *refusal
	if err != nil && !errors.As(err, &no) {
		return // nobody judged the account
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if no == nil || !no.stopsLogins() {
		g.no = nil
		return
	}
	g.no, g.noAt, g.password = err, g.o.now(), password
	g.o.log.Warn("login refused, none is tried until the pause is over", "code", no.code, "pause", pause)
}
