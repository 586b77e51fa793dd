package tally

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

const (
	kind      = "tally"
	age       = 30 * 24 * time.Hour
	most      = 100_000         // people at clients; the oldest go first
	often     = time.Hour       // how often somebody who comes again is written again
	queued    = 64              // visits that wait to be written; more are left out
	writeTime = 5 * time.Second // for one
	trimEvery = 10 * time.Minute
)

// Visit is a decision about a person at a client.
type Visit struct {
	Client, Connector, User string
	LetIn                   bool // otherwise refused
	Rule                    string
	At                      time.Time
}

// Tally is safe for concurrent use.
type Tally struct {
	rows  *state.Rows
	log   *slog.Logger
	queue chan Visit

	// Of Run alone.
	written map[[3]string]time.Time // by client, connector and user: of those who came since the start
	letIn   bool                    // somebody, since the start
	told    bool                    // that people are kept out
	failing bool                    // said in the log already
}

// New makes a tally, which is kept while Run runs.
func New(store *state.Store, key *state.Key, log *slog.Logger) *Tally {
	return &Tally{rows: store.Rows(kind, key), log: log, queue: make(chan Visit, queued), written: make(map[[3]string]time.Time)}
}

// Note takes note of a decision. It never waits: what cannot be kept is left out.
func (t *Tally) Note(v Visit) {
	select {
	case t.queue <- v:
	default:
	}
}

// Run keeps the tally until ctx ends, and then what is queued. It says in the log how many it knows.
func (t *Tally) Run(ctx context.Context) {
	t.within(ctx, func(ctx context.Context) error {
		if err := t.rows.Trim(ctx, most, time.Now().Add(-age)); err != nil {
			return err
		}
		n, err := t.rows.Count(ctx)
		if err == nil {
			t.log.InfoContext(ctx, "people were let in within 30 days", "people_at_clients", n)
		}
		return err
	})
	trim := time.NewTicker(trimEvery)
	defer trim.Stop()
	for {
		select {
		case <-ctx.Done():
			t.rest(ctx)
			return
		case v := <-t.queue:
			t.within(ctx, func(ctx context.Context) error { return t.keep(ctx, v) })
		case now := <-trim.C:
			t.within(ctx, func(ctx context.Context) error { return t.rows.Trim(ctx, most, now.Add(-age)) })
			for who, at := range t.written {
				if now.Sub(at) > often {
					delete(t.written, who)
				}
			}
		}
	}
}

// rest keeps what is queued when the end has come.
func (t *Tally) rest(ctx context.Context) {
	for {
		select {
		case v := <-t.queue:
			t.within(ctx, func(ctx context.Context) error { return t.keep(ctx, v) })
		default:
			return
		}
	}
}

// within gives one write its time, and logs the first of several errors.
func (t *Tally) within(ctx context.Context, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	err := do(ctx)
	if err != nil && !t.failing {
		t.log.ErrorContext(ctx, "who was let in is not remembered", "err", err)
	}
	t.failing = err != nil
}

func (t *Tally) keep(ctx context.Context, v Visit) error {
	if !v.LetIn {
		return t.refused(ctx, v)
	}
	t.letIn = true
	who := [3]string{v.Client, v.Connector, v.User}
	if at, known := t.written[who]; known && v.At.Sub(at) < often {
		return nil
	}
	if err := t.rows.Put(ctx, scope(v.Client, v.Connector), v.User, v.At, nil); err != nil {
		return err
	}
	t.written[who] = v.At
	return nil
}

// refused tells once if somebody is kept out who was let in before, while nobody at all was let in since the start.
func (t *Tally) refused(ctx context.Context, v Visit) error {
	if t.letIn || t.told {
		return nil
	}
	row, known, err := t.rows.Get(ctx, scope(v.Client, v.Connector), v.User)
	if err != nil || !known || v.At.Sub(row.At) > age {
		return err
	}
	t.told = true
	t.log.WarnContext(ctx, "somebody who was let in within 30 days is refused, and nobody was let in since the start",
		"client_id", v.Client, "connector_id", v.Connector, "rule", v.Rule)
	return nil
}

// Forget drops what is known of a user of whatever connector, at every client.
func (t *Tally) Forget(ctx context.Context, user string) error {
	rows, err := t.rows.List(ctx)
	if err != nil {
		return fmt.Errorf("forget in the tally: %w", err)
	}
	done := make(map[string]bool)
	for _, row := range rows {
		if !done[row.Scope] {
			done[row.Scope] = true
			if err := t.rows.Remove(ctx, row.Scope, user); err != nil {
				return fmt.Errorf("forget in the tally: %w", err)
			}
		}
	}
	return nil
}

// scope is where ids of users mean something. Ids of clients and connectors come from the configuration of Dex.
func scope(client, connector string) string { return client + "\n" + connector }
