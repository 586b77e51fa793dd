package ldap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
)

// What callers decide on, with errors.Is.
var (
	errBroken  = errors.New("the connection broke")
	errTooMany = errors.New("the server has more entries than the plugin reads at once")
	errTooLong = errors.New("the answer is longer than the plugin reads")
	errClosed  = errors.New("the plugin is closed")
)

// tooSlow is the end of an operation that took as long as the configuration allows.
type tooSlow struct{ limit time.Duration }

func (e tooSlow) Error() string { return fmt.Sprintf("no answer within %s", e.limit) }

// refusal is a server's "no" to an operation. What the server wrote about it is not kept: it may name people.
type refusal struct {
	bind   bool   // whether the plugin was signing in
	code   uint16 // as RFC 4511 has it
	detail string // of Active Directory, to a login; four hex digits or fewer
}

// windowsDetail is where Active Directory hides why it refused a login.
var windowsDetail = regexp.MustCompile(`^80090308: .*, data ([0-9a-f]{1,4}), `)

// newRefusal makes a refusal of an answer of the server. It is nil for what no server said.
func newRefusal(err error, bind bool) *refusal {
	var answer *goldap.Error
	if !errors.As(err, &answer) || answer.ResultCode >= goldap.ErrorNetwork && answer.ResultCode <= goldap.ErrorMalformedPacket {
		return nil
	}
	r := &refusal{bind: bind, code: answer.ResultCode}
	if found := windowsDetail.FindStringSubmatch(answer.Err.Error()); bind && found != nil {
		r.detail = found[1]
	}
	return r
}

// Error says what it means and what to do.
func (r *refusal) Error() string {
	text := r.sentence()
	if r.stopsLogins() {
		text += "; no login is tried again until a pause is over, or the password or the configuration changes, because servers lock an account whose password is guessed"
	}
	if r.detail != "" {
		return fmt.Sprintf("%s (code %d, data %s)", text, r.code, r.detail)
	}
	return fmt.Sprintf("%s (code %d)", text, r.code)
}

// aboutServer tells whether an error of a question says something about the server, and not only about the account that was asked for.
func aboutServer(err error) bool {
	var no *refusal
	switch {
	case errors.Is(err, errTooMany), errors.Is(err, errTooLong):
		return false
	case errors.As(err, &no):
		return no.bind || no.passing()
	}
	return errors.Is(err, errBroken) || errors.As(err, new(tooSlow)) || errors.Is(err, errClosed) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// passing tells whether the server may answer the same better in a while.
func (r *refusal) passing() bool {
	switch r.code {
	case goldap.LDAPResultOperationsError, goldap.LDAPResultTimeLimitExceeded, goldap.LDAPResultBusy, goldap.LDAPResultUnavailable, goldap.LDAPResultOther:
		return true
	}
	return false
}

// stopsLogins tells whether the same login must not be tried again soon: the server judged the account, and may count.
func (r *refusal) stopsLogins() bool { return r.bind && !r.passing() }

func (r *refusal) sentence() string {
	if r.bind {
		if text := windowsSentence(r.detail); text != "" {
			return text
		}
		if text := bindSentence(r.code); text != "" {
			return text
		}
	}
	if text := searchSentence(r.code); text != "" {
		return text
	}
	return "the server refuses"
}

// bindSentence covers the codes that mean this only in answer to a login.
func bindSentence(code uint16) string {
	switch code {
	case goldap.LDAPResultOperationsError, goldap.LDAPResultOther:
		return "the server cannot check logins at the moment"
	case goldap.LDAPResultAuthMethodNotSupported, goldap.LDAPResultInappropriateAuthentication:
		return "the server does not take this way of signing in: check bindDN, passwordFile and clientCertFile"
	case goldap.LDAPResultStrongAuthRequired, goldap.LDAPResultConfidentialityRequired:
		return "the server takes logins over encrypted connections only: use ldaps:// or startTLS"
	case goldap.LDAPResultConstraintViolation:
		return "the server has locked the account of the plugin after too many failed logins: check passwordFile, then unlock it there"
	case goldap.LDAPResultInvalidDNSyntax:
		return "bindDN is not a DN"
	case goldap.LDAPResultInvalidCredentials, goldap.LDAPResultNoSuchObject:
		return "no such account, or a wrong password: check bindDN and passwordFile"
	case goldap.LDAPResultInsufficientAccessRights, goldap.LDAPResultUnwillingToPerform:
		return "the account of the plugin may not sign in: it may be switched off, or its password may have expired"
	}
	return ""
}

// windowsSentence covers what Active Directory says beside code 49.
func windowsSentence(detail string) string {
	switch detail {
	case "525":
		return "the server knows no such account: check bindDN"
	case "52e":
		return "the password is wrong: check passwordFile"
	case "530", "531":
		return "the account of the plugin may not sign in at this time, or from this machine"
	case "532":
		return "the password of the plugin's account has expired"
	case "533":
		return "the account of the plugin is switched off"
	case "701":
		return "the account of the plugin has expired"
	case "773":
		return "the password of the plugin's account must be changed first"
	case "775":
		return "the server has locked the account of the plugin after too many failed logins"
	}
	return ""
}

// searchSentence covers the codes of a search.
func searchSentence(code uint16) string {
	switch code {
	case goldap.LDAPResultOperationsError:
		return "the server wants a login first: give bindDN"
	case goldap.LDAPResultTimeLimitExceeded:
		return "the search took longer than the server allows: is there an index on the attribute?"
	case goldap.LDAPResultSizeLimitExceeded, goldap.LDAPResultAdminLimitExceeded:
		return "there are more entries than the server shows the plugin's account: raise the limit for it"
	case goldap.LDAPResultReferral:
		return "the server refers to another one, which is not followed: set url to the server that has baseDN"
	case goldap.LDAPResultConfidentialityRequired:
		return "the server answers over encrypted connections only: use ldaps:// or startTLS"
	case goldap.LDAPResultNoSuchObject:
		return "there is no entry baseDN, or the account of the plugin may not see it"
	case goldap.LDAPResultInvalidDNSyntax:
		return "the server does not take baseDN for a DN"
	case goldap.LDAPResultInsufficientAccessRights:
		return "the account of the plugin may not search there"
	case goldap.LDAPResultBusy, goldap.LDAPResultUnavailable:
		return "the server is busy or shutting down"
	case goldap.LDAPResultProtocolError:
		return "the server does not know this request; if it is startTLS, use ldaps://"
	}
	return ""
}

// explainTLS makes plain words of what goes wrong most often.
func explainTLS(err error) error {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("%w: name the authority of the server's certificate in caFile", err)
	case errors.As(err, &name):
		return fmt.Errorf("%w: write in url or serverName what the certificate says", err)
	case errors.As(err, &record), errors.Is(err, io.EOF):
		return fmt.Errorf("%w: the server may not speak TLS on this port; port 389 wants ldap:// and startTLS", err)
	}
	return err
}
