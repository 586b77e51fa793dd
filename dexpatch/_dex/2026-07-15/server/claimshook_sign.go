package server

import (
	"context"
	"time"

	"github.com/dexidp/dex/storage"
)

func (s *Server) signForClaimsHook(ctx context.Context, a hookSubject) (string, time.Time, error) {
	return s.issuer.signer.signAccessToken(ctx, Authorization{
		Client: storage.Client{ID: a.clientID}, Claims: a.claims, Scopes: a.scopes,
		ConnectorID: a.connectorID, Nonce: a.nonce, AuthTime: a.authTime,
	})
}
