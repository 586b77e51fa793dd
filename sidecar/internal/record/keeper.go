package record

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

const (
	queued      = 64               // requests that wait to be written; more are not recorded
	writeTime   = 5 * time.Second  // for one write
	trimEvery   = 10 * time.Minute // where nothing is written
	kindRequest = "requests"
)

// KeeperOptions are what a Keeper needs to know. All but Now are required.
type KeeperOptions struct {
	Store  *state.Store
	Key    *state.Key
	Max    int           // how many requests are kept
	MaxAge time.Duration // and how long
	Log    *slog.Logger
	Now    func() time.Time // defaults to time.Now
}

// Keeper writes requests into a store, behind the back of who decides them: that never waits. It is safe for concurrent use.
type Keeper struct {
	o       KeeperOptions
	rows    *state.Rows
	queue   chan job
	dropped atomic.Int64
	failing bool // of Run alone: said in the log already
}

// job is a request to be written, or somebody who waits for all before it.
type job struct {
	id    string
	at    time.Time
	value func() ([]byte, error)
	done  chan<- struct{}
}

// NewKeeper makes a keeper. It writes while Run runs.
func NewKeeper(o KeeperOptions) *Keeper {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Keeper{o: o, rows: o.Store.Rows(kindRequest, o.Key), queue: make(chan job, queued)}
}

// Keep records a request. value is called later, in another goroutine: what it reads must not change.
func (k *Keeper) Keep(id string, at time.Time, value func() ([]byte, error)) {
	select {
	case k.queue <- job{id: id, at: at, value: value}:
	default:
		k.dropped.Add(1)
	}
}

// Dropped returns how many requests were not recorded.
func (k *Keeper) Dropped() int64 { return k.dropped.Load() }

// Run writes until ctx ends, and then what is queued.
func (k *Keeper) Run(ctx context.Context) {
	ticker := time.NewTicker(trimEvery)
	defer ticker.Stop()
	k.trim(ctx)
	for {
		select {
		case <-ctx.Done():
			k.rest()
			return
		case <-ticker.C:
			k.trim(ctx)
		case j := <-k.queue:
			k.do(ctx, j)
			if len(k.queue) == 0 {
				k.trim(ctx)
			}
		}
	}
}

// rest writes what is queued when the end has come.
func (k *Keeper) rest() {
	ctx, cancel := context.WithTimeout(context.Background(), writeTime)
	defer cancel()
	for {
		select {
		case j := <-k.queue:
			k.do(ctx, j)
		default:
			k.trim(ctx)
			return
		}
	}
}

func (k *Keeper) do(ctx context.Context, j job) {
	if j.done != nil {
		close(j.done)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	value, err := j.value()
	if err == nil {
		err = k.rows.Put(ctx, "", j.id, j.at, value)
	}
	if err != nil {
		k.dropped.Add(1)
	}
	k.tell(ctx, err)
}

func (k *Keeper) trim(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	k.tell(ctx, k.rows.Trim(ctx, k.o.Max, k.oldest()))
}

// tell logs the first of several errors, and their end.
func (k *Keeper) tell(ctx context.Context, err error) {
	switch {
	case err != nil && !k.failing:
		k.o.Log.ErrorContext(ctx, "requests are not recorded", "err", err)
	case err == nil && k.failing:
		k.o.Log.InfoContext(ctx, "requests are recorded again")
	}
	k.failing = err != nil
}

func (k *Keeper) oldest() time.Time { return k.o.Now().Add(-k.o.MaxAge) }

// settled waits until all that was kept before is written.
func (k *Keeper) settled(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case k.queue <- job{done: done}:
	case <-ctx.Done():
		return fmt.Errorf("wait for the record: %w", ctx.Err())
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the record: %w", ctx.Err())
	}
}

// Get returns a recorded request. It reports false when there is none. As List and Forget it needs Run to be running.
func (k *Keeper) Get(ctx context.Context, id string) ([]byte, bool, error) {
	if err := k.settled(ctx); err != nil {
		return nil, false, err
	}
	row, ok, err := k.rows.Get(ctx, "", id)
	return row.Value, ok && row.At.After(k.oldest()), err
}

// List returns the recorded requests, the newest first.
func (k *Keeper) List(ctx context.Context) ([][]byte, error) {
	if err := k.settled(ctx); err != nil {
		return nil, err
	}
	rows, err := k.rows.List(ctx)
	var out [][]byte
	for _, row := range rows {
		if row.At.After(k.oldest()) && len(out) < k.o.Max {
			out = append(out, row.Value)
		}
	}
	return out, err
}

// Count returns how many requests are kept.
func (k *Keeper) Count(ctx context.Context) (int, error) {
	if err := k.settled(ctx); err != nil {
		return 0, err
	}
	return k.rows.Count(ctx)
}

// Forget erases the requests that match, and returns how many did. Requests that cannot be read any more go with them.
func (k *Keeper) Forget(ctx context.Context, match func(value []byte) bool) (int, error) {
	if err := k.settled(ctx); err != nil {
		return 0, err
	}
	return k.rows.Erase(ctx, func(r state.Row) bool { return match(r.Value) })
}
