package server

// claimshook.go asks the claims hook about the requests of the token endpoint, and
// tells clients when it ended one.

import (
	"context"
	"net/http"

	"github.com/dexidp/dex/server/claimshook"
	"github.com/dexidp/dex/storage"
)

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
func (s *Server) tokensEndedByClaimsHook(w http.ResponseWriter, r *http.Request, subject hookSubject) bool {
	err := claimshook.Preflight(r.Context(), s.signForClaimsHook, subject)
	if err == nil {
		return false
	}
	s.logger.ErrorContext(r.Context(), "token request ended by the claims hook", "client_id", subject.clientID, "err", err)
	s.tokenErrHelper(w, "server_error", "", http.StatusInternalServerError)
	return true
}

// refreshEndedByClaimsHook is the same for a refresh, with the identity as it was last
// seen: that of the session if there is one.
func (s *Server) refreshEndedByClaimsHook(w http.ResponseWriter, r *http.Request, token *storage.RefreshToken, scopes []string, session *storage.UserIdentity) bool {
	subject := hookSubject{
		clientID: token.ClientID, claims: token.Claims, scopes: scopes, nonce: token.Nonce, connectorID: token.ConnectorID,
	}
	if session != nil {
		subject.claims, subject.authTime = session.Claims, session.LastLogin
	}
	return s.tokensEndedByClaimsHook(w, r, subject)
}

// deviceEndedByClaimsHook asks about the tokens of a device before the code is
// consumed. After a refusal the device learns access_denied at its next poll; after a
// failure it goes on polling, and the person can load the page again.
func (s *Server) deviceEndedByClaimsHook(ctx context.Context, w http.ResponseWriter, r *http.Request, authCode storage.AuthCode, client storage.Client, deviceCode string) (context.Context, bool) {
	ctx = claimshook.WithGrantType(ctx, "urn:ietf:params:oauth:grant-type:device_code")
	err := claimshook.Preflight(ctx, s.signForClaimsHook, hookSubjectOfCode(authCode, client))
	status, message, ok := claimshook.Page(err)
	if !ok {
		return ctx, false
	}
	s.logger.ErrorContext(ctx, "device authorization ended by the claims hook", "client_id", client.ID, "err", err)
	if status == http.StatusForbidden {
		err := s.storage.UpdateDeviceToken(ctx, deviceCode, func(old storage.DeviceToken) (storage.DeviceToken, error) {
			if old.Status == "authorization_pending" {
				old.Status = "access_denied"
			}
			return old, nil
		})
		if err != nil {
			s.logger.ErrorContext(ctx, "failed to update device token", "err", err)
		}
	}
	s.renderError(r, w, status, message)
	return ctx, true
}

func hookSubjectOfCode(authCode storage.AuthCode, client storage.Client) hookSubject {
	return hookSubject{client.ID, authCode.Claims, authCode.Scopes, authCode.Nonce, authCode.ConnectorID, authCode.AuthTime}
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
