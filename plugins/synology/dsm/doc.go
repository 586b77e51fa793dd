// Package dsm reads the accounts of a Synology NAS, and their groups, through DSM's Web API, from DSM 6.2 to 7.4. It goes by what
// SYNO.API.Info says, never by the number of a release: paths, versions, and whether groups can be asked for by user (7.2 and
// newer) or by their members only, which takes one call for up to 20 groups. Accounts are local, of an LDAP directory or of a domain.
//
//	c, err := dsm.New(dsm.Options{URL: "https://nas.example.org:5001", Account: "claimsmith", Password: password})
//	users, err := c.Users(ctx)
//	groups, err := c.GroupsOf(ctx, "mum")
//	err = c.Close(ctx)
//
// # Sessions
//
// The first call asks SYNO.API.Info for paths and versions and signs in; the session is kept, as a cookie and a token in a
// header, never in an address, and renewed once for a call that finds it lost; where the new one is lost at once too, the next login
// waits a minute. Close signs out. Nothing runs in between.
//
// An account with a second factor needs a trusted device: Enroll has DSM name one, after a one-time code, and Options.Device gives it
// to each login.
//
// # Who guesses is blocked
//
// DSM blocks the address of whoever fails to sign in a few times. A refusal of the account (a wrong password, an account
// that is switched off or locked, a blocked address ...) is therefore remembered: until Options.Pause is over each call
// gets a *Paused with the same refusal and the end of the pause, and DSM is not asked. Any refusal is forgotten as soon as there
// is another password, and one for want of a second factor as soon as another device is known.
//
// # Errors
//
// An *Error is an answer of DSM: a code, which means different things in different parts of the API, and a sentence
// that says what to do. ErrWebPage and its neighbours are answers that are not DSM's. Neither these nor any
// other error of this package holds a password, a session, a token, or the name or address of a person.
package dsm
