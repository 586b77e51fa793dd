// Package links keeps which account belongs to whom: a person, by connector and user id, and an account of a plugin, by name and
// by what else it is known by. A person has one account with a plugin, and an account one person.
//
// A link is kept as a row for each of its sides, all written at once or not at all, so that the database itself keeps two people
// from one account, also when several sidecars share it. What cannot be read is an error, never "not linked", and so is
// what is not there after links were lost, or while there are some of another key: the next one to come may not be who came first.
// The rows are bound together, as package state has it, so that this holds too where somebody changed them, or put back an older store.
// Links of a version that did not bind them do not hold until the operator accepts them: a store of which somebody took the binding
// away looks the same.
//
// Of the person's address a link keeps a keyed digest, by which it is found when the person is to be forgotten. It decides nothing.
package links
