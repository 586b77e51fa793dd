package dexpatch

import "strings"

// between returns, by the name of an edit, its variants for the main line of Dex from 2026-03-19, when tokens got auth_time,
// to 2026-07-30. At first the server was one package; from 2026-07-14 on it was split into files and then into packages.
func between() map[string][]Variant {
	out := map[string][]Variant{}
	for _, more := range []map[string][]Variant{signBetween(), loginBetween(), tokenBetween(), splitUp()} {
		for name, variants := range more {
			out[name] = append(out[name], variants...)
		}
	}
	return out
}

// in returns a variant for each of the files in which its function stood in turn.
func in(files string, v Variant) []Variant {
	var out []Variant
	for _, f := range strings.Fields(files) {
		v.File = "server/" + f
		out = append(out, v)
	}
	return out
}

// Lines of other files by which the shapes are told.
var (
	functions     = map[string]string{"server/oauth2.go": newIDTokenLine}
	tokenIssuer   = map[string]string{"server/token_issuer.go": "package server"}
	tokensPackage = map[string]string{"server/tokens/issuer.go": "package tokens"}
)

const newIDTokenLine = `func (s *Server) newIDToken(ctx context.Context, clientID string, claims storage.Claims, scopes []string, nonce, accessToken, code, connID string, authTime time.Time) (idToken string, expiry time.Time, err error) {`

// extend is the call between marshal and sign, from the method of owner.
func extend(owner, rest string) string {
	return `payload, err = claimshook.Extend(ctx, ` + owner + `.signer, payload, claimshook.Token{` + rest + `})
if err != nil {
	return "", expiry, err
}

`
}

// revoke gives the hook a way to end refresh tokens.
func revoke(owner string) string {
	return "ctx = claimshook.WithRevoke(ctx, func() { " + owner + ".revokeForClaimsHook(ctx, auth.Claims.UserID, auth.ConnectorID, auth.Client.ID) })\n"
}

func signBetween() map[string][]Variant {
	const access = "ctx = claimshook.WithAccessToken(ctx)\n"
	return map[string][]Variant{
		"sign": {
			{File: "server/oauth2.go", Inserts: []Insert{
				imports("server/internal"),
				{Func: "newAccessToken", Anchor: `return s.newIDToken(ctx, clientID, claims, scopes, nonce, storage.NewID(), "", connID, authTime)`, Before: access},
				{Func: "newIDToken", Anchor: `if idToken, err = s.signer.Sign(ctx, payload); err != nil {`,
					Before: extend("s", "ClientID: clientID, ConnectorID: connID, Scopes: scopes, Identity: claimshook.Identity(claims)")},
			}},
			{File: "server/token_issuer.go", Inserts: []Insert{
				imports("server/internal"),
				{Func: "signAccessToken", Anchor: `return t.signIDToken(ctx, auth, storage.NewID(), "")`, Before: access},
				{Func: "signIDToken", Anchor: `idToken, err := t.signer.Sign(ctx, payload)`,
					Before: extend("t", "ClientID: clientID, ConnectorID: auth.ConnectorID, Scopes: auth.Scopes, Identity: claimshook.Identity(auth.Claims)")},
			}},
		},
		"carry": {{File: "cmd/dex/serve.go", Inserts: []Insert{
			imports("server/connectors"), none(`"github.com/dexidp/dex/server/session"`),
			{Func: "runServe", Anchor: `serverConfig := server.Config{`, Before: wrap("server.RequestKeyRequestID")},
		}}},
		"discovery": {
			{File: "server/discovery.go", Inserts: []Insert{
				{Anchor: `"github.com/go-jose/go-jose/v4"`, After: "\n" + hookImportLine},
				{Func: "constructDiscovery", Anchor: `d.GrantTypes = s.supportedGrantTypes`, After: "d.Claims = append(d.Claims, claimshook.ClaimsSupported(s.signer)...)\n"},
			}},
			{File: "server/discovery/discovery.go", Inserts: []Insert{
				imports("server/router"), none(`"github.com/dexidp/dex/server/oauth2"`),
				{Func: "Construct", Anchor: `d.GrantTypes = h.GrantTypes`, After: "d.Claims = append(d.Claims, claimshook.ClaimsSupported(h.Signer)...)\n"},
			}},
		},
		"revoke": {
			{File: "server/token_issuer.go", Lay: []string{"2026-07-15/server/claimshook_revoke.go"}, Inserts: []Insert{
				{Func: "signIDToken", Anchor: `issuedAt := t.now()`, Before: revoke("t")},
			}},
			{File: "server/tokens/issuer.go", Lacks: revokeClients, Lay: []string{"2026-07-16/server/tokens/claimshook.go"}, Inserts: []Insert{
				{Func: "SignIDToken", Anchor: `issuedAt := i.now()`, Before: revoke("i.Refresh")},
			}},
		},
		"hang": in("grant_refresh.go", Variant{Inserts: []Insert{{Func: "getRefreshTokenFromStorage", Anchor: `refreshCtx.connectorData = session.ConnectorData`}}}),
	}
}

func loginBetween() map[string][]Variant {
	login := []Insert{{Func: "finalizeLogin", Anchor: `a.AuthTime = s.now()`}, {Func: "finalizeLogin", Anchor: updater, Before: `if err := s.askClaimsHook(ctx, authReq, claims, s.now()); err != nil {
	return "", false, err
}

`}}
	const page, template, refused = "2026-03/server/claimshook_page.go", "head/web/templates/refused.html", "2026-03/server/claimshook_refused.go"
	asked := func(needs map[string]string, lay ...string) []Variant {
		return in("handlers.go login.go", Variant{Inserts: login, Needs: needs, Lay: append(lay, page, template)})
	}
	failed := Insert{Func: "handlePasswordLogin", Anchor: finalizeFailed, After: showPage("s")}
	spnego := Insert{Func: "handlePasswordLogin", Anchor: spnegoFailed, After: showPage("s")}
	return map[string][]Variant{
		"login": append(append(
			asked(functions, "2026-03/server/claimshook_sign.go", refused),
			asked(tokenIssuer, "2026-07-15/server/claimshook_sign.go", refused)...),
			asked(tokensPackage, "2026-07-16/server/claimshook_sign.go", "head/server/templates/refused.go")...),
		"callback": in("login.go", Variant{Inserts: []Insert{{Func: "handleConnectorCallback", Anchor: finalizeFailed, After: showPage("s")}}}),
		"password": in("handlers.go login.go", Variant{Inserts: []Insert{failed, spnego}}),
		"response": in("handlers.go approval.go", Variant{Inserts: []Insert{{Func: "sendCodeResponse", Anchor: sessionIssued, Before: pass + "\n"}}}),
	}
}

func tokenBetween() map[string][]Variant {
	ended := func(call string) string { return "if s." + call + " {\n\treturn\n}\n\n" }
	endpoint := func(write string) Variant {
		return Variant{Needs: prompts, Lay: []string{"2026-03/server/claimshook.go"}, Inserts: []Insert{
			{Func: "handleToken", Anchor: `grantType := r.PostFormValue("grant_type")`, After: "w, r = withClaimsHook(w, r, grantType)\n"},
			{Func: "tokenErrHelper", Anchor: write, Before: "typ, description, statusCode = claimsHookError(w, typ, description, statusCode)\n"},
		}}
	}
	poll := func(complete, denied string) Variant {
		return Variant{Needs: prompts, Inserts: []Insert{{Func: "handleDeviceToken", Anchor: "case " + complete + ":",
			Before: "case " + denied + ":\n\ts.tokenErrHelper(w, " + denied + ", \"\", http.StatusBadRequest)\n"}}}
	}
	refresh := func(rotate, call string) Variant {
		return Variant{Needs: prompts, Inserts: []Insert{{Func: "handleRefreshToken", Anchor: rotate, Before: ended("refreshEndedByClaimsHook(w, r, " + call + ")")}}}
	}
	return map[string][]Variant{
		"token": append(in("handlers.go token.go", endpoint(`if err := tokenErr(w, typ, description, statusCode); err != nil {`)),
			in("token.go", endpoint(`if err := oauth2.WriteError(w, typ, description, statusCode); err != nil {`))...),
		"code": in("handlers.go grant_authcode.go", Variant{Needs: prompts, Inserts: []Insert{
			{Func: "handleAuthCode", Anchor: `tokenResponse, err := s.exchangeAuthCode(ctx, w, authCode, client)`,
				Before: ended("tokensEndedByClaimsHook(w, r, hookSubjectOfCode(authCode, client))")},
		}}),
		"device": in("deviceflowhandlers.go device_callback.go", Variant{Needs: prompts, Inserts: []Insert{
			{Func: "handleDeviceCallback", Anchor: `resp, err := s.exchangeAuthCode(ctx, w, authCode, client)`, Before: `ctx, ended := s.deviceEndedByClaimsHook(ctx, w, r, authCode, client, deviceReq.DeviceCode)
if ended {
	return
}

`},
		}}),
		"poll": append(in("deviceflowhandlers.go grant_devicecode.go", poll("deviceTokenComplete", "errAccessDenied")),
			in("grant_devicecode.go", poll("oauth2.DeviceTokenComplete", "oauth2.AccessDenied"))...),
		"refresh": append(append(append(
			in("refreshhandlers.go", refresh(`newToken, ident, rerr := s.updateRefreshToken(r.Context(), rCtx)`, "rCtx.storageToken, rCtx.scopes, nil")),
			in("refreshhandlers.go grant_refresh.go", refresh(`newToken, ident, rerr := s.updateRefreshToken(r.Context(), rCtx, userIdent)`, "rCtx.storageToken, rCtx.scopes, userIdent"))...),
			in("grant_refresh.go", refresh(`rawNewToken, ident, err := s.issuer.refresh.rotate(r.Context(), refresh, token, s.refreshTokenPolicy, freshIdentity)`, "refresh, scopes, userIdent"))...),
			in("grant_refresh.go", refresh(`rawNewToken, ident, err := s.issuer.Refresh.Rotate(r.Context(), refresh, token, s.refreshTokenPolicy, freshIdentity)`, "refresh, scopes, userIdent"))...),
	}
}

// splitUp holds for the packages of today before they knew the id of a session.
func splitUp() map[string][]Variant {
	const exchange = `auth, withRefresh, err := ExchangeAuthCode(ctx, g.storage, g.connectors, g.logger, authCode, client)`
	const deviceExchange = `auth, withRefresh, err := grants.ExchangeAuthCode(ctx, h.Storage, h.Connectors, h.Logger, authCode, client)`
	return map[string][]Variant{
		"token": {{File: "server/grants/grants.go", Inserts: []Insert{
			imports("server/connectors"),
			{Func: "handleToken", Anchor: `grantType := r.PostFormValue("grant_type")`, After: "r = r.WithContext(claimshook.WithGrantType(ctx, grantType))\n"},
			{Func: "writeError", Anchor: `if werr := oauth2.WriteError(w, oerr.Type, oerr.Description, oerr.Status); werr != nil {`, Before: tokenError},
		}}},
		"code": {{File: "server/grants/authcode.go", Lacks: sessionIDs, Inserts: []Insert{
			imports("server/connectors"), {Func: "Authorize", Anchor: exchange, Before: strings.Replace(preflight, ", SessionID: authCode.SessionID,", ",", 1)},
		}}},
		"device": {{File: "server/device/device.go", Lacks: sessionIDs, Lay: []string{"2026-07/server/device/claimshook.go"}, Inserts: []Insert{
			imports("server/connectors"), {Func: "completeDeviceAuthorization", Anchor: deviceExchange, Before: devicePreflight},
		}}},
		"refresh": {{File: "server/grants/refresh.go", Inserts: []Insert{
			imports("server/connectors"),
			{Func: "Authorize", Anchor: `var sessionID string`, Count: absent},
			{Func: "Authorize", Anchor: freshIdentity, Before: strings.Replace(refreshPreflight, ", SessionID: sessionID}", "}", 1)},
		}}},
	}
}
