// Package synology is the plugin that knows the accounts of a Synology NAS: which local account has this e-mail address,
// may it sign in, in which groups is it.
//
//	sdk.Main(synology.Plugin())
//
// The accounts are read as a whole and kept in memory for as long as the configuration says. Nothing is read before
// somebody asks, and nothing while nobody does, so that a NAS may sleep. One reading serves all who ask meanwhile; the accounts
// that it gives take the place of those before in one step, and no lookup ever waits for another that is on the network, unless
// it needs the very same answer.
//
// A lookup that cannot be answered from accounts younger than that is an error: the plugin says "I don't know", and it is
// claimsmith that decides whether an older answer will do.
package synology
