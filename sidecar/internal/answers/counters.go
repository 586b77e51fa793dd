package answers

import "sync"

// Counters are what became of the questions to a plugin since it was started. Each question that rules ask is one of Hits,
// Misses and Exchange; each miss ends as an answer of the plugin, as Stale or as Unanswered.
type Counters struct {
	Hits       int64 // answered from what is fresh
	Exchange   int64 // answered as before in the same exchange
	Misses     int64 // nothing fresh was there
	Stale      int64 // of the misses: answered with what is old, because the plugin failed
	Unanswered int64 // of the misses: not answered

	Calls     int64 // that reached the plugin; one call may answer many misses
	Refreshes int64 // tried before what was asked for expired, with nobody waiting
	Failures  int64 // of the calls: without an answer that can be used
	Limited   int64 // not asked: too many new questions, or too many calls under way
	Broken    int64 // not asked: the breaker is open
	Opened    int64 // how often the breaker opened

	Loaded   int64 // answers that came from the store
	Unloaded int64 // looks into the store that brought nothing because it was slow, failed, or held what cannot be used
	Unsaved  int64 // answers, or the news that somebody is gone, that did not get into the store
}

// counts are Counters while they count.
type counts struct {
	mu sync.Mutex
	Counters
}

// add counts one more of what n, which is one of c, counts.
func (c *counts) add(n *int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
}

func (c *counts) read() Counters {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Counters
}
