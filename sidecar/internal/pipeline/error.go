package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// Class says what kind of failure an Error is.
type Class int

const (
	Internal    Class = iota // a rule failed, or gave what no token may carry
	Unavailable              // a lookup that is needed could not be made
	Deadline                 // the time was over
	Withheld                 // a lookup that is needed is never made for such a request: it will be so the next time
	Oversized                // the request is beyond a limit
	Unfit                    // a value of the request is none that the rules, or a token, can hold
)

// NotAsked is the error of a rule that reads facts of a lookup which was not made.
type NotAsked struct{ Alias string }

func (e *NotAsked) Error() string { return e.Alias + " was not asked" }

// ErrUnfit is wrapped by a failure of which a value of the request is the reason, and nothing in the file: it is beyond a documented limit, or none
// that a token may carry.
var ErrUnfit = errors.New("the value does not fit")

// ErrLookupFailed is wrapped by the failure of a rule that reads facts of a lookup that failed, and after which the steps went on.
var ErrLookupFailed = errors.New("the lookup failed")

// errMissing is that of a contract: a claim is not there.
var errMissing = errors.New("is missing")

// Error is a failure: nothing was decided. Its text names steps and claims, never values.
type Error struct {
	Class Class
	Path  string // of the step or value; empty when the run as a whole failed
	Pos   Pos
	Err   error
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%s: %v", e.Path, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

func failure(s *Step, part string, err error) error { return failureAt(s.Path+part, s.Pos, err) }

func failureAt(path string, pos Pos, err error) error {
	return &Error{Class: classOf(err, Internal), Path: path, Pos: pos, Err: err}
}

// withholding says which lookup is to blame, where a rule or a contract wants what one that is not made for such requests would have brought.
func (r *run) withholding(err error) error {
	var e *Error
	var unasked *NotAsked
	if !errors.As(err, &e) {
		return err
	}
	for _, s := range r.withheld {
		alias := s.Lookup.Alias
		switch {
		case errors.As(err, &unasked) && unasked.Alias == alias, errors.Is(err, errMissing):
		default:
			continue
		}
		why := fmt.Sprintf("the lookup %s (%s) is not made for the grant %q: add it to grants: of the lookup, or look at %s.asked first", alias, s.Pos, r.in.Grant, alias)
		if !r.in.IsUser() {
			why = fmt.Sprintf("the lookup %s (%s) is made for people only, which grants: does not change: look at %s.asked first", alias, s.Pos, alias)
		}
		return &Error{Class: Withheld, Path: e.Path, Pos: e.Pos, Err: fmt.Errorf("%w: %s", e.Err, why)}
	}
	return err
}

// classOf tells a deadline, and a value that does not fit, from anything else.
func classOf(err error, otherwise Class) Class {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Deadline
	}
	if errors.Is(err, ErrUnfit) || errors.Is(err, claims.ErrUnfit) || errors.Is(err, errAsserted) {
		return Unfit
	}
	if errors.Is(err, ErrLookupFailed) {
		return Unavailable
	}
	return otherwise
}

// String gives file:line, which is what the log needs to find a rule.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line)
}
