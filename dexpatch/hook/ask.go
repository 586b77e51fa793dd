package claimshook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// DecisionTrailer is the gRPC trailer in which the service gives the decision id of a call that ends with a status.
const DecisionTrailer = "claimsmith-decision-id"

// ask makes the call of an exchange.
func (h *Hook) ask(ctx context.Context, object *claims.Object, about exchange, deadline time.Time) (*reply, error) {
	t := about.token
	req := &hookv1.ExtendPayloadRequest{
		Payload: object.Raw(),
		Identity: &hookv1.Identity{
			UserId: t.Identity.UserID, Username: t.Identity.Username, PreferredUsername: t.Identity.PreferredUsername,
			Email: t.Identity.Email, EmailVerified: t.Identity.EmailVerified, Groups: t.Identity.Groups,
		},
		ConnectorId: t.ConnectorID,
		ClientId:    t.ClientID,
		Audience:    t.Audience,
		Scopes:      t.Scopes,
		Stage:       about.stage,
		TokenKinds:  about.expected(),
		GrantType:   about.grant,
		RequestId:   about.request,
		Features:    features(),
	}
	optional := h.optional(about)
	if optional {
		deadline = deadline.Add(-h.config.Timeout / 4) // the rest is for a look at whether anybody is there
	}
	call, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	resp, err := h.call(call, req)
	if err != nil {
		return nil, h.judge(ctx, err, optional)
	}
	return read(resp, req.TokenKinds)
}

// features are what this build of the hook can do.
func features() []string { return []string{"login", "grant-type", "preflight"} }

// optional reports whether the tokens may be signed without the service if it is not there.
func (h *Hook) optional(about exchange) bool {
	return about.stage == hookv1.Stage_STAGE_TOKEN && h.config.mayStay(about.token)
}

// judge finds out, where it matters, whether a service that gave no reply is there at all: it is if it answers health checks.
// Whoever can make it slow must not be able to make it ignored.
func (h *Hook) judge(ctx context.Context, err error, optional bool) error {
	var f *Failure
	if optional && errors.As(err, &f) && f.silent {
		check, cancel := context.WithTimeout(ctx, h.config.Timeout/4)
		defer cancel()
		f.absent = !h.link.alive(check) && ctx.Err() == nil
	}
	return err
}

// call asks, and asks once more if the connection broke before there was an answer: the request changes nothing.
func (h *Hook) call(ctx context.Context, req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	for again := true; ; again = false {
		if err := h.link.wait(ctx, h.config.Timeout/3); err != nil {
			return nil, h.unreachable(ctx, err)
		}
		var trailer metadata.MD
		answered := new(answer)
		resp, err := h.link.hook.ExtendPayload(context.WithValue(ctx, markAnswer, answered), req, grpc.Trailer(&trailer))
		if err == nil {
			return resp, nil
		}
		switch code := status.Code(err); {
		case answered.Load():
			return nil, newFailure(decisionID(trailer), answerText(code))
		case ctx.Err() != nil, code == codes.DeadlineExceeded: // gRPC may look at the clock before the context does
			return nil, h.silent(ctx, "no reply within "+h.config.Timeout.String())
		case code != codes.Unavailable:
			return nil, newFailure("", fmt.Sprintf("the request could not be sent (%s)", code))
		case !again:
			return nil, h.silent(ctx, "the connection broke twice before a reply")
		}
	}
}

// answerText leaves out the message of the status: it is the service's and may say anything.
func answerText(code codes.Code) string {
	if code == codes.ResourceExhausted {
		return fmt.Sprintf("the service answered %s, or its reply is over %d bytes", code, maxMessageBytes)
	}
	return fmt.Sprintf("the service answered %s", code)
}

func decisionID(trailer metadata.MD) string {
	if ids := trailer.Get(DecisionTrailer); len(ids) == 1 {
		return ids[0]
	}
	return ""
}

// unreachable is the failure of a call that found no connection.
func (h *Hook) unreachable(ctx context.Context, err error) *Failure {
	if errors.Is(ctx.Err(), context.Canceled) {
		return newFailure("", "the request was given up by who made it")
	}
	f := newFailure("", "no connection: "+err.Error())
	f.absent = !errors.Is(err, errStranger)
	return f
}

// silent is the failure of a call that was sent and not answered.
func (h *Hook) silent(ctx context.Context, reason string) *Failure {
	if errors.Is(ctx.Err(), context.Canceled) {
		return newFailure("", "the request was given up by who made it")
	}
	f := newFailure("", reason)
	f.silent = true
	return f
}
