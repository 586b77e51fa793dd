// Package dsm reads the local accounts of a Synology NAS, and their groups, through DSM's Web API.
//
//	c, err := dsm.New(dsm.Options{URL: "https://nas.example.org:5001", Account: "claimsmith", Password: password})
//	users, err := c.Users(ctx)
//	groups, err := c.GroupsOf(ctx, "mum")
//	err = c.Close(ctx)
//
// # Sessions
//
// The first call asks SYNO.API.Info for paths and versions and signs in; the session is kept, as a cookie and a token in a
// header, never in an address, and renewed once for a call that finds it lost. Close signs out. Nothing runs in between.
//
// # Who guesses is blocked
//
// DSM blocks the address of whoever fails to sign in a few times. A refusal of the account (a wrong password, an account
// that is switched off or locked, a blocked address ...) is therefore remembered: until Options.Pause is over each call
// gets the same error, and DSM is not asked.
//
// # Errors
//
// An *Error is an answer of DSM: a code, which means different things in different parts of the API, and a sentence
// that says what to do. ErrWebPage and its neighbours are answers that are not DSM's. Neither these nor any
// other error of this package holds a password, a session, a token, or the name or address of a person.
package dsm
