package server

// claimshook_page.go asks the claims hook about a login, and tells the person or the
// client when it ended one.

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/dexidp/dex/server/claimshook"
	"github.com/dexidp/dex/storage"
)

// askAboutLogin asks the claims hook whether the login may go on. Nothing is stored.
func (s *Server) askAboutLogin(ctx context.Context, authReq storage.AuthRequest, claims storage.Claims) error {
	authReq.Claims = claims
	return s.askClaimsHook(ctx, s.claimsHook.Login, hookSubjectOf(authReq))
}

// passClaimsHook asks once more before anything is issued: consent takes time. Tokens
// of the authorization endpoint are asked about here too, while the request is still
// there. It returns false after it answered the request.
func (s *Server) passClaimsHook(w http.ResponseWriter, r *http.Request, authReq storage.AuthRequest) (*http.Request, bool) {
	ctx := r.Context()
	if frontChannel(authReq) {
		ctx = claimshook.WithGrantType(ctx, claimshook.GrantImplicit) // both questions share one timeout
	}
	if err := s.askAboutLogin(ctx, authReq, authReq.Claims); err != nil {
		s.logger.ErrorContext(ctx, "login ended by the claims hook", "client_id", authReq.ClientID, "err", err)
		if s.endedByClaimsHook(w, r, authReq, err) {
			return r, false
		}
	}
	if !frontChannel(authReq) {
		return r, true
	}
	if err := s.askClaimsHook(ctx, s.claimsHook.Preflight, hookSubjectOf(authReq)); err != nil {
		s.logger.ErrorContext(ctx, "authorization response ended by the claims hook", "client_id", authReq.ClientID, "err", err)
		if code, description, ok := claimshook.AuthorizationError(err); ok {
			s.redirectEnded(w, r, authReq, code, description)
			return r, false
		}
	}
	return r.WithContext(ctx), true
}

// endedByClaimsHook shows a page for a login that the claims hook ended. It returns
// false for any other error.
func (s *Server) endedByClaimsHook(w http.ResponseWriter, r *http.Request, authReq storage.AuthRequest, err error) bool {
	status, message, ok := claimshook.Page(err)
	if !ok {
		return false
	}
	link, text := s.beginAgainURL(authReq, "select_account login"), "Use another account"
	if status != http.StatusForbidden {
		claimshook.RetryLater(w, err)
		link, text = s.beginAgainURL(authReq, ""), "Try again"
	}
	page := s.templates.errorTmpl.Lookup("refused.html")
	if page == nil { // a theme without it
		s.renderError(r, w, status, message)
		return true
	}
	w.WriteHeader(status)
	data := struct{ ErrType, ErrMsg, ReqPath, Link, LinkText string }{http.StatusText(status), message, r.URL.Path, link, text}
	if err := page.Execute(w, data); err != nil {
		s.logger.ErrorContext(r.Context(), "server template error", "err", fmt.Errorf("rendering template %s failed: %w", page.Name(), err))
	}
	return true
}

// redirectEnded tells the client in the fragment, where the tokens would have been.
func (s *Server) redirectEnded(w http.ResponseWriter, r *http.Request, authReq storage.AuthRequest, code, description string) {
	u, err := url.Parse(authReq.RedirectURI)
	if err != nil {
		s.renderError(r, w, http.StatusInternalServerError, "Invalid redirect URI.")
		return
	}
	u.Fragment = ""
	q := url.Values{"error": {code}, "error_description": {description}, "state": {authReq.State}}
	http.Redirect(w, r, u.String()+"#"+q.Encode(), http.StatusSeeOther)
}

// beginAgainURL is the authorization request from its beginning: nothing of it can be used
// again, because an upstream's code is good for one login.
func (s *Server) beginAgainURL(authReq storage.AuthRequest, prompt string) string {
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
	if authReq.ForceApprovalPrompt {
		q.Set("approval_prompt", "force")
	}
	return s.absPath("/auth") + "?" + q.Encode()
}

// frontChannel reports whether tokens come from the authorization endpoint.
func frontChannel(authReq storage.AuthRequest) bool {
	return contains(authReq.ResponseTypes, responseTypeToken) || contains(authReq.ResponseTypes, responseTypeIDToken)
}

func hookSubjectOf(authReq storage.AuthRequest) hookSubject {
	return hookSubject{authReq.ClientID, authReq.Claims, authReq.Scopes, authReq.Nonce, authReq.ConnectorID}
}
