package pluginhost

import (
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// key is the identity of an answer: a digest, so that no cache holds the address that somebody asked about.
type key [32]byte

// entry is an answer that came at a moment. It does not change.
type entry struct {
	answer *pipeline.Answer
	at     time.Time
}

// answers is what a host remembers: the last answer to each question, the answers of current exchanges, and the questions
// that are being asked.
type answers struct {
	kept      *otter.Cache[key, *entry]
	exchanges exchanges
	flight    singleflight.Group
}

func newAnswers(size int) (*answers, error) {
	kept, err := otter.New(&otter.Options[key, *entry]{MaximumSize: size})
	if err != nil {
		return nil, err
	}
	return &answers{kept: kept, exchanges: exchanges{size: size}}, nil
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
