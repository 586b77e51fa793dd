package lastgood

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

const (
	kind      = "facts"
	most      = 10_000 // answers, as many as a host remembers; the oldest go first
	trimEvery = 10 * time.Minute
	trimTime  = 5 * time.Second // for one
)

// Store keeps answers by plugin and id. It is safe for concurrent use.
type Store struct {
	rows    *state.Rows
	log     *slog.Logger
	maxAge  atomic.Int64 // nanoseconds
	failing bool         // of Run alone: said in the log already
}

// New makes a store.
func New(store *state.Store, key *state.Key, log *slog.Logger) *Store {
	return &Store{rows: store.Rows(kind, key), log: log}
}

// SetMaxAge says from which age on an answer is of no use: Run deletes it then. It is zero before: nothing is of use.
func (s *Store) SetMaxAge(d time.Duration) { s.maxAge.Store(int64(d)) }

// Load returns what is kept, and since when. Nil: there is nothing, or nothing that opens.
func (s *Store) Load(ctx context.Context, plugin, id string) ([]byte, time.Time, error) {
	row, ok, err := s.rows.Get(ctx, plugin, id)
	if err != nil || !ok {
		return nil, time.Time{}, err
	}
	return row.Value, row.At, nil
}

// Save keeps a value in the place of the one that was there.
func (s *Store) Save(ctx context.Context, plugin, id string, at time.Time, value []byte) error {
	return s.rows.Put(ctx, plugin, id, at, value)
}

// Remove drops a value, if there is one.
func (s *Store) Remove(ctx context.Context, plugin, id string) error {
	return s.rows.Remove(ctx, plugin, id)
}

// Erase drops what matches, and what does not open, beyond recovery where the database can do that.
func (s *Store) Erase(ctx context.Context, match func(plugin string, value []byte) bool) (int, error) {
	return s.rows.Erase(ctx, func(r state.Row) bool { return match(r.Scope, r.Value) })
}

// Run deletes now and then what is of no use any more, until ctx ends. It begins at once, which also opens the store before
// somebody waits for it.
func (s *Store) Run(ctx context.Context) {
	trim := time.NewTicker(trimEvery)
	defer trim.Stop()
	for {
		s.trim(ctx)
		select {
		case <-ctx.Done():
			return
		case <-trim.C:
		}
	}
}

// trim logs the first of several errors.
func (s *Store) trim(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), trimTime)
	defer cancel()
	err := s.rows.Trim(ctx, most, time.Now().Add(-time.Duration(s.maxAge.Load())))
	if err != nil && !s.failing {
		s.log.WarnContext(ctx, "kept answers of plugins are not tidied up", "err", err)
	}
	s.failing = err != nil
}
