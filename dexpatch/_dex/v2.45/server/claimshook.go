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

// hookSubject is what an access token would be signed for.
type hookSubject struct {
	clientID    string
	claims      storage.Claims
	scopes      []string
	nonce       string
	connectorID string
}

func (s *Server) signForClaimsHook(ctx context.Context, a hookSubject) (string, time.Time, error) {
	return s.newAccessToken(ctx, a.clientID, a.claims, a.scopes, a.nonce, a.connectorID)
}

// hookWriter carries the context of a token request to where errors are written.
type hookWriter struct {
	http.ResponseWriter
	ctx context.Context
}

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
	err := claimshook.Preflight(r.Context(), s.signForClaimsHook, hookSubject{clientID, claims, scopes, nonce, connID})
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
func (s *Server) deviceEndedByClaimsHook(ctx context.Context, w http.ResponseWriter, r *http.Request, authCode storage.AuthCode, client storage.Client, deviceCode string) bool {
	err := claimshook.Preflight(ctx, s.signForClaimsHook, hookSubject{client.ID, authCode.Claims, authCode.Scopes, authCode.Nonce, authCode.ConnectorID})
	status, message, ok := claimshook.Page(err)
	if !ok {
		return false
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
	s.renderError(r, w, status, message)
	return true
}

// revokeForClaimsHook ends the refresh token that the person has for the client.
func (s *Server) revokeForClaimsHook(ctx context.Context, userID, connID, clientID string) {
	var id string
	err := s.storage.UpdateOfflineSessions(ctx, userID, connID, func(old storage.OfflineSessions) (storage.OfflineSessions, error) {
		if ref, ok := old.Refresh[clientID]; ok {
			id = ref.ID
			delete(old.Refresh, clientID)
		}
		return old, nil
	})
	if err == nil && id != "" {
		err = s.storage.DeleteRefresh(ctx, id)
	}
	if err != nil && err != storage.ErrNotFound {
		s.logger.ErrorContext(ctx, "failed to revoke the refresh token", "err", err)
	}
}
