// Package state keeps what shall survive a restart of the sidecar, in SQLite or PostgreSQL, through one implementation on
// database/sql.
//
// # Rows
//
// There is one table. A row has a kind (what it is for), a scope (whose it is inside its kind), an id, a time and a value. Whoever
// uses the store gets a [Rows], which sees the rows of one kind under one key.
//
// Rows decide who somebody is, and hold what is known of people, so neither who reads nor who writes the file is trusted. Values
// are sealed with AES-256-GCM; kind, scope, id, time and the name of the key are bound to them, so that a row that was changed, put
// in the place of another or made younger does not open. A row that does not open is a miss, as is one of another key. Ids are
// kept as keyed digests: an id may be an address. What is left to see is how many rows there are, of what kind and when.
//
// What decides who somebody is must not be taken for missing. Such rows are [Bound]: one more row, sealed too, has sums of all
// and a serial number, so that one that was removed, doubled, swapped or put back is an error where it matters. That the whole
// database is an older one shows by the serial number, if the process saw a later one or a file outside the database, the anchor, did.
// An anchor is a lower bound, so each replica has its own, and one that is gone is made again. Not to be told are a database and an
// anchor that are older together, and what other replicas wrote that neither this process nor its anchor saw.
//
// # Losing it
//
// Nothing here is the only copy of anything that a start needs. [Open] does not fail because a database is away: the first
// use tries again, and its caller goes on without. An SQLite file that is no database is moved aside, and a new one is made, which
// knows that it is not the first. For what decides who somebody is that is no fresh start, and neither is a file that is gone
// where an anchor remembers it.
package state
