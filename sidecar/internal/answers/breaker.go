package answers

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrBroken is the error of questions that a plugin is not asked because its last answers were failures.
var ErrBroken = errors.New("not asked: its last calls failed, and it is given time to recover")

const (
	// trips is how many failures in a row open a breaker.
	trips = 5
	// firstRest is how long an open breaker lets nothing through; each trial that fails doubles it, up to maxRest.
	firstRest = 2 * time.Second
	maxRest   = 30 * time.Second
)

// breaker keeps questions from a plugin whose calls fail, so that people get the stale fact, or the failure, at once
// instead of at the end of their patience, and a directory that comes back is not met by a crowd. After a rest one call is
// let through as a trial.
//
// It is not one of the ready-made ones because of what it counts: failures must concern two questions at least, so that
// one person whose data trips a plugin cannot shut out the others, and a call that ends for a reason of its own says
// nothing.
type breaker struct {
	mu    sync.Mutex
	fails int // in a row
	first key // what the first of them was about
	mixed bool
	until time.Time // while open: when a trial is due
	rest  time.Duration
	trial bool // one is under way
}

// verdict is what a call says about the health of a plugin.
type verdict int

const (
	noVerdict verdict = iota // it ended for a reason of its own
	healthy
	failing
)

// allow reports whether a call may be made. Each call that may is followed by note.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.until.IsZero():
		return true
	case b.trial || now.Before(b.until):
		return false
	}
	b.trial = true
	return true
}

// note takes the verdict of a call. It reports whether the breaker opened with it.
func (b *breaker) note(k key, v verdict, now time.Time) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	trial := b.trial
	b.trial = false
	switch v {
	case healthy:
		b.clear()
		return false
	case noVerdict:
		return false
	}
	if !b.until.IsZero() {
		if trial { // a late failure of a call from before says nothing new
			b.rest = min(2*b.rest, maxRest)
			b.until = now.Add(b.rest)
		}
		return false
	}
	if b.fails == 0 {
		b.first, b.mixed = k, false
	}
	b.fails++
	b.mixed = b.mixed || k != b.first
	if b.fails < trips || !b.mixed {
		return false
	}
	b.rest = firstRest
	b.until = now.Add(b.rest)
	return true
}

// reset closes the breaker: there is a new process.
func (b *breaker) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

func (b *breaker) clear() {
	b.fails, b.mixed, b.until, b.rest, b.trial = 0, false, time.Time{}, 0, false
}

// state is closed, open, or trial when the next call is let through.
func (b *breaker) state(now time.Time) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.until.IsZero():
		return "closed"
	case b.trial || !now.Before(b.until):
		return "trial"
	}
	return "open"
}

// CallError is a call that brought no answer. Its text is fit for logs; what it wraps is not.
type CallError struct {
	Text    string
	Cause   error
	Unasked bool // there was no process to ask
}

func (e *CallError) Error() string { return e.Text }

// Is reports whether e was caused by target.
func (e *CallError) Is(target error) bool { return errors.Is(e.Cause, target) }

// judge says what the outcome of a call tells about the plugin and what it asks. An answer that breaks the contract is one all the
// same, and a mistake in the plugin says nothing: both may be about this one question.
func judge(err error) verdict {
	var failed *CallError
	switch {
	case err == nil:
		return healthy
	case !errors.As(err, &failed): // it answered, though not as it promised
		return healthy
	case failed.Unasked: // the supervisor knows
		return noVerdict
	case errors.Is(err, context.DeadlineExceeded):
		return failing
	}
	switch status.Code(failed.Cause) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Unauthenticated, codes.PermissionDenied:
		return failing
	case codes.Canceled, codes.OK, codes.Unknown, codes.Internal, codes.Aborted:
		return noVerdict
	}
	return healthy
}
