package server

import (
	"context"
	"net/http"
	"time"

	"github.com/dexidp/dex/server/tokens"
	"github.com/dexidp/dex/storage"
)

func (s *Server) signForClaimsHook(ctx context.Context, a hookSubject) (string, time.Time, error) {
	return s.issuer.SignAccessToken(ctx, tokens.Authorization{
		Client: storage.Client{ID: a.clientID}, Claims: a.claims, Scopes: a.scopes,
		ConnectorID: a.connectorID, Nonce: a.nonce, AuthTime: a.authTime,
	})
}

// renderRefused renders the page of a login that was refused.
func (s *Server) renderRefused(r *http.Request, w http.ResponseWriter, status int, message, link string) error {
	return s.templates.Refused(r, w, status, message, link)
}
