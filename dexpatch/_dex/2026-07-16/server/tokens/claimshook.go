package tokens

import (
	"context"

	"github.com/dexidp/dex/storage"
)

// revokeForClaimsHook ends the refresh token that the person has for the client.
func (rt *RefreshStore) revokeForClaimsHook(ctx context.Context, userID, connID, clientID string) {
	var id string
	err := rt.storage.UpdateOfflineSessions(ctx, userID, connID, func(old storage.OfflineSessions) (storage.OfflineSessions, error) {
		if ref, ok := old.Refresh[clientID]; ok {
			id = ref.ID
			delete(old.Refresh, clientID)
		}
		return old, nil
	})
	if err == nil && id != "" {
		err = rt.storage.DeleteRefresh(ctx, id)
	}
	if err != nil && err != storage.ErrNotFound {
		rt.logger.ErrorContext(ctx, "failed to revoke the refresh token", "err", err)
	}
}
