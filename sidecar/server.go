package sidecar

import (
	"context"
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
	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/links"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// decisionTrailer carries the decision id of a failure, which has no reply to carry it.
const decisionTrailer = "claimsmith-decision-id"

// service answers the hook. It reads the active rules once for a request, so a reload never changes a request under way.
type service struct {
	hookv1.UnimplementedClaimsHookServiceServer
	acquire func() *generation                                                  // nil when there is none; held for the call
	decided func(*generation, string, *pipeline.Input, *pipeline.Result, error) // of each that the rules made; nil: nobody
	told    func(*decision)                                                     // of each, once it is made; nil: nobody is
	links   *links.Store                                                        // of the pins; nil: none can be read or made
	tracing *tracing                                                            // nil: nothing is traced
	log     *slog.Logger
}

// ExtendPayload decodes, runs the pipeline, logs the decision and encodes; errors carry the codes of the contract.
func (s *service) ExtendPayload(ctx context.Context, req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	d := decision{id: newDecisionID(), start: time.Now(), request: cut(req)}
	ctx, d.span = s.tracing.begin(ctx)
	reply, err := s.guarded(ctx, req, &d)
	if err != nil {
		// Without a stream to put it on, as in a direct call from a test, the id is in the log only.
		_ = grpc.SetTrailer(ctx, metadata.Pairs(decisionTrailer, d.id))
	}
	d.log(ctx, s.log)
	if s.told != nil {
		s.told(&d)
	}
	d.span.end(&d)
	return reply, err
}

// guarded lets one request fail, and not all of them, where the code is wrong. What a panic says may hold values, so only its
// place is told, in the log.
func (s *service) guarded(ctx context.Context, req *hookv1.ExtendPayloadRequest, d *decision) (reply *hookv1.ExtendPayloadResponse, err error) {
	defer func() {
		if recover() == nil {
			return
		}
		s.log.ErrorContext(ctx, "this is a bug in claimsmith, please report it", "decision_id", d.id, "at", panicked())
		reply, err = nil, d.fail(codes.Internal, errors.New("a bug in claimsmith kept it from deciding"))
	}()
	return s.decide(ctx, req, d)
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

func (s *service) decide(ctx context.Context, req *hookv1.ExtendPayloadRequest, d *decision) (*hookv1.ExtendPayloadResponse, error) {
	active := s.acquire()
	if active == nil {
		return nil, d.fail(codes.FailedPrecondition, errors.New("no configuration is active"))
	}
	defer active.release()
	d.active = active
	set := active.set
	in, err := input(req)
	if err != nil {
		return nil, d.fail(codes.InvalidArgument, err)
	}
	if err := set.needs(req); err != nil {
		return nil, d.fail(codes.FailedPrecondition, err)
	}
	ctx, cancel := withBudget(ctx, set.budget)
	defer cancel()
	in.Bond = s.bond
	result, err := d.span.run(ctx, set.pipeline, in)
	d.trace, d.asked = result.Trace, result.Asked
	reply := &hookv1.ExtendPayloadResponse{DecisionId: d.id}
	if err == nil && result.Denial == nil {
		reply.Outcome = patches(result)
		err = s.settle(ctx, d, in, result)
	}
	if s.decided != nil {
		s.decided(active, d.id, in, result, err)
	}
	if err != nil {
		return nil, d.fail(codeOf(ctx, err), err)
	}
	if result.Denial != nil {
		d.denial = result.Denial
		reply.Outcome = &hookv1.ExtendPayloadResponse_Denial{Denial: &hookv1.Denial{Message: result.Denial.Message, Rule: result.Denial.Rule}}
	}
	return reply, nil
}

// withBudget gives the request its share of time: the budget, or what the caller will wait less the time an answer needs.
func withBudget(ctx context.Context, budget time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		budget = min(budget, left-min(left/10, 100*time.Millisecond))
	}
	return context.WithTimeout(ctx, budget)
}

// codeOf maps a failure of a run to the code of the contract. ctx is that of the run: a plugin that gave up waiting while there
// was still time could not be asked, as one that is down.
func codeOf(ctx context.Context, err error) codes.Code {
	var e *pipeline.Error
	if !errors.As(err, &e) {
		return codes.Internal
	}
	switch {
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

// input translates the wire to what the pipeline knows. Errors name members of the request, never values.
func input(req *hookv1.ExtendPayloadRequest) (*pipeline.Input, error) {
	if err := wireFields(req).Check(); err != nil { // Run says so too, but this is before the payload is read
		return nil, err
	}
	payload, err := claims.Parse(req.GetPayload())
	if err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	id := req.GetIdentity()
	in := &pipeline.Input{
		Payload: payload,
		Identity: pipeline.Identity{
			UserID: id.GetUserId(), Username: id.GetUsername(), PreferredUsername: id.GetPreferredUsername(),
			Email: id.GetEmail(), EmailVerified: id.GetEmailVerified(), Groups: id.GetGroups(),
		},
		Connector: req.GetConnectorId(), Client: req.GetClientId(), Audience: req.GetAudience(), Scopes: req.GetScopes(),
		Grant: req.GetGrantType(), RequestID: req.GetRequestId(),
	}
	switch req.GetStage() {
	case hookv1.Stage_STAGE_LOGIN:
		in.Stage = pipeline.StageLogin
	case hookv1.Stage_STAGE_TOKEN:
		in.Stage = pipeline.StageToken
	default:
		return nil, errors.New("the request names no stage that is known here")
	}
	for _, kind := range req.GetTokenKinds() {
		switch kind {
		case hookv1.TokenKind_TOKEN_KIND_ACCESS:
			in.Kinds = append(in.Kinds, pipeline.KindAccess)
		case hookv1.TokenKind_TOKEN_KIND_ID:
			in.Kinds = append(in.Kinds, pipeline.KindID)
		default:
			return nil, errors.New("the request names a kind of token that is not known here")
		}
		if len(in.Kinds) == 3 {
			return nil, errors.New("the request names a kind of token twice")
		}
	}
	switch {
	case id == nil:
		return nil, errors.New("the request has no identity")
	case in.Client == "":
		return nil, errors.New("the request names no client")
	case len(in.Audience) == 0:
		return nil, errors.New("the request names no audience")
	case len(in.Kinds) == 0:
		return nil, errors.New("the request names no kind of token")
	}
	return in, nil
}

func patches(r *pipeline.Result) *hookv1.ExtendPayloadResponse_Patches {
	out := &hookv1.Patches{}
	for kind, p := range r.Patches {
		wire := &hookv1.Patch{Remove: p.Remove}
		if len(p.Set) > 0 {
			wire.Set = make(map[string][]byte, len(p.Set))
			for name, value := range p.Set {
				wire.Set[name] = value
			}
		}
		if kind == pipeline.KindAccess {
			out.AccessToken = wire
		} else {
			out.IdToken = wire
		}
	}
	return &hookv1.ExtendPayloadResponse_Patches{Patches: out}
}

// cut returns a request as it may be logged and remembered: without what is beyond a limit. It is the request itself when nothing is.
func cut(req *hookv1.ExtendPayloadRequest) *hookv1.ExtendPayloadRequest {
	if wireFields(req).Check() == nil {
		return req
	}
	within := func(f claims.Fields, id string) string {
		if f.Check() != nil {
			return ""
		}
		return id
	}
	out := &hookv1.ExtendPayloadRequest{Stage: req.GetStage()}
	out.RequestId = within(claims.Fields{RequestID: req.GetRequestId()}, req.GetRequestId())
	out.ClientId = within(claims.Fields{Client: req.GetClientId()}, req.GetClientId())
	out.ConnectorId = within(claims.Fields{Connector: req.GetConnectorId()}, req.GetConnectorId())
	out.GrantType = within(claims.Fields{Grant: req.GetGrantType()}, req.GetGrantType())
	return out
}

// wireFields are those of a request that have a limit.
func wireFields(req *hookv1.ExtendPayloadRequest) *claims.Fields {
	id := req.GetIdentity()
	return &claims.Fields{
		Payload: len(req.GetPayload()), UserID: id.GetUserId(), Username: id.GetUsername(), PreferredUsername: id.GetPreferredUsername(), Email: id.GetEmail(),
		Groups: id.GetGroups(), Connector: req.GetConnectorId(), Client: req.GetClientId(), Audience: req.GetAudience(), Scopes: req.GetScopes(),
		Grant: req.GetGrantType(), RequestID: req.GetRequestId(), Features: req.GetFeatures(),
	}
}

// fail remembers a failure for the log and turns it into a status. The text of err holds no values.
func (d *decision) fail(code codes.Code, err error) error {
	d.code, d.err = code, err
	return status.Error(code, err.Error())
}

// needs reports a feature that the rules need and the hook lacks.
func (set *ruleSet) needs(req *hookv1.ExtendPayloadRequest) error {
	if set.lookups && req.GetStage() == hookv1.Stage_STAGE_TOKEN && !slices.Contains(req.GetFeatures(), "grant-type") {
		return errors.New("the hook in Dex does not tell the grant type, which lookups need: build Dex again with this version of claimsmith")
	}
	return nil
}
