// Package synology is the plugin that knows the accounts of a Synology NAS: which account has this e-mail address, may it
// sign in, in which groups is it. It reads DSM's Web API, by package dsm, or a file that snapshot/snapshot.sh writes on the NAS.
//
//	sdk.Main(synology.Plugin())
//
// The accounts are read as a whole and kept in memory for as long as the configuration says. Nothing is read before
// somebody asks, and nothing while nobody does, so that a NAS may sleep. One reading serves all who ask meanwhile; the accounts
// that it gives take the place of those before in one step, and no lookup ever waits for another that is on the network, unless
// it needs the very same answer.
//
// Links in the configuration take the place of addresses, and are the only way for an administrator to be called linked.
//
// Enroll is what `claimsmith synology enroll` does: it makes DSM trust this machine, for an account with a second factor.
//
// A lookup that cannot be answered from accounts younger than that is an error: the plugin says "I don't know", and it is
// claimsmith that decides whether an older answer will do.
package synology
