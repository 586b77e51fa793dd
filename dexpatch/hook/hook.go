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

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// MaxPayload is how many bytes a payload may have, before and after the patch.
const MaxPayload = claims.MaxPayload

// Identity is what the connector returned: the same members as Dex's storage.Claims, so that one converts to the other.
type Identity struct {
	UserID            string
	Username          string
	PreferredUsername string
	Email             string
	EmailVerified     bool

	Groups []string
}

// Kind is what a payload becomes.
type Kind = hookv1.TokenKind

// The kinds of tokens.
const (
	AccessToken = hookv1.TokenKind_TOKEN_KIND_ACCESS
	IDToken     = hookv1.TokenKind_TOKEN_KIND_ID
)

// Token says what a payload becomes, and what it was made of.
type Token struct {
	Kind        Kind
	ClientID    string   // the client that asked
	Audience    []string // the payload's aud; nil: it is read there
	ConnectorID string   // empty for client credentials
	Scopes      []string
	Identity    Identity
}

// Hook asks the service. It is safe for concurrent use. A nil Hook changes nothing and asks nobody.
type Hook struct {
	config    Config
	log       *slog.Logger
	requestID any // key of the request id in a context
	link      *link
	metrics   *metrics
	replies   replies
}

// Options is what New needs beside the configuration.
type Options struct {
	RequestIDKey any                   // the context key under which Dex keeps the id of an HTTP request
	Logger       *slog.Logger          // required
	Registry     prometheus.Registerer // where the metrics go; nil: nowhere
}

// New returns the hook. It waits for no service: one may start after Dex.
func New(c Config, o Options) (*Hook, error) {
	if c.Address == "" {
		return nil, errors.New("claimsHook: address is missing")
	}
	link, err := newLink(c, o.Logger)
	if err != nil {
		return nil, fmt.Errorf("claimsHook: %w", err)
	}
	metrics, err := newMetrics(o.Registry, link)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("claimsHook: %w", err), link.Close())
	}
	o.Logger.Info("config claims hook", "address", c.Address, "timeout", c.Timeout,
		"every_client", len(c.Clients) == 0, "clients", c.Clients, "sign_unchanged", c.SignUnchanged)
	return &Hook{config: c, log: o.Logger, requestID: o.RequestIDKey, link: link, metrics: metrics}, nil
}

// Close ends the connections.
func (h *Hook) Close() error {
	if h == nil {
		return nil
	}
	return h.link.Close()
}

// SupportedClaims returns claimsSupported of the configuration: the names that discovery should list beside Dex's own.
func (h *Hook) SupportedClaims() []string {
	if h == nil {
		return nil
	}
	return h.config.ClaimsSupported
}

// Extend returns the payload to sign. After an error nothing must be signed; it is a *Refusal or a *Failure.
func (h *Hook) Extend(ctx context.Context, payload []byte, t Token) ([]byte, error) {
	return h.run(ctx, payload, t, hookv1.Stage_STAGE_TOKEN, false)
}

// Login asks about a finished login, before anything of it is stored, with the payload that would be signed for it. An error means
// that the login must not go on; see Page for what to tell the person.
func (h *Hook) Login(ctx context.Context, payload []byte, t Token) error {
	_, err := h.run(ctx, payload, t, hookv1.Stage_STAGE_LOGIN, true)
	return err
}

// Preflight asks about tokens before a code or a refresh token is consumed. Extend answers the signings of the same HTTP request from
// its reply, so a failure costs nobody a login.
func (h *Hook) Preflight(ctx context.Context, payload []byte, t Token) error {
	_, err := h.run(ctx, payload, t, hookv1.Stage_STAGE_TOKEN, true)
	return err
}

func (h *Hook) run(ctx context.Context, payload []byte, t Token, stage hookv1.Stage, asking bool) ([]byte, error) {
	if h == nil {
		return payload, nil
	}
	extended, err := h.extend(ctx, payload, t, stage, asking)
	end(ctx, asking, err)
	return extended, err
}

func (h *Hook) extend(ctx context.Context, payload []byte, t Token, stage hookv1.Stage, asking bool) ([]byte, error) {
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
		return payload, nil
	}
	r, err := h.reply(ctx, object, t, stage, asking)
	if err != nil {
		return nil, err
	}
	// When only asked nothing is signed, but a patch that no token could take should be found now and not too late.
	for _, k := range r.kinds {
		if !asking && k != t.Kind {
			continue
		}
		payload, err = r.apply(object, k, t.Identity)
		if err != nil {
			h.metrics.unusable(stage)
			return nil, err
		}
	}
	return payload, nil
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

// reply returns the decision of the exchange: the one that an earlier question brought, or a new one.
func (h *Hook) reply(ctx context.Context, object *claims.Object, t Token, stage hookv1.Stage, asking bool) (*reply, error) {
	id, _ := ctx.Value(h.requestID).(string)
	about := exchange{request: id, stage: stage, grant: grant(ctx, stage), token: t}
	now := time.Now()
	if !asking {
		if r := h.replies.take(about, now); r != nil {
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
		r, err = &reply{decisionID: failure.DecisionID, kinds: about.expected()}, nil
	}
	if err != nil {
		return nil, err
	}
	open := r.kinds
	if !asking {
		open = without(open, t.Kind)
	}
	h.replies.keep(about, r, open, time.Now().Add(keptFor))
	return r, nil
}
