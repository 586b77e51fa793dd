package dexpatch

// The new files that the edits of the login call, by shape of Dex. Those of the releases hold what the edits of the token
// endpoint call, too, because there all is one package.
var (
	loginFiles = []string{"head/server/authflow/claimshook.go", "head/server/templates/refused.go", "head/web/templates/refused.html"}
	v245Files  = []string{"v2.45/server/claimshook.go", "v2.45/server/claimshook_page.go", "v2.45/web/templates/refused.html"}
)

// Statements by which the shapes are told where Dex's server is one package.
const (
	updater        = `updater := func(a storage.AuthRequest) (storage.AuthRequest, error) {`
	finalizeFailed = `s.logger.ErrorContext(r.Context(), "failed to finalize login", "err", err)`
	spnegoFailed   = `s.logger.ErrorContext(ctx, "failed to finalize login", "err", err)`
	sessionIssued  = `s.updateSessionTokenIssuedAt(r, authReq.ClientID)`
)

// pass asks before a response of the authorization endpoint there.
const pass = `r, ok := s.passClaimsHook(w, r, authReq)
if !ok {
	return
}
`

// showPage answers a login that the hook ended, before Dex would render its own words.
func showPage(handler string) string {
	return "if " + handler + ".endedByClaimsHook(w, r, authReq, err) {\n\treturn\n}\n"
}

// loginEdits ask when somebody signs in, and show a refusal to the person.
func loginEdits() []Edit {
	return []Edit{
		{Name: "login", Why: "A login is asked about before anything of it is stored.", Variants: []Variant{
			{File: "server/authflow/finalize.go", Lay: loginFiles, Inserts: []Insert{
				{Func: "finalizeLogin", Anchor: updater, Before: `if err := h.askClaimsHook(ctx, authReq, claims, h.Now()); err != nil {
	return authReq, err
}

`},
			}},
			{File: "server/handlers.go", Lay: v245Files, Inserts: []Insert{
				{Func: "finalizeLogin", Anchor: updater, Before: `if err := s.askClaimsHook(ctx, authReq, claims); err != nil {
	return "", false, err
}

`},
				{Func: "finalizeLogin", Anchor: `a.AuthTime = s.now()`, Count: absent},
			}},
		}},
		{Name: "callback", Why: "A refusal at the callback of a connector, SAML included, is shown on a page.", Variants: []Variant{
			{File: "server/authflow/callback.go", Inserts: []Insert{
				{Func: "handleConnectorCallback", Anchor: `h.renderError(r, w, http.StatusInternalServerError, "Login error.")`, Before: showPage("h")},
			}},
			{File: "server/handlers.go", Inserts: []Insert{
				{Func: "handleConnectorCallback", Anchor: finalizeFailed, After: showPage("s")},
			}},
		}},
		{Name: "password", Why: "The same for password logins and for SPNEGO.", Variants: []Variant{
			{File: "server/authflow/password.go", Inserts: []Insert{
				{Func: "handlePasswordLogin", Anchor: `h.renderError(r, w, http.StatusInternalServerError, "Login error.")`, Count: 2, Before: showPage("h")},
			}},
			{File: "server/handlers.go", Inserts: []Insert{
				{Func: "handlePasswordLogin", Anchor: finalizeFailed, After: showPage("s")},
				{Func: "handlePasswordLogin", Anchor: spnegoFailed, Count: absent},
			}},
		}},
		{Name: "response", Why: "Every login is asked about once more directly before its response: MFA and consent take time, and a session skips the login.", Variants: []Variant{
			{File: "server/authflow/dispatch.go", Inserts: []Insert{
				{Func: "dispatch", Anchor: `// Fully authorized — issue the response.`, Before: `r, ok := h.passClaimsHook(w, r, authReq)
if !ok {
	return
}

`},
			}},
			{File: "server/handlers.go", Inserts: []Insert{
				{Func: "sendCodeResponse", Anchor: `ctx := r.Context()`, Before: pass},
				{Func: "sendCodeResponse", Anchor: sessionIssued, Count: absent},
			}},
		}},
	}
}
