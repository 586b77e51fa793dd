package claimshook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

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

// attempt is what came of sending a request to one service.
type attempt struct {
	resp     *hookv1.ExtendPayloadResponse
	err      error
	answered bool // by the service, not by what is on the way to it
	trailer  metadata.MD
}

// call asks, and the first answer counts. The request changes nothing, so another service is asked when the connection broke before
// there was an answer, and each time that a third of the time went by without one. A socket has one service only, which is asked once
// more when the connection broke.
func (h *Hook) call(ctx context.Context, req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	var underWay sync.WaitGroup
	defer underWay.Wait()
	defer cancel() // whoever was slower
	deadline, _ := ctx.Deadline()
	patience := time.Until(deadline) / 3
	attempts := make(chan attempt, h.link.tries)
	var tried []*endpoint
	for asking := 0; ; {
		if len(tried) < h.link.tries {
			e := h.link.pick(tried)
			if e == nil && asking == 0 {
				var err error
				if e, err = h.link.wait(ctx, h.config.Timeout/3); err != nil {
					return nil, h.unreachable(ctx, err)
				}
			}
			if e != nil {
				tried = append(tried, e)
				asking++
				send := func() { attempts <- h.link.send(ctx, e, req) }
				if h.link.network {
					underWay.Go(send)
				} else {
					send()
				}
			}
		} else if asking == 0 {
			return nil, h.silent(ctx, h.link.broke())
		}
		var slow <-chan time.Time
		if h.link.network {
			slow = time.After(patience)
		}
		select {
		case <-slow:
		case a := <-attempts:
			asking--
			if resp, err := h.settle(ctx, a); resp != nil || err != nil {
				return resp, err
			}
		}
	}
}

// settle returns the answer or the failure of an attempt, and neither when the connection broke before there was one.
func (h *Hook) settle(ctx context.Context, a attempt) (*hookv1.ExtendPayloadResponse, error) {
	switch code := status.Code(a.err); {
	case a.err == nil:
		return a.resp, nil
	case a.answered:
		return nil, answered(code, decisionID(a.trailer))
	case ctx.Err() != nil, code == codes.DeadlineExceeded: // gRPC may look at the clock before the context does
		return nil, h.silent(ctx, "no reply within "+h.config.Timeout.String())
	case code != codes.Unavailable:
		return nil, newFailure("", fmt.Sprintf("the request could not be sent (%s)", code))
	}
	return nil, nil
}

// answered is what a status of the service means. That the client may not have tokens in this way is known by the decision id: what is
// between the two says "permission denied" as well.
func answered(code codes.Code, id string) error {
	if code == codes.PermissionDenied && id != "" {
		return &Refusal{
			DecisionID: orLocal(id), Rule: "a lookup is not made for this grant", message: "This application may not sign people in this way.", unauthorized: true,
		}
	}
	return newFailure(id, answerText(code))
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
