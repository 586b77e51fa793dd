// Package ldap is the plugin that knows the accounts of an LDAP directory: which account has this e-mail address, may it
// sign in, in which groups is it. It speaks to OpenLDAP and what is like it, to Active Directory, and to the LDAP Server
// of a Synology NAS.
//
//	sdk.Main(ldap.Plugin())
//
// Nothing is kept of what was read: each lookup asks the server, over one of a few connections that are closed when
// nobody needs them, so that a server may sleep. Of several servers the first that answers is used; one
// that failed rests for a while. All that a lookup asks goes over one connection. Each operation ends with the
// deadline of whoever asked; the connection it ran on is then closed, because nothing else stops an answer that is on its way.
//
// What the server finds is compared again here, because servers take for equal what is not one person's address: upper and
// lower case of every script, blanks, accents. Referrals are not followed.
//
// An answer that may not be whole is no answer. More groups than can be read, an attribute that must be there and is not,
// a value that cannot be decoded: all these are errors, because a rule that refuses members of a group relies on seeing it.
package ldap
