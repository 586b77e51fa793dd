package device

import (
	"context"
	"net/http"

	"github.com/dexidp/dex/server/claimshook"
	"github.com/dexidp/dex/server/oauth2"
	"github.com/dexidp/dex/server/tokens"
	"github.com/dexidp/dex/storage"
)

// askClaimsHook asks about the tokens of a device before the code is consumed. After
// a refusal the device learns access_denied at its next poll; after a failure it goes
// on polling, and the person can load the page again.
func (h *Handler) askClaimsHook(ctx context.Context, authCode storage.AuthCode, client storage.Client, deviceCode string) (context.Context, *deviceFlowError) {
	ctx = claimshook.WithGrantType(ctx, oauth2.GrantTypeDeviceCode)
	err := h.Issuer.CheckTokens(ctx, tokens.Authorization{
		Client: client, Claims: authCode.Claims, Scopes: authCode.Scopes, ConnectorID: authCode.ConnectorID,
		Nonce: authCode.Nonce, AuthTime: authCode.AuthTime, SessionID: authCode.SessionID,
	})
	status, message, ok := claimshook.Page(err)
	if !ok {
		return ctx, nil
	}
	h.Logger.ErrorContext(ctx, "device authorization ended by the claims hook", "client_id", client.ID, "err", err)
	if status == http.StatusForbidden {
		err := h.Storage.UpdateDeviceToken(ctx, deviceCode, func(old storage.DeviceToken) (storage.DeviceToken, error) {
			if old.Status == oauth2.DeviceTokenPending {
				old.Status = oauth2.AccessDenied
			}
			return old, nil
		})
		if err != nil {
			h.Logger.ErrorContext(ctx, "failed to update device token", "err", err)
		}
	}
	return ctx, &deviceFlowError{status: status, message: message}
}
