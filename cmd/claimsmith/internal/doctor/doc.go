// Package doctor goes through the chain from the sidecar's socket to DSM and to Dex, and says in plain words what is well, what is not and
// what to do about it.
//
// It changes nothing. It signs in to a NAS once, as the account of the plugin; only when DSM took that, and an address was given to try, the
// plugin itself signs in as well. A refused login is never repeated, because DSM blocks the address of whoever guesses.
package doctor
