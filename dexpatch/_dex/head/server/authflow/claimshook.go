package authflow

// claimshook.go asks the claims hook about a login, and tells the person or the
// client when it ended one.

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dexidp/dex/server/claimshook"
	"github.com/dexidp/dex/server/oauth2"
	"github.com/dexidp/dex/server/tokens"
	"github.com/dexidp/dex/storage"
)

// askClaimsHook asks whether the login may go on, with the payload that the issuer
// would sign for it. Nothing is stored.
func (h *Handler) askClaimsHook(ctx context.Context, authReq storage.AuthRequest, claims storage.Claims, authTime time.Time) error {
	authReq.Claims, authReq.AuthTime = claims, authTime
	return h.Issuer.CheckLogin(ctx, authorization(authReq))
}

// passClaimsHook asks once more before anything is issued: MFA and consent take
// time, and a session login was not asked about at all. Tokens of the authorization
// endpoint are asked about here too, while the request is still there. It returns
// false after it answered the request.
func (h *Handler) passClaimsHook(w http.ResponseWriter, r *http.Request, authReq storage.AuthRequest) (*http.Request, bool) {
	authReq.MFAValidated = true // nobody gets here without it
	ctx := r.Context()
	if frontChannel(authReq) {
		ctx = claimshook.WithGrantType(ctx, oauth2.GrantTypeImplicit) // both questions share one timeout
	}
	if err := h.askClaimsHook(ctx, authReq, authReq.Claims, authReq.AuthTime); err != nil {
		h.Logger.ErrorContext(ctx, "login ended by the claims hook", "client_id", authReq.ClientID, "err", err)
		if h.endedByClaimsHook(w, r, authReq, err) {
			return r, false
		}
	}
	if !frontChannel(authReq) {
		return r, true
	}
	if err := h.Issuer.CheckTokens(ctx, authorization(authReq)); err != nil {
		h.Logger.ErrorContext(ctx, "authorization response ended by the claims hook", "client_id", authReq.ClientID, "err", err)
		if code, description, ok := claimshook.AuthorizationError(err); ok {
			h.redirectEnded(w, r, authReq, code, description)
			return r, false
		}
	}
	return r.WithContext(ctx), true
}

// endedByClaimsHook answers a request that the claims hook ended: with a page, or at
// the client where no page is allowed. It returns false for any other error.
func (h *Handler) endedByClaimsHook(w http.ResponseWriter, r *http.Request, authReq storage.AuthRequest, err error) bool {
	code, description, ok := claimshook.AuthorizationError(err)
	if !ok {
		return false
	}
	if prompt, _ := oauth2.ParsePrompt(authReq.Prompt); prompt.None() && authReq.RedirectURI != oauth2.RedirectURIOOB {
		h.redirectEnded(w, r, authReq, code, description)
		return true
	}
	page := claimshook.Page
	if h.MFAEnabled && !authReq.MFAValidated {
		if required, mfaErr := h.mfaRequired(r.Context(), authReq.ClientID); required || mfaErr != nil {
			page = claimshook.BriefPage // whoever has one factor only learns nothing about the account
		}
	}
	status, message, _ := page(err)
	link, text := h.beginAgainURL(authReq, "select_account login"), "Use another account"
	if code != oauth2.AccessDenied {
		claimshook.RetryLater(w, err)
		link, text = h.beginAgainURL(authReq, ""), "Try again"
	}
	if err := h.Templates.Refused(r, w, status, message, link, text); err != nil {
		h.Logger.ErrorContext(r.Context(), "server template error", "err", err)
	}
	return true
}

// redirectEnded tells the client: in the fragment where the tokens would have been.
func (h *Handler) redirectEnded(w http.ResponseWriter, r *http.Request, authReq storage.AuthRequest, code, description string) {
	u, err := url.Parse(authReq.RedirectURI)
	if err != nil || !frontChannel(authReq) {
		h.redirectWithError(w, r, &authReq, code, description)
		return
	}
	u.Fragment = ""
	q := url.Values{"error": {code}, "error_description": {description}, "state": {authReq.State}}
	http.Redirect(w, r, u.String()+"#"+q.Encode(), http.StatusSeeOther)
}

// beginAgainURL is the authorization request from its beginning: nothing of it can be used
// again, because an upstream's code is good for one login. A login prompt keeps a session
// from answering in the person's place.
func (h *Handler) beginAgainURL(authReq storage.AuthRequest, prompt string) string {
	if asked, _ := oauth2.ParsePrompt(authReq.Prompt); asked.Consent() {
		prompt = strings.TrimSpace(prompt + " consent")
	}
	q := url.Values{
		"client_id": {authReq.ClientID}, "redirect_uri": {authReq.RedirectURI}, "scope": {strings.Join(authReq.Scopes, " ")},
		"response_type": {strings.Join(authReq.ResponseTypes, " ")},
	}
	for name, value := range map[string]string{
		"state": authReq.State, "nonce": authReq.Nonce, "code_challenge": authReq.PKCE.CodeChallenge, "prompt": prompt,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if authReq.PKCE.CodeChallenge != "" {
		q.Set("code_challenge_method", authReq.PKCE.CodeChallengeMethod)
	}
	if authReq.MaxAge >= 0 {
		q.Set("max_age", strconv.Itoa(authReq.MaxAge))
	}
	if authReq.ForceApprovalPrompt {
		q.Set("approval_prompt", "force")
	}
	return h.IssuerURL.AbsPath("/auth") + "?" + q.Encode()
}

// frontChannel reports whether tokens come from the authorization endpoint.
func frontChannel(authReq storage.AuthRequest) bool {
	return slices.Contains(authReq.ResponseTypes, oauth2.ResponseTypeToken) || slices.Contains(authReq.ResponseTypes, oauth2.ResponseTypeIDToken)
}

// authorization is what the tokens of the request would be signed for.
func authorization(authReq storage.AuthRequest) tokens.Authorization {
	return tokens.Authorization{
		Client: storage.Client{ID: authReq.ClientID}, Claims: authReq.Claims, Scopes: authReq.Scopes,
		ConnectorID: authReq.ConnectorID, Nonce: authReq.Nonce, AuthTime: authReq.AuthTime,
	}
}
