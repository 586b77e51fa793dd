// Package stores opens what survives a restart: the journal, links and the last good facts, in one store of sealed rows. A server
// starts without a store that cannot be used now, and goes on without it as far as that is safe. The engine keeps one, replay reads it.
package stores
