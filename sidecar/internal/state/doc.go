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
// What decides who somebody is must not be taken for missing: [Rows.Find] and [Rows.Claim] give an error where a row does not open
// or another key was used, and Claim never writes where something is already.
//
// # Losing it
//
// Nothing here is the only copy of anything that a start needs. [Open] does not fail because a database is away: the first
// use tries again, and its caller goes on without. An SQLite file that is no database is moved aside, and a new one is made, which
// knows that it is not the first: [Store.Lost]. For what decides who somebody is that is no fresh start. A file that is gone
// cannot be told from one that never was.
package state
