package dexpatch

// Edit adds some lines to one file of Dex.
type Edit struct {
	// Why is a sentence for the reader of the diff.
	Why string
	// Variants are the shapes of Dex that are known. Exactly one of them has to fit.
	Variants []Variant
}

// Variant is an edit for one shape of Dex. It fits if all its anchors stand as often as they should.
type Variant struct {
	// File is the path in the Dex tree.
	File string
	// Inserts are the lines to add.
	Inserts []Insert
}

// Insert adds lines around a statement.
type Insert struct {
	// Func is the name of the function or method in which the anchor stands. Empty: anywhere in the file.
	Func string
	// Anchor is a whole line without its indentation.
	Anchor string
	// Count is how often the anchor must stand there; each gets the lines. 0 means once.
	Count int
	// Before and After are the lines, with the indentation that they have beside the anchor.
	Before, After string
}

// imports adds the import of the package that is laid in before another import.
func imports(before string) Insert {
	return Insert{Anchor: `"github.com/dexidp/dex/` + before + `"`, Before: "\"github.com/dexidp/dex/server/claimshook\"\n"}
}

// showPage renders a login that the hook ended, before Dex would render its own words.
const showPage = `if status, message, ok := claimshook.Page(err); ok {
	h.renderError(r, w, status, message)
	return
}
`

// answerToken answers a token request that the hook ended, before Dex would answer that it failed.
const answerToken = `if typ, description, status, ok := claimshook.TokenError(ctx, err); ok {
	return nil, &oauth2.Error{Type: typ, Description: description, Status: status}
}
`

// Edits returns the edits in the order in which a reader should meet them.
func Edits() []Edit {
	return append(coreEdits(), append(loginEdits(), tokenEdits()...)...)
}

// coreEdits configure the hook, carry it beside the signer and call it.
func coreEdits() []Edit {
	return []Edit{
		{"Each payload passes the hook before it is signed; Sign itself, and so logout tokens, stay as they are.", []Variant{{
			"server/tokens/issuer.go", []Insert{
				imports("server/signer"),
				{Func: "SignAccessToken", Anchor: `return i.SignIDToken(ctx, auth, storage.NewID(), "")`, Before: "ctx = claimshook.WithAccessToken(ctx)\n"},
				{Func: "SignIDToken", Anchor: `idToken, err := i.signer.Sign(ctx, payload)`, Before: `payload, err = claimshook.Extend(ctx, i.signer, payload, claimshook.Token{
	ClientID:    clientID,
	Audience:    tok.Audience,
	ConnectorID: auth.ConnectorID,
	Scopes:      auth.Scopes,
	Identity:    claimshook.Identity(auth.Claims),
})
if err != nil {
	return "", expiry, err
}

`},
			}}}},
		{"claimsHook is a key of the configuration.", []Variant{{
			"cmd/dex/config.go", []Insert{
				imports("server/connectors"),
				{Anchor: "Signer Signer `json:\"signer\"`", After: `
// ClaimsHook asks a service which claims tokens carry, before they are signed.
ClaimsHook claimshook.Config ` + "`json:\"claimsHook\"`\n"},
			}}}},
		{"The hook travels beside the signer, which is at hand wherever it is needed.", []Variant{{
			"cmd/dex/serve.go", []Insert{
				imports("server/connectors"),
				{Anchor: `"github.com/dexidp/dex/server/session"`, Before: "\"github.com/dexidp/dex/server/reqctx\"\n"},
				{Anchor: `grpcAddr      string`, After: "\nrequireClaimsHook bool\n"},
				{Func: "commandServe", Anchor: `flags.StringVar(&options.grpcAddr, "grpc-addr", "", "gRPC API address")`,
					After: "flags.BoolVar(&options.requireClaimsHook, \"require-claims-hook\", false, \"Do not start without claimsHook in the config file\")\n"},
				{Func: "runServe", Anchor: `serverConfig := server.Config{`, Before: `hook, err := claimshook.New(c.ClaimsHook, claimshook.Options{Required: options.requireClaimsHook, RequestIDKey: reqctx.RequestKeyRequestID, Logger: logger})
if err != nil {
	return fmt.Errorf("invalid config: %v", err)
}
if hook != nil {
	defer hook.Close()
	signerInstance = struct {
		signer.Signer
		*claimshook.Hook
	}{signerInstance, hook}
}

`},
			}}}},
		{"Discovery lists the claims that the hook adds.", []Variant{{
			"server/discovery/discovery.go", []Insert{
				imports("server/oauth2"),
				{Func: "Construct", Anchor: `d.GrantTypes = h.GrantTypes`, After: "d.Claims = append(d.Claims, claimshook.ClaimsSupported(h.Signer)...)\n"},
			}}}},
	}
}

// loginEdits ask once more when somebody signs in, and show a refusal to the person.
func loginEdits() []Edit {
	return []Edit{
		{"A login is asked about before anything of it is stored, with the payload that the issuer would sign.", []Variant{{
			"server/authflow/finalize.go", []Insert{
				imports("server/tokens"),
				{Func: "finalizeLogin", Anchor: `updater := func(a storage.AuthRequest) (storage.AuthRequest, error) {`, Before: `// The claims hook may refuse a login, so it is asked while nothing is stored.
if err := claimshook.Login(ctx, h.Signer, func(ctx context.Context) error {
	_, _, err := h.Issuer.SignIDToken(ctx, tokens.Authorization{
		Client: storage.Client{ID: authReq.ClientID}, Claims: claims, Scopes: authReq.Scopes,
		ConnectorID: authReq.ConnectorID, Nonce: authReq.Nonce, AuthTime: h.Now(),
	}, "", "")
	return err
}); err != nil {
	return storage.AuthRequest{}, err
}

`},
			}}}},
		{"A refusal at the callback of a connector is shown on the error page.", []Variant{{
			"server/authflow/callback.go", []Insert{
				imports("server/tokens"),
				{Func: "handleConnectorCallback", Anchor: `h.renderError(r, w, http.StatusInternalServerError, "Login error.")`, Before: showPage},
			}}}},
		{"The same for password logins and for SPNEGO.", []Variant{{
			"server/authflow/password.go", []Insert{
				imports("server/tokens"),
				{Func: "handlePasswordLogin", Anchor: `h.renderError(r, w, http.StatusInternalServerError, "Login error.")`, Count: 2, Before: showPage},
			}}}},
		{"The device flow signs in the browser's request, so a refusal has a page there too.", []Variant{{
			"server/device/device.go", []Insert{
				imports("server/connectors"),
				{Func: "completeDeviceAuthorization", Anchor: `resp, err := h.Issuer.IssueResponse(ctx, auth, authCode.ID, withRefresh)`,
					Before: "ctx = claimshook.WithGrantType(ctx, oauth2.GrantTypeDeviceCode)\n"},
				{Func: "completeDeviceAuthorization", Anchor: `h.Logger.ErrorContext(ctx, "could not issue tokens for device flow", "client_id", deviceReq.ClientID, "err", err)`,
					After: `if status, message, ok := claimshook.Page(err); ok {
	return "", &deviceFlowError{status: status, message: message}
}
`},
			}}}},
	}
}

// tokenEdits tell the hook the grant type, and give clients the answers that the RFCs ask for.
func tokenEdits() []Edit {
	return []Edit{
		{"The token endpoint tells the grant type and answers a refusal with invalid_grant, a failure with 503.", []Variant{{
			"server/grants/grants.go", []Insert{
				imports("server/connectors"),
				{Func: "handleToken", Anchor: `grantType := r.PostFormValue("grant_type")`, After: "r = r.WithContext(claimshook.WithGrantType(ctx, grantType))\n"},
				{Func: "issueTokens", Anchor: `logger.ErrorContext(ctx, "failed to issue tokens", "err", err)`, After: answerToken},
			}}}},
		{"The refresh grant signs by itself.", []Variant{{
			"server/grants/refresh.go", []Insert{
				imports("server/connectors"),
				{Func: "Authorize", Anchor: `g.logger.ErrorContext(ctx, "failed to create new access token", "err", err)`, After: answerToken},
				{Func: "Authorize", Anchor: `g.logger.ErrorContext(ctx, "failed to create ID token", "err", err)`, After: answerToken},
			}}}},
		{"So does token exchange.", []Variant{{
			"server/grants/tokenexchange.go", []Insert{
				imports("server/connectors"),
				{Func: "Authorize", Anchor: `g.logger.ErrorContext(ctx, "token exchange failed to create new token", "requested_token_type", reqType, "err", err)`, After: answerToken},
			}}}},
		{"Tokens of the authorization endpoint have no grant type on the wire.", []Variant{{
			"server/authflow/response.go", []Insert{
				imports("server/oauth2"),
				{Func: "writeResponse", Anchor: `for _, handle := range []responseTypeHandler{`, Before: "ctx = claimshook.WithGrantType(ctx, oauth2.GrantTypeImplicit)\n"},
			}}}},
	}
}
