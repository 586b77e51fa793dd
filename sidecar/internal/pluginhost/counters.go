package pluginhost

import "sync/atomic"

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

// tallies are Counters while they count.
type tallies struct {
	hits, exchange, misses, stale, unanswered           atomic.Int64
	calls, refreshes, failures, limited, broken, opened atomic.Int64
	loaded, unloaded, unsaved                           atomic.Int64
}

func (t *tallies) read() Counters {
	return Counters{
		Hits: t.hits.Load(), Exchange: t.exchange.Load(), Misses: t.misses.Load(), Stale: t.stale.Load(), Unanswered: t.unanswered.Load(),
		Calls: t.calls.Load(), Refreshes: t.refreshes.Load(), Failures: t.failures.Load(), Limited: t.limited.Load(),
		Broken: t.broken.Load(), Opened: t.opened.Load(),
		Loaded: t.loaded.Load(), Unloaded: t.unloaded.Load(), Unsaved: t.unsaved.Load(),
	}
}
