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

// entry is an answer that came at a moment. It does not change, but for the mark.
type entry struct {
	answer    *pipeline.Answer
	at        time.Time
	saved     time.Time   // when what is in the store came, if this is not newer; zero: it is not kept
	refreshed atomic.Bool // it was tried to replace it before it expires: once is enough
}

// answers is what a host remembers: the last answer to each question, the answers of current exchanges, and the questions
// that are being asked. What was not found has a smaller place of its own: strangers, of whom there may be any number, do
// not push out people.
type answers struct {
	mu        sync.Mutex // held by who writes into the next two, which no reader needs
	kept      *otter.Cache[key, *entry]
	missed    *otter.Cache[key, *entry]
	exchanges exchanges
	flight    singleflight.Group
}

func newAnswers(size int) (*answers, error) {
	kept, err := otter.New(&otter.Options[key, *entry]{MaximumSize: size})
	if err != nil {
		return nil, err
	}
	missed, err := otter.New(&otter.Options[key, *entry]{MaximumSize: max(1, size/10)})
	if err != nil {
		return nil, err
	}
	return &answers{kept: kept, missed: missed, exchanges: exchanges{size: size}}, nil
}

// get returns the last answer to a question, or nil.
func (a *answers) get(k key) *entry {
	if e, ok := a.kept.GetIfPresent(k); ok {
		return e
	}
	e, _ := a.missed.GetIfPresent(k)
	return e
}

// put notes the last answer to a question. There is only one: who is not found any more does not come back from the cache.
func (a *answers) put(k key, e *entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
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

// forget drops all of them.
func (a *answers) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept.InvalidateAll()
	a.missed.InvalidateAll()
	a.exchanges.forget()
}

// exchangeTime is how long the answers of an exchange are kept at least. An exchange is one request to Dex.
const exchangeTime = 30 * time.Second

// exchanges keeps the answers of exchanges in two generations: when the younger one is full or old enough it becomes the
// older one, and what that held is forgotten.
type exchanges struct {
	size int

	mu         sync.Mutex
	young, old map[exchangeKey]*entry
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
	if x.young == nil || len(x.young) >= x.size || now.Sub(x.since) >= exchangeTime {
		x.old, x.young, x.since = x.young, map[exchangeKey]*entry{}, now
	}
	x.young[k] = &entry{answer: a, at: now}
	return a
}
