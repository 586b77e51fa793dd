package dsm

import (
	"errors"
	"fmt"
	"time"
)

// What callers decide on, with errors.Is.
var (
	ErrUnsupported = errors.New("this DSM does not offer the call")
	ErrUnknownUser = errors.New("no such user")
)

// Error is a refusal of DSM. The same code means different things in different APIs.
type Error struct {
	API, Method string
	Code        int // zero when DSM gave none
}

// Error says what was asked, what it means and what to do.
func (e *Error) Error() string {
	if e.stopsLogins() {
		return e.say("; no login is tried again until a pause is over or the configuration changes, because DSM blocks those who guess")
	}
	return e.say("")
}

// Once is Error for a login that a person asked for: there is no pause before the next one.
func (e *Error) Once() string { return e.say("") }

func (e *Error) say(more string) string {
	return fmt.Sprintf("%s %s: %s%s (code %d)", e.API, e.Method, e.sentence(), more, e.Code)
}

// Paused is what a call gets that would need a login while none is tried.
type Paused struct {
	Refusal *Error
	Until   time.Time
}

// Error says until when, and why.
func (p *Paused) Error() string {
	return fmt.Sprintf("logins are paused until %s: %v", p.Until.UTC().Format(time.RFC3339), p.Refusal)
}

func (p *Paused) Unwrap() error { return p.Refusal }

// secondFactor tells whether a trusted device would have helped.
func (e *Error) secondFactor() bool {
	return e.API == apiAuth && (e.Code == 403 || e.Code == 404 || e.Code == 406)
}

// Is makes e equal to ErrUnsupported and ErrUnknownUser where its code means that.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrUnsupported:
		return e.Code == 102 || e.Code == 103 || e.Code == 104
	case ErrUnknownUser:
		return e.Code == 3106
	}
	return false
}

// stopsLogins tells whether the same login must not be tried again soon: DSM judged the account, and counts.
func (e *Error) stopsLogins() bool {
	return e.API == apiAuth && e.Method == "login" && (e.Code >= 400 || e.Code == 105 || e.Code == 160)
}

func (e *Error) sentence() string {
	family := coreSentence
	if e.API == apiAuth {
		family = authSentence
	}
	if text := family(e.Code); text != "" {
		return text
	}
	if text := commonSentence(e.Code); text != "" {
		return text
	}
	return "DSM refuses, with a code that is not documented"
}

// authSentence covers the codes that mean this only in answer to a login.
func authSentence(code int) string {
	switch code {
	case 400:
		return "no such account, or a wrong password: check account and passwordFile"
	case 401:
		return "the account is switched off: enable it in Control Panel, User & Group"
	case 402:
		return "the account may not sign in to DSM: allow it the application DSM in Control Panel, User & Group, Applications"
	case 403:
		return "DSM asks for a second factor: make this machine a trusted device with claimsmith synology enroll, or use an account without one"
	case 404:
		return "DSM did not accept the code of the second factor: codes count once and for half a minute, so wait for the next one"
	case 405:
		return "this is the address of an application portal: set url to DSM's own address"
	case 406:
		return "DSM demands a second factor, and the account has not set one up: set it up in DSM, then run claimsmith synology enroll, or exempt the account in Control Panel, Security, Account"
	case 407:
		return "DSM has blocked the address of this machine after too many failed logins: check account and passwordFile, " +
			"then take the address off the block list in Control Panel, Security, Protection"
	case 408, 409:
		return "the password has expired: give the account a new one that does not expire, and put it in passwordFile"
	case 410:
		return "the password must be changed first: sign in to DSM as the account once, then put the new password in passwordFile"
	case 411:
		return "Account Protection has locked the account after too many failed logins: check passwordFile, " +
			"then wait or unlock it in Control Panel, Security, Account"
	}
	return ""
}

// coreSentence covers the codes of users and groups. There is no list of them by Synology; these were observed.
func coreSentence(code int) string {
	switch code {
	case 105:
		return "the account may not list users: make it a member of the group administrators"
	case 2624:
		return "the NAS has not joined a domain"
	case 2701:
		return "the NAS is not bound to an LDAP directory"
	case 3101, 3103, 3201:
		return "DSM does not accept the parameters"
	case 3106:
		return "DSM knows no such user (any more)"
	case 3204, 3205:
		return "DSM knows no such group (any more)"
	}
	return ""
}

// commonSentence covers the codes that mean the same everywhere.
func commonSentence(code int) string {
	switch code {
	case 0:
		return "DSM refuses and does not say why"
	case 100:
		return "DSM does not know what went wrong; it may be starting"
	case 101, 114, 120:
		return "DSM misses a parameter or does not accept it"
	case 102, 103, 104:
		return "this DSM does not offer the call"
	case 105, 160:
		return "the account has no permission for this"
	case 106:
		return "the session has timed out"
	case 107:
		return "the session was ended by another login of the same account: give the plugin an account of its own"
	case 109, 110, 111, 117, 118:
		return "DSM or its network is busy"
	case 116:
		return "this DSM is a demonstration that refuses changes"
	case 119:
		return "DSM does not know the session"
	case 150:
		return "the session was opened from another address: keep the plugin's way to the NAS the same, " +
			"or skip the IP check in Control Panel, Security"
	}
	return ""
}
