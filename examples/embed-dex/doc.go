// Command embed-dex is a Dex of one's own, built from Dex's server package, with the hook beside the signer.
//
// Nothing of Dex is edited, so the hook sees what is signed and no more: the payload, and what can be read out of it. That has
// limits that the edited Dex does not have:
//
//   - scopes are not known, and of the identity only what the payload says: with the scopes of a client that does not ask
//     for email, rules see no address;
//   - access tokens and ID tokens cannot be told apart, so each is asked about by itself, as an ID token;
//   - the grant type is not known, so a rule on it does not hold, and lookups that need one are not made;
//   - nobody is asked at login or before a code is consumed: a refusal ends as Dex's own server_error, without a page.
//
// Where these matter, build Dex with claimsmith dex build.
package main
