package server

// claimshook_page.go asks the claims hook about a login, and tells the person or the
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
	"github.com/dexidp/dex/storage"
)

// hookSubject is what an access token would be signed for.
type hookSubject struct {
	clientID    string
	claims      storage.Claims
	scopes      []string
	nonce       string
	connectorID string
	authTime    time.Time
}

func hookSubjectOf(authReq storage.AuthRequest) hookSubject {
	return hookSubject{authReq.ClientID, authReq.Claims, authReq.Scopes, authReq.Nonce, authReq.ConnectorID, authReq.AuthTime}
}

// askClaimsHook asks whether the login may go on, with the payload that would be
// signed for it. Nothing is stored.
func (s *Server) askClaimsHook(ctx context.Context, authReq storage.AuthRequest, claims storage.Claims, authTime time.Time) error {
	authReq.Claims, authReq.AuthTime = claims, authTime
	return claimshook.Login(ctx, s.signForClaimsHook, hookSubjectOf(authReq))
}

// passClaimsHook asks once more before anything is issued: MFA and consent take time,
// and a session login was not asked about at all. Tokens of the authorization endpoint
// are asked about here too, while the request is still there. It returns false after
// it answered the request.
func (s *Server) passClaimsHook(w http.ResponseWriter, r *http.Request, authReq storage.AuthRequest) (*http.Request, bool) {
	ctx := r.Context()
	if frontChannel(authReq) {
		ctx = claimshook.WithGrantType(ctx, claimshook.GrantImplicit) // both questions share one timeout
	}
	if err := s.askClaimsHook(ctx, authReq, authReq.Claims, authReq.AuthTime); err != nil {
		s.logger.ErrorContext(ctx, "login ended by the claims hook", "client_id", authReq.ClientID, "err", err)
		if s.endedByClaimsHook(w, r, authReq, err) {
			return r, false
		}
	}
	if !frontChannel(authReq) {
		return r, true
	}
	if err := claimshook.Preflight(ctx, s.signForClaimsHook, hookSubjectOf(authReq)); err != nil {
		s.logger.ErrorContext(ctx, "authorization response ended by the claims hook", "client_id", authReq.ClientID, "err", err)
		if code, description, ok := claimshook.AuthorizationError(err); ok {
			s.redirectEnded(w, r, authReq, code, description)
			return r, false
		}
	}
	return r.WithContext(ctx), true
}

// endedByClaimsHook answers a request that the claims hook ended: with a page, or at
// the client where no page is allowed. It returns false for any other error.
func (s *Server) endedByClaimsHook(w http.ResponseWriter, r *http.Request, authReq storage.AuthRequest, err error) bool {
	code, description, ok := claimshook.AuthorizationError(err)
	if !ok {
		return false
	}
	if slices.Contains(strings.Fields(authReq.Prompt), "none") && authReq.RedirectURI != "urn:ietf:wg:oauth:2.0:oob" {
		s.redirectEnded(w, r, authReq, code, description)
		return true
	}
	page := claimshook.Page
	if !authReq.MFAValidated {
		if chain, mfaErr := s.mfaChainForClient(r.Context(), authReq.ClientID, authReq.ConnectorID); len(chain) > 0 || mfaErr != nil {
			page = claimshook.BriefPage // whoever has one factor only learns nothing about the account
		}
	}
	status, message, _ := page(err)
	link := ""
	if status == http.StatusForbidden {
		link = s.otherAccountURL(authReq)
	}
	if err := s.renderRefused(r, w, status, message, link); err != nil {
		s.logger.ErrorContext(r.Context(), "server template error", "err", err)
	}
	return true
}

// redirectEnded tells the client: in the fragment where the tokens would have been.
func (s *Server) redirectEnded(w http.ResponseWriter, r *http.Request, authReq storage.AuthRequest, code, description string) {
	u, err := url.Parse(authReq.RedirectURI)
	if err != nil || !frontChannel(authReq) {
		s.redirectWithError(w, r, &authReq, code, description)
		return
	}
	u.Fragment = ""
	q := url.Values{"error": {code}, "error_description": {description}, "state": {authReq.State}}
	http.Redirect(w, r, u.String()+"#"+q.Encode(), http.StatusSeeOther)
}

// otherAccountURL is the request from its beginning, with another account to be
// chosen. The login prompt keeps a session from answering in the person's place.
func (s *Server) otherAccountURL(authReq storage.AuthRequest) string {
	q := url.Values{
		"client_id": {authReq.ClientID}, "redirect_uri": {authReq.RedirectURI}, "scope": {strings.Join(authReq.Scopes, " ")},
		"response_type": {strings.Join(authReq.ResponseTypes, " ")}, "prompt": {"select_account login"},
	}
	for name, value := range map[string]string{
		"state": authReq.State, "nonce": authReq.Nonce, "code_challenge": authReq.PKCE.CodeChallenge,
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
	if slices.Contains(strings.Fields(authReq.Prompt), "consent") {
		q.Set("prompt", "select_account login consent")
	}
	if authReq.ForceApprovalPrompt {
		q.Set("approval_prompt", "force")
	}
	return s.absPath("/auth") + "?" + q.Encode()
}

// frontChannel reports whether tokens come from the authorization endpoint.
func frontChannel(authReq storage.AuthRequest) bool {
	return slices.Contains(authReq.ResponseTypes, "token") || slices.Contains(authReq.ResponseTypes, "id_token")
}
