package dexpatch

// The new files that the edits of the login call, by shape of Dex.
var (
	headLogin = []string{"head/server/authflow/claimshook.go", "head/server/templates/refused.go", "any/web/templates/refused.html"}
	v245Login = []string{"v2.45/server/claimshook_page.go", "any/web/templates/refused.html"}
)

// updater is the statement before which a login is asked about: nothing of it is stored yet.
const updater = `updater := func(a storage.AuthRequest) (storage.AuthRequest, error) {`

// showPage answers a login that the hook ended, before Dex would render its own words.
func showPage(handler string) string {
	return "if " + handler + ".endedByClaimsHook(w, r, authReq, err) {\n\treturn\n}\n"
}

// pass asks before a response of the authorization endpoint.
func pass(handler string) string {
	return "r, ok := " + handler + ".passClaimsHook(w, r, authReq)\nif !ok {\n\treturn\n}\n"
}

// loginEdits ask when somebody signs in, and show a refusal to the person.
func loginEdits() []Edit {
	const finalizeFailed = `s.logger.ErrorContext(r.Context(), "failed to finalize login", "err", err)`
	return []Edit{
		{Why: "A login is asked about before anything of it is stored.", Variants: []Variant{
			{File: "server/handlers.go", Lay: v245Login, Inserts: []Insert{
				{Func: "finalizeLogin", Anchor: updater, Before: "if err := s.askAboutLogin(ctx, authReq, claims); err != nil {\n\treturn \"\", false, err\n}\n\n"},
			}},
			{File: "server/authflow/finalize.go", Lay: headLogin, Inserts: []Insert{
				{Func: "finalizeLogin", Anchor: updater, Before: "if err := h.askClaimsHook(ctx, authReq, claims, h.Now()); err != nil {\n\treturn authReq, err\n}\n\n"},
			}},
		}},
		{Why: "A refusal at the callback of a connector, SAML included, is shown on a page.", Variants: []Variant{
			{File: "server/handlers.go", Inserts: []Insert{
				{Func: "handleConnectorCallback", Anchor: finalizeFailed, After: showPage("s")},
			}},
			{File: "server/authflow/callback.go", Inserts: []Insert{
				{Func: "handleConnectorCallback", Anchor: `h.renderError(r, w, http.StatusInternalServerError, "Login error.")`, Before: showPage("h")},
			}},
		}},
		{Why: "The same for password logins and, where Dex has it, for SPNEGO.", Variants: []Variant{
			{File: "server/handlers.go", Inserts: []Insert{
				{Func: "handlePasswordLogin", Anchor: finalizeFailed, After: showPage("s")},
			}},
			{File: "server/authflow/password.go", Inserts: []Insert{
				{Func: "handlePasswordLogin", Anchor: `h.renderError(r, w, http.StatusInternalServerError, "Login error.")`, Count: 2, Before: showPage("h")},
			}},
		}},
		{Why: "Every login is asked about once more directly before its response: consent and MFA take time, and a session skips the login.", Variants: []Variant{
			{File: "server/handlers.go", Inserts: []Insert{
				{Func: "sendCodeResponse", Anchor: `ctx := r.Context()`, Before: pass("s")},
			}},
			{File: "server/authflow/dispatch.go", Inserts: []Insert{
				{Func: "dispatch", Anchor: `// Fully authorized — issue the response.`, Before: pass("h") + "\n"},
			}},
		}},
	}
}
