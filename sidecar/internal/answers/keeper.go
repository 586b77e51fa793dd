package answers

import (
	"context"
	"encoding/hex"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	maxWaiting = 1024            // answers that wait to be saved; the oldest go first
	saveAgain  = time.Minute     // how often an answer that did not change is saved again at most
	saveTime   = 5 * time.Second // for one write
	savePause  = 5 * time.Second // after one that failed
	flushTime  = 3 * time.Second // for what is left when the host is closed
)

// keeper has the last good answers written into a store, in the background, and reads them back.
type keeper struct {
	cache *Cache
	store Store
	log   *slog.Logger

	flight  singleflight.Group        // of loads
	resting atomic.Pointer[time.Time] // until when nothing is loaded, because the store did not answer in time; nil: never yet

	wake chan struct{}
	end  context.CancelFunc
	done chan struct{}

	// erasing is held for reading to load or write, and for writing to erase all.
	erasing sync.RWMutex

	mu       sync.Mutex
	waiting  map[key]*change
	order    []key // of waiting, the oldest first
	dropping bool  // said in the log already
	failing  bool  // the same; of the writing goroutine alone
}

// change is what shall become of a row. It stays where it waits until it is written, so that who loads can see it.
type change struct {
	plugin *Plugin
	entry  *entry // nil: the row is removed
}

func newKeeper(c *Cache, store Store) *keeper {
	k := &keeper{cache: c, store: store, log: c.o.Log, wake: make(chan struct{}, 1), done: make(chan struct{}), waiting: make(map[key]*change)}
	var ctx context.Context
	ctx, k.end = context.WithCancel(context.Background())
	go func() {
		defer close(k.done)
		k.run(ctx)
	}()
	return k
}

// keep has an answer of p saved, or, when somebody was not found, what was saved before removed. It does not wait. It is called
// before e is put into memory; old is what was there.
func (k *keeper) keep(p *Plugin, id key, e, old *entry) {
	maxStale := time.Duration(p.maxStale.Load())
	switch {
	case k == nil || maxStale == 0:
		return
	case !e.answer.Found:
		k.add(id, &change{plugin: p})
		return
	case old != nil && old.answer.Found && reflect.DeepEqual(old.answer.Facts, e.answer.Facts):
		if since := e.at.Sub(old.saved); since >= 0 && since < min(saveAgain, maxStale/10) {
			e.saved = old.saved
			return
		}
	}
	e.saved = e.at
	k.add(id, &change{plugin: p, entry: e})
}

// add puts a change into the queue, in the place of one of the same row. Where there is no room it drops the oldest answer: who
// is gone is remembered for longer, because nobody would say it again.
func (k *keeper) add(id key, c *change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.waiting[id] == nil {
		if len(k.order) >= maxWaiting {
			k.drop(max(0, slices.IndexFunc(k.order, func(id key) bool { return k.waiting[id].entry != nil })))
		}
		k.order = append(k.order, id)
	}
	k.waiting[id] = c
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *keeper) drop(i int) {
	id := k.order[i]
	dropped := k.waiting[id].plugin
	dropped.counts.add(&dropped.counts.Unsaved)
	delete(k.waiting, id)
	k.order = slices.Delete(k.order, i, i+1)
	if !k.dropping {
		k.dropping = true
		k.log.Warn("answers of plugins come faster than they can be kept: the oldest are not kept for the next start")
	}
}

// waits returns the change that waits for a row, or nil.
func (k *keeper) waits(id key) *change {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.waiting[id]
}

// run writes until ctx ends, and then what is left.
func (k *keeper) run(ctx context.Context) {
	for ctx.Err() == nil {
		if k.write(ctx) {
			select {
			case <-k.wake:
			case <-ctx.Done():
			}
			continue
		}
		select {
		case <-time.After(savePause):
		case <-ctx.Done():
		}
	}
	rest, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	k.write(rest)
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.waiting {
		c.plugin.counts.add(&c.plugin.counts.Unsaved)
	}
	if n := len(k.waiting); n > 0 {
		k.log.Warn("answers of plugins were not kept for the next start", slog.Int("answers", n))
	}
}

// write writes all that waits. It reports false when that failed: what is left waits on.
func (k *keeper) write(ctx context.Context) bool {
	for {
		id, c := k.next()
		if c == nil {
			return true
		}
		err := k.one(ctx, id, c)
		k.written(id, c, err)
		if err != nil {
			return false
		}
	}
}

func (k *keeper) next() (key, *change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.order) == 0 {
		k.dropping = false
		return key{}, nil
	}
	return k.order[0], k.waiting[k.order[0]]
}

func (k *keeper) one(ctx context.Context, id key, c *change) error {
	k.erasing.RLock()
	defer k.erasing.RUnlock()
	if k.waits(id) != c {
		return nil // it was erased, or something newer waits
	}
	ctx, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	plugin, name := c.plugin.name, hex.EncodeToString(id[:])
	if c.entry == nil {
		return k.store.Remove(ctx, plugin, name)
	}
	value, err := encodeKept(c.entry)
	if err != nil {
		return err
	}
	return k.store.Save(ctx, plugin, name, c.entry.at, value)
}

// written takes a change off the queue, or, when it failed, to the end of it, and logs the first of several errors.
func (k *keeper) written(id key, c *change, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if i := slices.Index(k.order, id); i >= 0 && (err != nil || k.waiting[id] == c) {
		k.order = slices.Delete(k.order, i, i+1)
		if err != nil {
			k.order = append(k.order, id)
		} else {
			delete(k.waiting, id)
		}
	}
	switch {
	case err != nil && !k.failing:
		k.log.Warn("answers of plugins cannot be kept for the next start", slog.Any("err", err))
	case err == nil && k.failing:
		k.log.Info("answers of plugins are kept again")
	}
	k.failing = err != nil
}

// erase drops what matches of what waits and of what is kept, and calls forget while nothing can be loaded.
func (k *keeper) erase(ctx context.Context, waits func(*change) bool, kept func(plugin string, value []byte) bool, forget func()) (int, error) {
	k.erasing.Lock()
	defer k.erasing.Unlock()
	k.mu.Lock()
	k.order = slices.DeleteFunc(k.order, func(id key) bool {
		gone := waits(k.waiting[id])
		if gone {
			delete(k.waiting, id)
		}
		return gone
	})
	k.mu.Unlock()
	defer forget()
	return k.store.Erase(ctx, kept)
}

// close writes what is left, for a time that is bounded.
func (k *keeper) close() {
	k.end()
	<-k.done
}
