// Package tally remembers who was let in within 30 days, without saying who: of a person at a client it keeps a keyed digest and
// when that was, and no value. It survives a restart, so that a configuration that suddenly lets nobody in is noticed although
// nothing of what it was tried on is left.
package tally
