// Package record keeps the last decisions: in memory and without values always ([Ring]), so that an id from a help desk leads to
// the steps of its decision; and, where the operator wants that, the requests with their values in a store ([Keeper]).
//
// What leaves a record as an example for others goes through [Pseudonyms] first.
package record
