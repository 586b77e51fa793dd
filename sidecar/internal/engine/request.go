package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/links"
	"github.com/claimsmith/claimsmith/sidecar/internal/observe"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/wire"
)

// decisionTrailer carries the decision id of a failure, which has no reply to carry it.
const decisionTrailer = "claimsmith-decision-id"

// service answers the hook. It reads the active rules once for a request, so a reload never changes a request under way.
type service struct {
	hookv1.UnimplementedClaimsHookServiceServer
	acquire func() *Generation // nil when there is none; held for the call
	noted   func(*call)        // of each, once it is over; nil: nobody remembers
	links   *links.Store       // of the pins; nil: none can be read or made
	tracing *observe.Tracing   // nil: nothing is traced
	log     *slog.Logger
}

// call is one request on its way.
type call struct {
	journal.Entry
	journal.Values
	result *pipeline.Result     // nil before the steps ran
	active *Generation          // what decided; nil when nothing was active. Only what outlives it is read once the call is over
	span   *observe.RequestSpan // nil: not traced
}

// ExtendPayload is the way of a request, from top to bottom. Errors carry the codes of the contract.
func (s *service) ExtendPayload(ctx context.Context, req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	c := newCall(req)
	ctx, c.span = s.tracing.Begin(ctx)
	c.fail(s.guarded(ctx, req, c))
	c.close()
	observe.LogDecision(ctx, s.log, &c.Entry)
	c.span.End(&c.Entry)
	if s.noted != nil {
		s.noted(c)
	}
	if c.Err != nil {
		// Without a stream to put it on, as in a direct call from a test, the id is in the log only.
		_ = grpc.SetTrailer(ctx, metadata.Pairs(decisionTrailer, c.ID))
		return nil, status.Error(c.Code, c.Err.Error())
	}
	return wire.Reply(c.ID, c.result), nil
}

// decide decodes the request, runs the steps of the active configuration on it, and makes the links that follow.
func (s *service) decide(ctx context.Context, req *hookv1.ExtendPayloadRequest, c *call) (codes.Code, error) {
	c.active = s.acquire()
	if c.active == nil {
		return codes.FailedPrecondition, errors.New("no configuration is active")
	}
	defer c.active.Release()
	set := c.active.Set
	in, err := wire.Input(req)
	if err != nil {
		return codes.InvalidArgument, err
	}
	if err := needs(set, req); err != nil {
		return codes.FailedPrecondition, err
	}
	ctx, cancel := withBudget(ctx, set.Budget)
	defer cancel()
	in.Bond, in.Now = s.bond, c.At
	c.Input, c.Sources = in, c.active.sources
	c.result, err = c.span.Run(ctx, set.Pipeline, in)
	c.Asked = c.result.Asked
	if err == nil && c.result.Denial == nil {
		err = s.link(ctx, c)
	}
	return journal.Code(ctx, err), err
}

// guarded lets one request fail, and not all of them, where the code is wrong. What a panic says may hold values, so only its
// place is logged.
func (s *service) guarded(ctx context.Context, req *hookv1.ExtendPayloadRequest, c *call) (code codes.Code, err error) {
	defer func() {
		if recover() == nil {
			return
		}
		s.log.ErrorContext(ctx, "this is a bug in claimsmith, please report it", "decision_id", c.ID, "at", panicked())
		code, err = codes.Internal, errors.New("a bug in claimsmith kept it from deciding")
	}()
	return s.decide(ctx, req, c)
}

// panicked names the functions that led to the panic being recovered from, the innermost first.
func panicked() []string {
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])]) // without Callers, panicked and who recovers
	var at []string
	for {
		frame, more := frames.Next()
		if frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") {
			at = append(at, fmt.Sprintf("%s (%s:%d)", frame.Function, filepath.Base(frame.File), frame.Line))
		}
		if !more || len(at) == 8 {
			return at
		}
	}
}

// newCall notes what may be logged and remembered of a request, whatever comes of it.
func newCall(req *hookv1.ExtendPayloadRequest) *call {
	known := wire.Cut(req)
	return &call{Values: journal.Values{Request: known}, Entry: journal.Entry{
		ID: newDecisionID(), At: time.Now(), Stage: wire.StageName(known.GetStage()),
		RequestID: known.GetRequestId(), Client: known.GetClientId(), Connector: known.GetConnectorId(), Grant: known.GetGrantType(),
	}}
}

// idAlphabet is that of base32 without the letters that are read wrong on the telephone (I, L, O, U).
const idAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newDecisionID returns 40 random bits in a form that can be read out: 7K2M-Q9XD.
func newDecisionID() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the process instead
	id := [9]byte{4: '-'}
	for i, b := range random {
		id[i+i/4] = idAlphabet[b%32]
	}
	return string(id[:])
}

// fail notes a failure. The text of err holds no values.
func (c *call) fail(code codes.Code, err error) { c.Code, c.Err = code, err }

// close says how the call ended.
func (c *call) close() {
	c.Outcome, c.Rule = journal.Ended(c.result, c.Err)
	if c.active != nil {
		c.Digest, c.Outline = c.active.Digest, c.active.Set.Pipeline.Outline
	}
	if r := c.result; r != nil {
		c.Facts, c.Visits = r.Trace.Facts, r.Trace.Visits
		switch {
		case c.Err != nil: // steps may have set claims before one refused or failed: nobody got these
		case r.Denial != nil:
			c.Refused = r.Denial.Path
		default:
			c.Changes = r.Trace.Changes
		}
	}
	c.Took = time.Since(c.At)
}

// withBudget gives the request its share of time: the budget, or what the caller will wait less the time an answer needs.
func withBudget(ctx context.Context, budget time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		budget = min(budget, left-min(left/10, 100*time.Millisecond))
	}
	return context.WithTimeout(ctx, budget)
}

// needs reports a feature that the rules need and the hook lacks.
func needs(set *compile.Set, req *hookv1.ExtendPayloadRequest) error {
	if set.Lookups && req.GetStage() == hookv1.Stage_STAGE_TOKEN && !slices.Contains(req.GetFeatures(), "grant-type") {
		return errors.New("the hook in Dex does not tell the grant type, which lookups need: build Dex again with this version of claimsmith")
	}
	return nil
}
