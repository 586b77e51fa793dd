// Package journal is what a sidecar remembers of its decisions, in one place:
//
//   - the last decisions without values, so that an id from a help desk leads to the steps of its decision ([Journal.Last]);
//   - the last request of each person that was let in, with its values, in memory only ([Journal.LetIn]): the lock-out guard
//     tries a new configuration on them;
//   - in the store, sealed: that a person was let in at a client within 30 days, without saying which person, and, where the
//     operator wants a record, the requests with their values ([Journal.Requests]).
//
// A decision never waits for the store: [Journal.Add] puts it into a queue, and [Journal.Run] writes what has collected there in one
// transaction. [Journal.Forget] erases a person from all of it, also from what waits.
//
// The sidecar adds each decision; status, why, diff, the lock-out guard and forget read.
package journal
