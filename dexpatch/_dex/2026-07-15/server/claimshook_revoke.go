package server

import (
	"context"

	"github.com/dexidp/dex/storage"
)

// revokeForClaimsHook ends the refresh token that the person has for the client.
func (t *tokenSigner) revokeForClaimsHook(ctx context.Context, userID, connID, clientID string) {
	var id string
	err := t.storage.UpdateOfflineSessions(ctx, userID, connID, func(old storage.OfflineSessions) (storage.OfflineSessions, error) {
		if ref, ok := old.Refresh[clientID]; ok {
			id = ref.ID
			delete(old.Refresh, clientID)
		}
		return old, nil
	})
	if err == nil && id != "" {
		err = t.storage.DeleteRefresh(ctx, id)
	}
	if err != nil && err != storage.ErrNotFound {
		t.logger.ErrorContext(ctx, "failed to revoke the refresh token", "err", err)
	}
}
