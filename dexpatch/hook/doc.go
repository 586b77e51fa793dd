// Package claimshook asks a service which claims a token should carry, just before Dex signs it.
//
// Dex builds the payload as ever. Extend hands it to the Hook that travels beside the signer; without one the payload
// comes back as it is. The service answers with a patch or with a refusal, never with a payload: what Dex wrote and the
// patch does not name reaches the token byte for byte, and names that belong to Dex are refused here whatever the service says.
//
// One HTTP exchange makes one call. Its reply holds a patch for the access token and one for the ID token; it is kept for
// the second signing under the request id. Where there are several services, another one is asked as well when one is silent. Login asks once more, after a connector returned an identity and before anything
// of it is stored, so that a refusal can be shown to the person (Page).
//
// Errors of this package go to the log of Dex. They name claims, rules and decision ids, never a value and never the words
// for the person; those are reachable through Page only.
package claimshook
