package pipeline

import (
	"context"
	"errors"
	"fmt"
)

// Class says what kind of failure an Error is.
type Class int

const (
	Internal    Class = iota // a rule failed, or gave what no token may carry
	Unavailable              // a lookup that is needed could not be made
	Deadline                 // the time was over
	Oversized                // the request is beyond a limit
)

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

// classOf tells a deadline from anything else.
func classOf(err error, otherwise Class) Class {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Deadline
	}
	return otherwise
}

// String gives file:line, which is what the log needs to find a rule.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}
