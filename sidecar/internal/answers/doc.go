// Package answers remembers what plugins answered, and decides when one is asked: cache, shared calls, limits, breaker, and the store that
// carries answers past a restart. It knows no process: package pluginhost gives it a function for each plugin ([Lookup]).
//
// The age that a plugin gives an answer counts against all limits. Answers are remembered with digests of whom they were given to, by which [Cache.Drop] finds them.
//
// An answer must fit the schema that the plugin described. One that does not is a failure, never half an answer. See
// [Policy] for what is kept, for how long, and what is served when the plugin fails. "Not found" is never served
// stale. An answer that is asked for in the last fifth of its time is replaced in the background, so that people who sign in
// often never wait; nothing is ever asked of its own accord.
//
// With a [Store] the last good answers of lookups with a MaxStale survive the process. Memory comes first; what it does not have
// is looked for in the store, for a short part of the time that there is, and judged by the same rules with the age that it has
// then. Writing is nobody's to wait for: a bounded queue, flushed when the host is closed. Only "found" is kept, and "not found"
// removes it, for all who share the store. Two replicas that share one start with what the other knew; from then on each goes by
// its own memory.
//
// What keeps a plugin from harm, and people from waiting for one that is harmed: calls shared by all who ask the same,
// [Options].CallsAtOnce, a limit on questions about strangers, and a breaker ([ErrBroken]). [Counters] tell of each.
package answers
