package dexpatch

import "strings"

// Lines of other files by which shapes are told.
var (
	prompts    = map[string]string{"server/prompt.go": "package server"}
	sessionIDs = map[string]string{"server/tokens/authorization.go": "\tSessionID string"}

	revokeClients = map[string]string{
		"server/tokens/refresh_store.go": `func (rt *RefreshStore) RevokeClients(ctx context.Context, userID, connectorID string, clientIDs []string) {`,
	}
)

// preflight asks about the tokens of an authorization before something is consumed.
const preflight = `if err := claimshook.Preflight(ctx, g.issuer.SignAccessToken, tokens.Authorization{
	Client: client, Claims: authCode.Claims, Scopes: authCode.Scopes, ConnectorID: authCode.ConnectorID,
	Nonce: authCode.Nonce, AuthTime: authCode.AuthTime, SessionID: authCode.SessionID,
}); err != nil {
	return nil, err
}
`

// refreshPreflight is the same for a refresh.
const refreshPreflight = `known := tokens.Authorization{Client: client, Claims: refreshToken.Claims, Scopes: scopes, ConnectorID: refreshToken.ConnectorID, Nonce: refreshToken.Nonce, AuthTime: authTime, SessionID: sessionID}
if userIdent != nil {
	known.Claims = userIdent.Claims
}
if err := claimshook.Preflight(ctx, g.issuer.SignAccessToken, known); err != nil {
	return nil, err
}

`

const (
	freshIdentity = `freshIdentity := func(ctx context.Context) (connector.Identity, error) {`
	tokenError    = "typ, description, status := claimshook.TokenError(ctx, w, oerr.Type, oerr.Description, oerr.Status)\noerr = &oauth2.Error{Type: typ, Description: description, Status: status}\n"
)

// devicePreflight is the same for a device.
const devicePreflight = `ctx = claimshook.WithGrantType(ctx, oauth2.GrantTypeDeviceCode)
if ferr := h.askClaimsHook(ctx, authCode, client, deviceReq.DeviceCode); ferr != nil {
	return "", ferr
}
`

// tokenEdits tell the hook the grant type, ask before a code or a refresh token is consumed, and give clients the answers that
// the RFCs ask for.
func tokenEdits() []Edit {
	return []Edit{
		{Name: "token", Why: "The token endpoint tells the grant type, and answers a refusal and a failure as the RFC of the grant says.", Variants: []Variant{
			{File: "server/grants/grants.go", Inserts: []Insert{
				imports("server/connectors"),
				{Func: "handleToken", Anchor: `grantType := r.PostFormValue("grant_type")`, After: "r = r.WithContext(claimshook.WithGrantType(ctx, grantType))\n"},
				{Func: "writeError", Anchor: `oauth2.WriteErrorResponse(h.Logger, w, oerr.Type, oerr.Description, oerr.Status)`,
					Before: tokenError},
			}},
			{File: "server/handlers.go", Lacks: prompts, Inserts: []Insert{
				{Func: "handleToken", Anchor: `grantType := r.PostFormValue("grant_type")`, After: "w, r = withClaimsHook(w, r, grantType)\n"},
				{Func: "tokenErrHelper", Anchor: `if err := tokenErr(w, typ, description, statusCode); err != nil {`, Before: "typ, description, statusCode = claimsHookError(w, typ, description, statusCode)\n"},
			}},
		}},
		{Name: "code", Why: "The hook is asked before a code is consumed, so that a failure costs nobody a login.", Variants: []Variant{
			{File: "server/grants/authcode.go", Needs: sessionIDs, Inserts: []Insert{
				imports("server/connectors"),
				{Func: "Authorize", Anchor: `auth, withRefresh, err := ExchangeAuthCode(ctx, g.storage, g.connectors, g.logger, authCode, client)`, Before: preflight},
			}},
			{File: "server/grants/authcode.go", Inserts: []Insert{ // July and August 2026: the session is found at the exchange
				imports("server/connectors"),
				{Func: "Authorize", Anchor: `auth, withRefresh, err := ExchangeAuthCode(ctx, g.storage, g.connectors, g.logger, authCode, client, g.sessions)`,
					Before: strings.Replace(preflight, ", SessionID: authCode.SessionID,", ",", 1)},
			}},
			{File: "server/handlers.go", Lacks: prompts, Inserts: []Insert{
				{Func: "handleAuthCode", Anchor: `tokenResponse, err := s.exchangeAuthCode(ctx, w, authCode, client)`, Before: `if s.tokensEndedByClaimsHook(w, r, client.ID, authCode.Claims, authCode.Scopes, authCode.Nonce, authCode.ConnectorID) {
	return
}
`},
			}},
		}},
		{Name: "device", Why: "The same for a device, which signs in the browser's request: a refusal has a page there.", Variants: []Variant{
			{File: "server/device/device.go", Lay: []string{"head/server/device/claimshook.go"}, Needs: sessionIDs, Inserts: []Insert{
				{Func: "completeDeviceAuthorization", Anchor: `auth, withRefresh, err := grants.ExchangeAuthCode(ctx, h.Storage, h.Connectors, h.Logger, authCode, client)`, Before: devicePreflight},
				imports("server/connectors"),
			}},
			{File: "server/device/device.go", Lay: []string{"2026-07/server/device/claimshook.go"}, Inserts: []Insert{
				imports("server/connectors"),
				{Func: "completeDeviceAuthorization", Anchor: `auth, withRefresh, err := grants.ExchangeAuthCode(ctx, h.Storage, h.Connectors, h.Logger, authCode, client, h.Sessions)`, Before: devicePreflight},
			}},
			{File: "server/deviceflowhandlers.go", Lacks: prompts, Inserts: []Insert{
				imports("storage"),
				{Func: "handleDeviceCallback", Anchor: `resp, err := s.exchangeAuthCode(ctx, w, authCode, client)`, Before: `ctx = claimshook.WithGrantType(ctx, grantTypeDeviceCode)
if s.deviceEndedByClaimsHook(ctx, w, r, authCode, client, deviceReq.DeviceCode) {
	return
}
`},
			}},
		}},
		{Name: "poll", Why: "A device whose person was refused learns it when it polls (RFC 8628 3.5).", Variants: []Variant{
			{File: "server/grants/devicecode.go", Inserts: []Insert{
				{Func: "Authorize", Anchor: `case oauth2.DeviceTokenComplete:`, Before: "case oauth2.AccessDenied:\n\treturn nil, &oauth2.Error{Type: oauth2.AccessDenied, Status: http.StatusBadRequest}\n\n"},
			}},
			{File: "server/deviceflowhandlers.go", Lacks: prompts, Inserts: []Insert{
				{Func: "handleDeviceToken", Anchor: `case deviceTokenComplete:`, Before: "case errAccessDenied:\n\ts.tokenErrHelper(w, errAccessDenied, \"\", http.StatusBadRequest)\n"},
			}},
		}},
		{Name: "refresh", Why: "The hook is asked before a refresh token is rotated, with the identity as it was last seen.", Variants: []Variant{
			{File: "server/grants/refresh.go", Inserts: []Insert{
				imports("server/connectors"),
				{Func: "Authorize", Anchor: `var sessionID string`},
				{Func: "Authorize", Anchor: freshIdentity, Before: refreshPreflight},
			}},
			{File: "server/refreshhandlers.go", Lacks: prompts, Inserts: []Insert{
				{Func: "handleRefreshToken", Anchor: `newToken, ident, rerr := s.updateRefreshToken(r.Context(), rCtx)`, Before: `if s.tokensEndedByClaimsHook(w, r, client.ID, rCtx.storageToken.Claims, rCtx.scopes, rCtx.storageToken.Nonce, rCtx.storageToken.ConnectorID) {
	return
}

`},
			}},
		}},
	}
}

// optionalEdits are not needed for the hook. Where one finds no place, the tool says what is lost.
func optionalEdits() []Edit {
	return []Edit{
		{Name: "revoke", Why: "Optional: a refusal may end the refresh tokens that the person has for the client.", Lost: "allowRevoke has no effect", Variants: []Variant{
			{File: "server/tokens/issuer.go", Needs: revokeClients, Inserts: []Insert{
				{Func: "SignIDToken", Anchor: `issuedAt := i.now()`, Before: `ctx = claimshook.WithRevoke(ctx, func() {
	i.Refresh.RevokeClients(ctx, auth.Claims.UserID, auth.ConnectorID, []string{auth.Client.ID})
})
`},
			}},
			{File: "server/oauth2.go", Inserts: []Insert{
				{Func: "newIDToken", Anchor: `issuedAt := s.now()`, Before: "ctx = claimshook.WithRevoke(ctx, func() { s.revokeForClaimsHook(ctx, claims.UserID, connID, clientID) })\n"},
			}},
		}},
		{Name: "hang", Why: "Optional, and of use without the hook: Rotate runs freshIdentity inside a storage transaction, where reading the offline session never returns with one mutex (memory) or one connection (sqlite3).",
			Lost: "the second refresh of a token may hang with memory or sqlite3 storage", Variants: []Variant{
				{File: "server/grants/refresh.go", Inserts: []Insert{
					{Func: "Authorize", Anchor: freshIdentity, Before: "connectorData, dataErr := g.refreshConnectorData(ctx, refreshToken)\n"},
					{Func: "Authorize", Anchor: `connectorData, err := g.refreshConnectorData(ctx, refreshToken)`, Before: `if dataErr == nil {
	return g.refreshWithConnector(ctx, conn, connectorData, scopes, tokens.IdentityFromClaims(refreshToken.Claims))
}
`},
				}},
				{File: "server/refreshhandlers.go", Inserts: []Insert{ // reads it before the transaction
					{Func: "getRefreshTokenFromStorage", Anchor: `refreshCtx.connectorData = session.ConnectorData`},
				}},
			}},
	}
}
