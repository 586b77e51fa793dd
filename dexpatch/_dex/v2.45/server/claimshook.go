package server

// claimshook.go asks the claims hook about tokens, and tells clients when it ended a
// request.

import (
	"context"
	"net/http"
	"time"

	"github.com/dexidp/dex/server/claimshook"
	"github.com/dexidp/dex/storage"
)

// newToken builds the payload of a token, lets the claims hook change it, and signs it.
func (s *Server) newToken(ctx context.Context, kind claimshook.Kind, clientID string, claims storage.Claims, scopes []string, nonce, accessToken, code, connID string) (string, time.Time, error) {
	payload, expiry, err := s.buildToken(ctx, clientID, claims, scopes, nonce, accessToken, code, connID)
	if err != nil {
		return "", expiry, err
	}
	t := hookSubject{clientID, claims, scopes, nonce, connID}.token()
	t.Kind = kind
	extended, err := s.claimsHook.Extend(ctx, []byte(payload), t)
	if err != nil {
		return "", expiry, err
	}
	return s.signToken(ctx, extended, expiry)
}

// hookSubject is what tokens would be signed for.
type hookSubject struct {
	clientID    string
	claims      storage.Claims
	scopes      []string
	nonce       string
	connectorID string
}

func (a hookSubject) token() claimshook.Token {
	return claimshook.Token{
		Kind: claimshook.AccessToken, ClientID: a.clientID, ConnectorID: a.connectorID, Scopes: a.scopes,
		Identity: claimshook.Identity(a.claims),
	}
}

// askClaimsHook asks about a login or about tokens, with the payload that an access
// token would have. A payload that cannot be built is no answer of the hook: the same
// error comes again where Dex expects it.
func (s *Server) askClaimsHook(ctx context.Context, ask func(context.Context, []byte, claimshook.Token) error, a hookSubject) error {
	if s.claimsHook == nil {
		return nil
	}
	payload, _, err := s.buildToken(ctx, a.clientID, a.claims, a.scopes, a.nonce, storage.NewID(), "", a.connectorID)
	if err != nil {
		return nil
	}
	return ask(ctx, []byte(payload), a.token())
}

// hookWriter carries the context of a token request to where errors are written.
type hookWriter struct {
	http.ResponseWriter
	ctx context.Context
}

func (w hookWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// withClaimsHook tells the claims hook the grant type of a token request.
func withClaimsHook(w http.ResponseWriter, r *http.Request, grantType string) (http.ResponseWriter, *http.Request) {
	ctx := claimshook.WithGrantType(r.Context(), grantType)
	return hookWriter{w, ctx}, r.WithContext(ctx)
}

// claimsHookError replaces an error of the token endpoint if the claims hook ended the
// request.
func claimsHookError(w http.ResponseWriter, typ, description string, status int) (string, string, int) {
	if hw, ok := w.(hookWriter); ok {
		return claimshook.TokenError(hw.ctx, w, typ, description, status)
	}
	return typ, description, status
}

// tokensEndedByClaimsHook asks about tokens before a code or a refresh token is
// consumed, and answers the request if they must not be issued.
func (s *Server) tokensEndedByClaimsHook(w http.ResponseWriter, r *http.Request, clientID string, claims storage.Claims, scopes []string, nonce, connID string) bool {
	err := s.askClaimsHook(r.Context(), s.claimsHook.Preflight, hookSubject{clientID, claims, scopes, nonce, connID})
	if err == nil {
		return false
	}
	s.logger.ErrorContext(r.Context(), "token request ended by the claims hook", "client_id", clientID, "err", err)
	s.tokenErrHelper(w, errServerError, "", http.StatusInternalServerError)
	return true
}

// deviceEndedByClaimsHook asks about the tokens of a device before the code is
// consumed. After a refusal the device learns access_denied at its next poll; after a
// failure it goes on polling, and the person can load the page again.
func (s *Server) deviceEndedByClaimsHook(ctx context.Context, w http.ResponseWriter, r *http.Request, authCode storage.AuthCode, client storage.Client, deviceCode string) (context.Context, bool) {
	ctx = claimshook.WithGrantType(ctx, grantTypeDeviceCode)
	err := s.askClaimsHook(ctx, s.claimsHook.Preflight, hookSubject{client.ID, authCode.Claims, authCode.Scopes, authCode.Nonce, authCode.ConnectorID})
	status, message, ok := claimshook.Page(err)
	if !ok {
		return ctx, false
	}
	s.logger.ErrorContext(ctx, "device authorization ended by the claims hook", "client_id", client.ID, "err", err)
	if status == http.StatusForbidden {
		err := s.storage.UpdateDeviceToken(ctx, deviceCode, func(old storage.DeviceToken) (storage.DeviceToken, error) {
			if old.Status == deviceTokenPending {
				old.Status = errAccessDenied
			}
			return old, nil
		})
		if err != nil {
			s.logger.ErrorContext(ctx, "failed to update device token", "err", err)
		}
	}
	claimshook.RetryLater(w, err)
	s.renderError(r, w, status, message)
	return ctx, true
}
