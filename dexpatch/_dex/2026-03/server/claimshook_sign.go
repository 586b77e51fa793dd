package server

import (
	"context"
	"time"
)

func (s *Server) signForClaimsHook(ctx context.Context, a hookSubject) (string, time.Time, error) {
	return s.newAccessToken(ctx, a.clientID, a.claims, a.scopes, a.nonce, a.connectorID, a.authTime)
}
