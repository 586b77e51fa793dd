package answers

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// key is the identity of an answer: a digest, so that no cache holds the address that somebody asked about.
type key [32]byte

// entry is an answer to a question that was put at a moment. It does not change, but for the mark and for whom it was given to.
type entry struct {
	plugin    string
	answer    *pipeline.Answer
	at        time.Time
	saved     time.Time   // when what is in the store came, if this is not newer; zero: it is not kept
	refreshed atomic.Bool // it was tried to replace it before it expires: once is enough
	about     about
}

// age is how old the knowledge is.
func (e *entry) age(now time.Time) time.Duration { return since(e.at, now) + e.answer.Age }

// Options are what a Cache needs to know. All but Store are required.
type Options struct {
	Log         *slog.Logger
	Size        int           // how many answers are kept, and a tenth of it how many of "not found"
	CallTimeout time.Duration // the longest that a lookup is waited for, with or without anybody still waiting
	CallsAtOnce int           // how many lookups may be under way to one plugin; more wait for their turn
	Store       Store         // keeps the last good answers for the next start; nil: nothing survives this one
	Now         func() time.Time
}

// ErrClosed is the error of questions after Close.
var ErrClosed = errors.New("plugin host is closed")

// Cache holds what is remembered of all plugins: the last answer to each question, the answers of current exchanges, and the questions
// that are being asked. What was not found has a smaller place of its own: strangers, of whom there may be any number, do
// not push out people. It is safe for concurrent use.
type Cache struct {
	o      Options
	keeper *keeper // nil without a store

	ctx    context.Context // ends lookups
	cancel context.CancelFunc
	calls  sync.WaitGroup

	mu        sync.Mutex    // held to write into what follows, which no reader of kept and missed needs
	closed    bool          // nothing is asked any more
	wanted    wanting       // whose facts are to be read again
	drops     atomic.Uint64 // grows when answers are dropped: one that was asked for before is not kept any more
	kept      *otter.Cache[key, *entry]
	missed    *otter.Cache[key, *entry]
	exchanges exchanges
	flight    singleflight.Group
}

const (
	// MaxAnswer is how many bytes an answer of a plugin may have.
	MaxAnswer = 4 << 20
	// MaxKept is how many bytes of answers are kept, a tenth of it of "not found", and a quarter of it for the answers of current exchanges, twice.
	MaxKept = 16 << 20
	// bookkeeping is what an answer takes beside its facts: keys, tags, and places in maps.
	bookkeeping = 512
)

// New makes room for a number of answers of the common length, or for fewer that are longer. Close must be called.
func New(o Options) (*Cache, error) {
	c := &Cache{o: o, exchanges: exchanges{room: max(room(o.Size)/4, 4*bookkeeping)}}
	for _, place := range []struct {
		in   **otter.Cache[key, *entry]
		room uint64
	}{{&c.kept, room(o.Size)}, {&c.missed, max(room(o.Size)/10, 2*bookkeeping)}} {
		var err error
		*place.in, err = otter.New(&otter.Options[key, *entry]{MaximumWeight: place.room, Weigher: func(_ key, e *entry) uint32 { return e.weight() }})
		if err != nil {
			return nil, err
		}
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if o.Store != nil {
		c.keeper = newKeeper(c, o.Store)
	}
	return c, nil
}

// Close ends what is being asked, and writes what is left for the store, for a time that is bounded. It is called once.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.calls.Wait()
	if c.keeper != nil {
		c.keeper.close()
	}
}

// begin counts a lookup in, so that Close waits for it. It reports false after Close.
func (c *Cache) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.calls.Add(1)
	}
	return !c.closed
}

// room is for that many answers, each of which weighs as much as two with next to no facts.
func room(size int) uint64 { return min(uint64(size)*2*bookkeeping, MaxKept) }

// weight is about how many bytes e takes.
func (e *entry) weight() uint32 { return bookkeeping + uint32(min(e.answer.Size, MaxAnswer))*2 } // facts are maps: longer than their JSON

// get returns the last answer to a question, or nil.
func (c *Cache) get(k key) *entry {
	if e, ok := c.kept.GetIfPresent(k); ok {
		return e
	}
	e, _ := c.missed.GetIfPresent(k)
	return e
}

// put notes the last answer to a question, unless answers were dropped since it was asked. There is only one: who is not found any
// more does not come back from the cache.
func (c *Cache) put(k key, e *entry, drops uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops.Load() != drops {
		return
	}
	into, outOf := c.kept, c.missed
	if !e.answer.Found {
		into, outOf = outOf, into
	}
	into.Set(k, e)
	outOf.Invalidate(k)
}

// putOlder notes an answer that was known before, unless there is one that is not older, by the clock on the wall, which is all that a
// store knows. It reports whether it did.
func (c *Cache) putOlder(k key, e *entry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last := c.get(k); last != nil && !e.at.Round(0).After(last.at.Round(0)) {
		return false
	}
	c.kept.Set(k, e)
	c.missed.Invalidate(k)
	return true
}

// drop drops what matches, and what current exchanges go by. It returns how many answers matched.
func (c *Cache) drop(match func(*entry) bool) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops.Add(1)
	for _, in := range []*otter.Cache[key, *entry]{c.kept, c.missed} {
		for k, e := range in.All() {
			if match(e) {
				in.Invalidate(k)
				n++
			}
		}
	}
	c.exchanges.forget()
	return n
}

// forget drops all of them.
func (c *Cache) forget() { c.drop(func(*entry) bool { return true }) }

// exchangeTime is how long the answers of an exchange are kept at least. An exchange is one request to Dex.
const exchangeTime = 30 * time.Second

// exchanges keeps the answers of exchanges in two generations: when the younger one is full or old enough it becomes the
// older one, and what that held is forgotten.
type exchanges struct {
	room uint64 // in bytes, for each

	mu         sync.Mutex
	young, old map[exchangeKey]*entry
	held       uint64 // by young
	since      time.Time
}

type exchangeKey struct {
	exchange string
	key      key
}

// get returns nil when there is none.
func (x *exchanges) get(k exchangeKey, now time.Time) *pipeline.Answer {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.find(k, now)
}

func (x *exchanges) find(k exchangeKey, now time.Time) *pipeline.Answer {
	for _, generation := range []map[exchangeKey]*entry{x.young, x.old} {
		if e := generation[k]; e != nil && now.Sub(e.at) < 2*exchangeTime {
			return e.answer
		}
	}
	return nil
}

// put notes a as the answer of an exchange, and returns the one that was there first.
func (x *exchanges) put(k exchangeKey, a *pipeline.Answer, now time.Time) *pipeline.Answer {
	x.mu.Lock()
	defer x.mu.Unlock()
	if first := x.find(k, now); first != nil {
		return first
	}
	if x.young == nil || x.held >= x.room || now.Sub(x.since) >= exchangeTime {
		if now.Sub(x.since) >= 2*exchangeTime {
			x.young = nil // it is older than anybody asks for
		}
		x.old, x.young, x.since, x.held = x.young, map[exchangeKey]*entry{}, now, 0
	}
	e := &entry{answer: a, at: now}
	x.young[k] = e
	x.held += uint64(e.weight()) + uint64(len(k.exchange))
	return a
}
