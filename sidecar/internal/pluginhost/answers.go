package pluginhost

import (
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

// answers is what a host remembers: the last answer to each question, the answers of current exchanges, and the questions
// that are being asked. What was not found has a smaller place of its own: strangers, of whom there may be any number, do
// not push out people.
type answers struct {
	mu        sync.Mutex    // held by who writes into the next two, which no reader needs
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

// newAnswers makes room for a number of answers of the common length, or for fewer that are longer.
func newAnswers(size int) (*answers, error) {
	weigh := func(_ key, e *entry) uint32 { return e.weight() }
	kept, err := otter.New(&otter.Options[key, *entry]{MaximumWeight: room(size), Weigher: weigh})
	if err != nil {
		return nil, err
	}
	missed, err := otter.New(&otter.Options[key, *entry]{MaximumWeight: max(room(size)/10, 2*bookkeeping), Weigher: weigh})
	if err != nil {
		return nil, err
	}
	return &answers{kept: kept, missed: missed, exchanges: exchanges{room: max(room(size)/4, 4*bookkeeping)}}, nil
}

// room is for that many answers, each of which weighs as much as two with next to no facts.
func room(size int) uint64 { return min(uint64(size)*2*bookkeeping, MaxKept) }

// weight is about how many bytes e takes.
func (e *entry) weight() uint32 { return bookkeeping + uint32(min(e.answer.Size, MaxAnswer))*2 } // facts are maps: longer than their JSON

// get returns the last answer to a question, or nil.
func (a *answers) get(k key) *entry {
	if e, ok := a.kept.GetIfPresent(k); ok {
		return e
	}
	e, _ := a.missed.GetIfPresent(k)
	return e
}

// put notes the last answer to a question, unless answers were dropped since it was asked. There is only one: who is not found any
// more does not come back from the cache.
func (a *answers) put(k key, e *entry, drops uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.drops.Load() != drops {
		return
	}
	into, outOf := a.kept, a.missed
	if !e.answer.Found {
		into, outOf = outOf, into
	}
	into.Set(k, e)
	outOf.Invalidate(k)
}

// putOlder notes an answer that was known before, unless there is one that is not older, by the clock on the wall, which is all that a
// store knows. It reports whether it did.
func (a *answers) putOlder(k key, e *entry) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if last := a.get(k); last != nil && !e.at.Round(0).After(last.at.Round(0)) {
		return false
	}
	a.kept.Set(k, e)
	a.missed.Invalidate(k)
	return true
}

// drop drops what matches, and what current exchanges go by. It returns how many answers matched.
func (a *answers) drop(match func(*entry) bool) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drops.Add(1)
	for _, in := range []*otter.Cache[key, *entry]{a.kept, a.missed} {
		for k, e := range in.All() {
			if match(e) {
				in.Invalidate(k)
				n++
			}
		}
	}
	a.exchanges.forget()
	return n
}

// forget drops all of them.
func (a *answers) forget() { a.drop(func(*entry) bool { return true }) }

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
