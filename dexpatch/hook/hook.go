package claimshook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// MaxPayload is how many bytes a payload may have, before and after the patch.
const MaxPayload = claims.MaxPayload

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
	Audience    []string // the payload's aud; nil: it is read there
	ConnectorID string   // empty for client credentials
	Scopes      []string
	Identity    Identity
}

// extender is how a Hook is found beside a signer.
type extender interface {
	ExtendPayload(ctx context.Context, payload []byte, t Token) ([]byte, error)
}

// Extend returns the payload to sign: changed by the hook beside the signer, or as it is when there is none. After an error
// nothing must be signed; the error is a *Refusal or a *Failure, or tells that this was only asked (see Login and Preflight).
func Extend(ctx context.Context, signer any, payload []byte, t Token) ([]byte, error) {
	if e, ok := signer.(extender); ok {
		return e.ExtendPayload(ctx, payload, t)
	}
	return unchanged(ctx, payload)
}

// unchanged returns the payload as it is, unless it is not for signing.
func unchanged(ctx context.Context, payload []byte) ([]byte, error) {
	if asking(ctx) {
		return nil, errAsked
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

// Hook asks the service. It is embedded beside a signer and safe for concurrent use. A nil Hook changes nothing.
type Hook struct {
	config    Config
	log       *slog.Logger
	requestID any // key of the request id in a context
	link      *link
	metrics   *metrics
	features  []string
	replies   replies
}

// Options is what New needs beside the configuration.
type Options struct {
	RequestIDKey any                   // the context key under which Dex keeps the id of an HTTP request
	Logger       *slog.Logger          // required
	Registry     prometheus.Registerer // where the metrics go; nil: nowhere
}

// New returns the hook, or nil if none is configured. It does not connect: the service may start after Dex.
func New(c Config, o Options) (*Hook, error) {
	if c.Address == "" {
		if c.Required {
			return nil, errors.New("claimsHook is missing, and --require-claims-hook is given")
		}
		return nil, nil
	}
	metrics, err := newMetrics(o.Registry)
	if err != nil {
		return nil, fmt.Errorf("claimsHook: %w", err)
	}
	link, err := newLink(c)
	if err != nil {
		return nil, fmt.Errorf("claimsHook: %w", err)
	}
	o.Logger.Info("config claims hook", "address", c.Address, "timeout", c.Timeout,
		"every_client", len(c.Clients) == 0, "clients", c.Clients, "sign_unchanged", c.SignUnchanged, "allow_revoke", c.AllowRevoke)
	return &Hook{config: c, log: o.Logger, requestID: o.RequestIDKey, link: link, metrics: metrics, features: features(c)}, nil
}

// Close ends the connection.
func (h *Hook) Close() error {
	if h == nil {
		return nil
	}
	return h.link.Close()
}

// SupportedClaims returns claimsSupported of the configuration.
func (h *Hook) SupportedClaims() []string {
	if h == nil {
		return nil
	}
	return h.config.ClaimsSupported
}

// ExtendPayload is Extend for this hook.
func (h *Hook) ExtendPayload(ctx context.Context, payload []byte, t Token) ([]byte, error) {
	if h == nil {
		return unchanged(ctx, payload)
	}
	extended, err := h.extend(ctx, payload, t)
	if !errors.Is(err, errAsked) {
		end(ctx, err)
	}
	return extended, err
}

func (h *Hook) extend(ctx context.Context, payload []byte, t Token) ([]byte, error) {
	object, err := parse(payload)
	if err != nil {
		return nil, err
	}
	if t.Audience == nil {
		t.Audience = audience(object)
	}
	if len(t.Identity.Groups) == 0 {
		t.Identity.Groups = nil // some storages give back an empty list where there was none
	}
	if !h.config.concerns(t) {
		return unchanged(ctx, payload)
	}
	r, err := h.reply(ctx, object, t)
	if err != nil {
		h.revoke(ctx, err, t)
		return nil, err
	}
	// When only asked nothing is signed, but a patch that no token could take should be found now and not too late.
	for _, k := range r.kinds {
		if !asking(ctx) && k != kind(ctx) {
			continue
		}
		payload, err = r.apply(object, k, t.Identity)
		if err != nil {
			h.metrics.unusable(stage(ctx))
			return nil, err
		}
	}
	return unchanged(ctx, payload)
}

// revoke ends refresh tokens if the refusal says so, Dex gave a way to, and the operator allowed it.
func (h *Hook) revoke(ctx context.Context, err error, t Token) {
	var refusal *Refusal
	end, ok := ctx.Value(markRevoke).(func())
	if !errors.As(err, &refusal) || !refusal.revoke || !ok || t.ConnectorID == "" {
		return
	}
	if !h.config.AllowRevoke {
		h.log.WarnContext(ctx, "claims hook: a refusal asks to revoke refresh tokens, and allowRevoke is not set",
			"client_id", t.ClientID, "decision_id", refusal.DecisionID)
		return
	}
	end()
	h.log.WarnContext(ctx, "claims hook: revoked the refresh tokens of this person for this client",
		"client_id", t.ClientID, "connector_id", t.ConnectorID, "decision_id", refusal.DecisionID, "rule", refusal.Rule)
}

// audience returns the aud of a payload, which is a string or a list of them.
func audience(object *claims.Object) []string {
	raw, _ := object.Get("aud")
	if len(raw) > 1 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return []string{string(raw[1 : len(raw)-1])} // nearly always: a string without escapes says what stands there
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var many []string
	if json.Unmarshal(raw, &many) != nil {
		return nil
	}
	return many
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
	if !asking(ctx) {
		if r := h.replies.take(about, kind(ctx), now); r != nil {
			return r, nil
		}
	}
	r, err := h.ask(ctx, object, about, now.Add(h.config.Timeout-spent(ctx, 0)))
	spent(ctx, time.Since(now))
	h.metrics.asked(about.stage, err, time.Since(now))
	if err == nil && h.log.Enabled(ctx, slog.LevelDebug) {
		h.log.DebugContext(ctx, "claims hook: allowed", "client_id", t.ClientID, "connector_id", t.ConnectorID,
			"stage", stageName(about.stage), "decision_id", r.decisionID)
	}
	var failure *Failure
	if errors.As(err, &failure) && failure.absent && h.optional(about) {
		h.log.WarnContext(ctx, "signing without the claims hook", "client_id", t.ClientID, "err", err)
		h.metrics.signedUnchanged()
		r, err = &reply{decisionID: failure.DecisionID, kinds: expected(ctx, t)}, nil
	}
	if err != nil {
		return nil, err
	}
	open := r.kinds
	if !asking(ctx) {
		open = without(open, kind(ctx))
	}
	h.replies.keep(about, r, open, time.Now().Add(keptFor))
	return r, nil
}
