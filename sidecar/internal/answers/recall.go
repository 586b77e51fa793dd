package answers

import (
	"context"
	"encoding/hex"
	"log/slog"
	"time"
)

const (
	loadShare = 10                     // the part of its time for which a question waits for the store
	loadWait  = 500 * time.Millisecond // and for how long at most
	loadTime  = 5 * time.Second        // for a load, also when nobody waits for it any more
	loadRest  = time.Second            // for which a store is left alone that was slow or failed
)

// recall looks into the store for what memory does not have, and takes it into memory. A store that is slow or fails has nothing.
func (a *asker) recall(ctx context.Context, id key) {
	k := a.p.cache.keeper
	if k == nil || a.policy.MaxStale <= 0 || k.rests() {
		return
	}
	wait := loadWait
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)/loadShare)
	}
	late := time.NewTimer(wait)
	defer late.Stop()
	shared := k.flight.DoChan(string(id[:]), func() (any, error) {
		k.load(a.p, id)
		return nil, nil
	})
	select {
	case <-shared:
	case <-ctx.Done():
	case <-late.C:
		k.failed(a.p)
	}
}

// load takes a row into memory, unless memory knows better. It belongs to nobody's request.
func (k *keeper) load(p *Plugin, id key) {
	if !p.cache.begin() {
		return
	}
	defer p.cache.calls.Done()
	if !k.erasing.TryRLock() {
		return // all is being forgotten
	}
	defer k.erasing.RUnlock()
	if e := k.read(p, id); e != nil && p.cache.putOlder(id, e) {
		p.counts.add(&p.counts.Loaded)
	}
}

// read returns nil where there is nothing that can be used.
func (k *keeper) read(p *Plugin, id key) *entry {
	if c := k.waits(id); c != nil {
		return c.entry // or nil: who is gone does not come back because that is not written yet
	}
	ctx, cancel := context.WithTimeout(p.cache.ctx, loadTime)
	defer cancel()
	value, at, err := k.store.Load(ctx, p.name, hex.EncodeToString(id[:]))
	if err != nil {
		k.failed(p)
		p.log.Debug("what was kept cannot be read", slog.Any("err", err))
		return nil
	}
	now := p.cache.o.Now()
	if value == nil || at.After(now) { // the clock was set back: nobody knows how old it is
		return nil
	}
	at = running(at, now)
	e, err := p.decodeKept(value, at)
	if err != nil {
		p.counts.add(&p.counts.Unloaded)
		p.log.Debug("what was kept cannot be used")
		return nil
	}
	return e
}

// failed counts a load that brought nothing because of the store, and leaves that alone for a moment.
func (k *keeper) failed(p *Plugin) {
	p.counts.add(&p.counts.Unloaded)
	until := k.cache.o.Now().Add(loadRest)
	k.resting.Store(&until)
}

func (k *keeper) rests() bool {
	until := k.resting.Load()
	return until != nil && k.cache.o.Now().Before(*until)
}
