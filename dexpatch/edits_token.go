package dexpatch

// preflight asks about the tokens of an authorization before a code is consumed.
const preflight = `if err := g.issuer.CheckTokens(ctx, tokens.Authorization{
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
if err := g.issuer.CheckTokens(ctx, known); err != nil {
	return nil, err
}

`

const (
	freshIdentity = `freshIdentity := func(ctx context.Context) (connector.Identity, error) {`
	tokenError    = "typ, description, status := claimshook.TokenError(ctx, w, oerr.Type, oerr.Description, oerr.Status)\noerr = &oauth2.Error{Type: typ, Description: description, Status: status}\n"
)

// tokenEdits tell the hook the grant type, ask before a code or a refresh token is consumed, and give clients the answers that
// the RFCs ask for.
func tokenEdits() []Edit {
	return []Edit{
		{Why: "The token endpoint tells the grant type, and answers a refusal and a failure as the RFC of the grant says.", Variants: []Variant{
			{File: "server/handlers.go", Inserts: []Insert{
				{Func: "handleToken", Anchor: `grantType := r.PostFormValue("grant_type")`, After: "w, r = withClaimsHook(w, r, grantType)\n"},
				{Func: "tokenErrHelper", Anchor: `if err := tokenErr(w, typ, description, statusCode); err != nil {`, Before: "typ, description, statusCode = claimsHookError(w, typ, description, statusCode)\n"},
			}},
			{File: "server/grants/grants.go", Inserts: []Insert{
				imports("server/connectors"),
				{Func: "handleToken", Anchor: `grantType := r.PostFormValue("grant_type")`, After: "r = r.WithContext(claimshook.WithGrantType(ctx, grantType))\n"},
				{Func: "writeError", Anchor: `oauth2.WriteErrorResponse(h.Logger, w, oerr.Type, oerr.Description, oerr.Status)`, Before: tokenError},
			}},
		}},
		{Why: "The hook is asked before a code is consumed, so that a failure costs nobody a login.", Variants: []Variant{
			{File: "server/handlers.go", Inserts: []Insert{
				{Func: "handleAuthCode", Anchor: `tokenResponse, err := s.exchangeAuthCode(ctx, w, authCode, client)`, Before: `if s.tokensEndedByClaimsHook(w, r, client.ID, authCode.Claims, authCode.Scopes, authCode.Nonce, authCode.ConnectorID) {
	return
}
`},
			}},
			{File: "server/grants/authcode.go", Inserts: []Insert{
				{Func: "Authorize", Anchor: `auth, withRefresh, err := ExchangeAuthCode(ctx, g.storage, g.connectors, g.logger, authCode, client)`, Before: preflight},
			}},
		}},
		{Why: "The same for a device, which signs in the browser's request: a refusal has a page there.", Variants: []Variant{
			{File: "server/deviceflowhandlers.go", Inserts: []Insert{
				{Func: "handleDeviceCallback", Anchor: `resp, err := s.exchangeAuthCode(ctx, w, authCode, client)`, Before: `ctx, ended := s.deviceEndedByClaimsHook(ctx, w, r, authCode, client, deviceReq.DeviceCode)
if ended {
	return
}
`},
			}},
			{File: "server/device/device.go", Lay: []string{"head/server/device/claimshook.go"}, Inserts: []Insert{
				{Func: "completeDeviceAuthorization", Anchor: `auth, withRefresh, err := grants.ExchangeAuthCode(ctx, h.Storage, h.Connectors, h.Logger, authCode, client)`,
					Before: "ctx, ferr := h.askClaimsHook(ctx, authCode, client, deviceReq.DeviceCode)\nif ferr != nil {\n\treturn \"\", ferr\n}\n"},
			}},
		}},
		{Why: "A device whose person was refused learns it when it polls (RFC 8628 3.5).", Variants: []Variant{
			{File: "server/deviceflowhandlers.go", Inserts: []Insert{
				{Func: "handleDeviceToken", Anchor: `case deviceTokenComplete:`, Before: "case errAccessDenied:\n\ts.tokenErrHelper(w, errAccessDenied, \"\", http.StatusBadRequest)\n"},
			}},
			{File: "server/grants/devicecode.go", Inserts: []Insert{
				{Func: "Authorize", Anchor: `case oauth2.DeviceTokenComplete:`, Before: "case oauth2.AccessDenied:\n\treturn nil, &oauth2.Error{Type: oauth2.AccessDenied, Status: http.StatusBadRequest}\n\n"},
			}},
		}},
		{Why: "The hook is asked before a refresh token is rotated, with the identity as it was last seen.", Variants: []Variant{
			{File: "server/refreshhandlers.go", Inserts: []Insert{
				{Func: "handleRefreshToken", Anchor: `newToken, ident, rerr := s.updateRefreshToken(r.Context(), rCtx)`, Before: `if s.tokensEndedByClaimsHook(w, r, client.ID, rCtx.storageToken.Claims, rCtx.scopes, rCtx.storageToken.Nonce, rCtx.storageToken.ConnectorID) {
	return
}

`},
			}},
			{File: "server/grants/refresh.go", Inserts: []Insert{{Func: "Authorize", Anchor: freshIdentity, Before: refreshPreflight}}},
		}},
	}
}

// optionalEdits are not needed for the hook. Where one finds no place, the tool says what is lost.
func optionalEdits() []Edit {
	return []Edit{
		{Why: "Optional: discovery lists the claims that the hook adds.", Lost: "claimsSupported is not listed in discovery", Variants: []Variant{
			{File: "server/handlers.go", Inserts: []Insert{
				{Func: "constructDiscovery", Anchor: `d.GrantTypes = s.supportedGrantTypes`, After: "d.Claims = append(d.Claims, s.claimsHook.SupportedClaims()...)\n"},
			}},
			{File: "server/discovery/discovery.go", Inserts: []Insert{
				imports("server/oauth2"),
				{Anchor: `docOnce sync.Once`, Before: "ClaimsHook *claimshook.Hook\n\n"},
				{Func: "Construct", Anchor: `d.GrantTypes = h.GrantTypes`, After: "d.Claims = append(d.Claims, h.ClaimsHook.SupportedClaims()...)\n"},
			}},
		}},
		{Why: "Optional, and of use without the hook: Rotate runs freshIdentity inside a storage transaction, where reading the offline session never returns with one mutex (memory) or one connection (sqlite3).",
			Lost: "the second refresh of a token may hang with memory or sqlite3 storage", Variants: []Variant{
				{File: "server/refreshhandlers.go", Inserts: []Insert{ // reads it before the transaction
					{Func: "getRefreshTokenFromStorage", Anchor: `refreshCtx.connectorData = session.ConnectorData`},
				}},
				{File: "server/grants/refresh.go", Inserts: []Insert{
					{Func: "Authorize", Anchor: freshIdentity, Before: "connectorData, dataErr := g.refreshConnectorData(ctx, refreshToken)\n"},
					{Func: "Authorize", Anchor: `connectorData, err := g.refreshConnectorData(ctx, refreshToken)`, Before: `if dataErr == nil {
	return g.refreshWithConnector(ctx, conn, connectorData, scopes, tokens.IdentityFromClaims(refreshToken.Claims))
}
`},
				}},
			}},
	}
}
