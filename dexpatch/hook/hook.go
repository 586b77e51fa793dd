package claimshook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// MaxPayload is how many bytes a payload may have, before and after the patch. Tokens travel in HTTP headers and cookies;
// one of this size is beyond use already.
const MaxPayload = 64 << 10

// version tells the service which build of the hook asks.
const version = "1"

// Identity is what the connector returned: the same members as Dex's storage.Claims, so that one converts to the other.
type Identity struct {
	UserID            string
	Username          string
	PreferredUsername string
	Email             string
	EmailVerified     bool

	Groups []string
}

// Token says what a payload was made of.
type Token struct {
	ClientID    string   // the client that asked
	Audience    []string // the payload's aud
	ConnectorID string   // empty for client credentials
	Scopes      []string
	Identity    Identity
}

// extender is how a Hook is found beside a signer.
type extender interface {
	ExtendPayload(ctx context.Context, payload []byte, t Token) ([]byte, error)
}

// Extend returns the payload to sign: changed by the hook beside the signer, or as it is when there is none. After an error
// nothing must be signed; the error is a *Refusal or a *Failure, or tells that this was a login (see Login).
func Extend(ctx context.Context, signer any, payload []byte, t Token) ([]byte, error) {
	if e, ok := signer.(extender); ok {
		return e.ExtendPayload(ctx, payload, t)
	}
	return payload, nil
}

// ClaimsSupported returns the claim names that discovery should list beside Dex's own.
func ClaimsSupported(signer any) []string {
	if h, ok := signer.(interface{ SupportedClaims() []string }); ok {
		return h.SupportedClaims()
	}
	return nil
}

// Hook asks the service. It is embedded beside a signer and safe for concurrent use.
type Hook struct {
	config    Config
	log       *slog.Logger
	requestID any // key of the request id in a context
	link      *link
	replies   replies
}

// Options is what New needs beside the configuration.
type Options struct {
	Required     bool         // whether a missing configuration is an error
	RequestIDKey any          // the context key under which Dex keeps the id of an HTTP request
	Logger       *slog.Logger // required
}

// New returns the hook, or nil if none is configured. It does not connect: the service may start after Dex.
func New(c Config, o Options) (*Hook, error) {
	if c.Address == "" {
		if o.Required {
			return nil, errors.New("claimsHook is missing, and --require-claims-hook is given")
		}
		return nil, nil
	}
	link, err := newLink(c)
	if err != nil {
		return nil, fmt.Errorf("claimsHook: %w", err)
	}
	o.Logger.Info("config claims hook", "address", c.Address, "timeout", c.Timeout,
		"every_client", len(c.Clients) == 0, "clients", c.Clients, "sign_unchanged", c.SignUnchanged)
	return &Hook{config: c, log: o.Logger, requestID: o.RequestIDKey, link: link}, nil
}

// Close ends the connection.
func (h *Hook) Close() error { return h.link.Close() }

// SupportedClaims returns claimsSupported of the configuration.
func (h *Hook) SupportedClaims() []string { return h.config.ClaimsSupported }

// ExtendPayload is Extend for this hook.
func (h *Hook) ExtendPayload(ctx context.Context, payload []byte, t Token) ([]byte, error) {
	login := stage(ctx) == hookv1.Stage_STAGE_LOGIN
	if !h.config.concerns(t) {
		if login {
			return nil, errAsked
		}
		return payload, nil
	}
	object, err := parse(payload)
	if err != nil {
		return nil, err
	}
	r, err := h.reply(ctx, object, t)
	if err != nil {
		return nil, err
	}
	// At login nothing is signed, but a patch that no token could take should be found now and not by the next request.
	for _, k := range r.kinds {
		if !login && k != kind(ctx) {
			continue
		}
		payload, err = r.apply(object, k, t.Identity)
		if err != nil {
			return nil, err
		}
	}
	if login {
		return nil, errAsked
	}
	return payload, nil
}

func parse(payload []byte) (*claims.Object, error) {
	if len(payload) > MaxPayload {
		return nil, newFailure("", fmt.Sprintf("the payload is larger than %d bytes", MaxPayload))
	}
	object, err := claims.Parse(payload)
	if err != nil {
		return nil, newFailure("", "the payload that Dex built: "+err.Error())
	}
	return object, nil
}

// reply returns the decision of the exchange: the one that an earlier signing brought, or a new one.
func (h *Hook) reply(ctx context.Context, object *claims.Object, t Token) (*reply, error) {
	id, _ := ctx.Value(h.requestID).(string)
	about := exchange{request: id, stage: stage(ctx), grant: grant(ctx), token: t}
	now := time.Now()
	if r := h.replies.take(about, kind(ctx), now); r != nil {
		return r, nil
	}
	deadline := now.Add(h.config.Timeout)
	r, err := h.ask(ctx, object, about, deadline)
	var failure *Failure
	if errors.As(err, &failure) && failure.absent && h.optional(about) {
		h.log.WarnContext(ctx, "signing without the claims hook", "client_id", t.ClientID, "err", err)
		r, err = &reply{decisionID: failure.DecisionID, kinds: expected(ctx, t)}, nil
	}
	if err != nil {
		return nil, err
	}
	h.replies.keep(about, r, kind(ctx), deadline)
	return r, nil
}
