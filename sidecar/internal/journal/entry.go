package journal

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// Entry is a decision: names, places and times, never values. It does not change once it is added.
type Entry struct {
	ID, RequestID     string
	Client, Connector string
	Stage, Grant      string
	Outcome           Outcome
	Rule              string     // file:line of what denied it, or where it failed; empty when the request as a whole was or did
	Refused           string     // path of the step or the pin that denied it
	Err               error      // why it failed; nil for any other outcome
	Code              codes.Code // of Err, in the contract of the hook
	At                time.Time
	Took              time.Duration
	Digest            string // of the configuration that decided; empty: none was active

	Changes []pipeline.Change // that the token got; none where there is no token
	Facts   []pipeline.Fact
	Visits  []pipeline.Visit
	Outline []pipeline.About // what Visits count in

	who *Person // nil: nobody was let in, and no account was found
}

// Values are what a decision was made from. They are kept in memory, and written nowhere but sealed.
type Values struct {
	Request *hookv1.ExtendPayloadRequest
	Input   *pipeline.Input
	Asked   []pipeline.Asked
	Sources map[string]*facts.Type // what Asked is typed by, by plugin
}

// Outcome is how a decision ended.
type Outcome string

const (
	Patched   Outcome = "patched"
	Unchanged Outcome = "unchanged"
	Denied    Outcome = "denied"
	Failed    Outcome = "failed"
)

// LetIn reports whether there is a token.
func (o Outcome) LetIn() bool { return o == Patched || o == Unchanged }

// Ended says how a run ended, and the place of what denied it or of where it failed. A nil result is that of a run that did not begin.
func Ended(r *pipeline.Result, err error) (_ Outcome, rule string) {
	if err == nil {
		switch {
		case r.Denial != nil:
			return Denied, r.Denial.Rule
		case len(r.Trace.Changes) == 0:
			return Unchanged, ""
		}
		return Patched, ""
	}
	var failed *pipeline.Error
	switch {
	case !errors.As(err, &failed):
		return Failed, ""
	case failed.Class == pipeline.Withheld:
		return Denied, failed.Pos.String() // by the configuration, and not by a rule of it
	}
	return Failed, failed.Pos.String()
}

// Counters count decisions by their outcome.
type Counters struct{ Patched, Unchanged, Denied, Failed int64 }

func (c *Counters) count(o Outcome) {
	switch o {
	case Patched:
		c.Patched++
	case Unchanged:
		c.Unchanged++
	case Denied:
		c.Denied++
	case Failed:
		c.Failed++
	}
}

// Code maps what came of a run to the code of the contract with the hook. ctx is that of the run: a plugin that gave up waiting while
// there was still time could not be asked, as one that is down.
func Code(ctx context.Context, err error) codes.Code {
	if err == nil {
		return codes.OK
	}
	var e *pipeline.Error
	switch {
	case !errors.As(err, &e):
		return codes.Internal
	case e.Class == pipeline.Oversized:
		return codes.InvalidArgument
	case e.Class == pipeline.Deadline && ctx.Err() != nil:
		return codes.DeadlineExceeded
	case e.Class == pipeline.Deadline, e.Class == pipeline.Unavailable:
		return codes.Unavailable
	case e.Class == pipeline.Withheld:
		return codes.PermissionDenied
	}
	return codes.Internal
}
