package claimshook

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
)

// maxMessage and maxRule are how many characters of the service's words are used.
const (
	maxMessage = 300
	maxRule    = 200
)

// Refusal is the error of a decision against a token. Its text is for the log: it does not hold the words for the person.
type Refusal struct {
	DecisionID string
	Rule       string
	message    string

	unauthorized bool // the client may not have tokens in this way, whoever signs in
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("refused (decision %s, rule %s)", r.DecisionID, r.Rule)
}

// GoString keeps the words for the person out of %#v.
func (r *Refusal) GoString() string { return r.Error() }

// Failure is the error of a decision that could not be had, or not be used. Its text is for the log and holds no value.
type Failure struct {
	DecisionID string // the service's, or one made here when it gave none
	reason     string
	silent     bool // the request was sent, and no reply came
	absent     bool // nobody was there to ask
}

func (f *Failure) Error() string {
	return fmt.Sprintf("claims hook: %s (decision %s)", f.reason, f.DecisionID)
}

func newFailure(decisionID, reason string) *Failure {
	return &Failure{DecisionID: orLocal(decisionID), reason: reason}
}

// Page returns what to show to a person whose login ended with err: the operator's sentence for a refusal, a request to
// try again for a failure, both with the decision id. It reports false for an error that is not of this package.
func Page(err error) (status int, message string, ok bool) {
	switch e := outcome(err).(type) {
	case *Refusal:
		return http.StatusForbidden, fmt.Sprintf("%s (decision %s)", e.message, e.DecisionID), true
	case *Failure:
		return http.StatusServiceUnavailable, fmt.Sprintf(
			"The sign-in could not be checked just now. Please try again later. (decision %s)", e.DecisionID), true
	}
	return 0, "", false
}

// RetryLater says in the header of the page, as the token endpoint does, when to try again what a failure ended.
func RetryLater(w http.ResponseWriter, err error) {
	if _, failed := outcome(err).(*Failure); failed {
		w.Header().Set("Retry-After", "5")
	}
}

// BriefPage is Page without the words of the operator: for a person that has shown one factor and not yet the other.
func BriefPage(err error) (status int, message string, ok bool) {
	status, message, ok = Page(err)
	var refusal *Refusal
	if errors.As(err, &refusal) {
		message = fmt.Sprintf("You cannot sign in here. (decision %s)", refusal.DecisionID)
	}
	return status, message, ok
}

// AuthorizationError returns what to tell a client at its redirect URI (RFC 6749 4.1.2.1). It reports false for an error that is
// not of this package.
func AuthorizationError(err error) (code, description string, ok bool) {
	switch e := outcome(err).(type) {
	case *Refusal:
		if e.unauthorized {
			return unauthorizedClient, refusedText(e.DecisionID), true
		}
		return "access_denied", refusedText(e.DecisionID), true
	case *Failure:
		return "temporarily_unavailable", laterText(e.DecisionID), true
	}
	return "", "", false
}

// TokenError returns the answer of the token endpoint, if the hook ended the request of the context (see WithGrantType): an error
// code, a description in the characters that RFC 6749 allows, and a status. Otherwise it returns what it was given. A failure is
// never invalid_grant, which would make clients drop their refresh token.
func TokenError(ctx context.Context, w http.ResponseWriter, code, description string, status int) (string, string, int) {
	r, ok := ctx.Value(markRequest).(*tokenRequest)
	if !ok {
		return code, description, status
	}
	r.mu.Lock()
	ended, late := r.ended, r.late
	r.mu.Unlock()
	switch e := outcome(ended).(type) {
	case *Refusal:
		if e.unauthorized {
			return unauthorizedClient, refusedText(e.DecisionID), http.StatusBadRequest
		}
		return refusalCode(r.grant), refusedText(e.DecisionID), http.StatusBadRequest
	case *Failure:
		if !late {
			RetryLater(w, e)
		}
		return "temporarily_unavailable", laterText(e.DecisionID), http.StatusServiceUnavailable
	}
	return code, description, status
}

func refusedText(decision string) string {
	return "The request was refused (decision " + decision + ")."
}

func laterText(decision string) string { return "Please try again later (decision " + decision + ")." }

// unauthorizedClient is the code for a client that may not use a grant (RFC 6749 4.1.2.1 and 5.2).
const unauthorizedClient = "unauthorized_client"

// refusalCode follows RFC 6749 5.2, RFC 8693 2.2.2 for token exchange and RFC 8628 3.5 for devices.
func refusalCode(grantType string) string {
	switch grantType {
	case grantTokenExchange:
		return "invalid_request"
	case grantClientCredentials:
		return unauthorizedClient
	case grantDeviceCode:
		return "access_denied"
	}
	return "invalid_grant"
}

// outcome returns the *Refusal or *Failure in err, or nil.
func outcome(err error) error {
	var refusal *Refusal
	var failure *Failure
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &failure):
		return failure
	}
	return nil
}

// orLocal returns the id if it can stand in a log, a page and an error_description, or a new one that tells by its
// beginning that it was made in Dex.
func orLocal(id string) string {
	odd := func(r rune) bool {
		return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", r)
	}
	if id != "" && len(id) <= 64 && !strings.ContainsFunc(id, odd) {
		return id
	}
	var b [5]byte
	rand.Read(b[:]) // never fails
	return "dex-" + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// line makes one line of at most n characters out of the service's words: what could break a page or a log, or turn the
// direction of writing, goes.
func line(s string, n int) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "") {
		if n--; n < 0 {
			break
		}
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			b.WriteByte(' ')
		case !unicode.Is(unicode.Cf, r):
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}
