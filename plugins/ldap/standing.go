package ldap

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
)

// The problems of an answer.
const (
	none      = "none"      // no account has this address, or this name
	ambiguous = "ambiguous" // more than one has it
	disabled  = "disabled"  // the account is switched off, or it cannot be told whether it is
	expired   = "expired"   // its last day is over
	noEmail   = "noEmail"   // the question held neither an address nor a name
)

// The attributes that tell whether an account may be used.
const (
	userAccountControl     = "userAccountControl"     // Active Directory
	accountExpires         = "accountExpires"         // Active Directory
	pwdAccountLockedTime   = "pwdAccountLockedTime"   // OpenLDAP's password policy
	pwdEndTime             = "pwdEndTime"             // OpenLDAP's password policy
	shadowExpire           = "shadowExpire"           // RFC 2307
	nsAccountLock          = "nsAccountLock"          // 389 Directory Server, FreeIPA
	krbPrincipalExpiration = "krbPrincipalExpiration" // FreeIPA
)

// state is what an attribute tells about an account.
type state struct {
	off bool
	end time.Time // from which the account is off; zero: there is no end
}

// reader reads one value of an attribute. It is false when the value cannot be read, which counts as switched off.
type reader struct {
	attribute string
	read      func(value string) (state, bool)
}

func readers() []reader {
	return []reader{
		{userAccountControl, readUserAccountControl},
		{accountExpires, readAccountExpires},
		{pwdAccountLockedTime, func(string) (state, bool) { return state{off: true}, true }},
		{pwdEndTime, readGeneralizedTime},
		{shadowExpire, readShadowExpire},
		{nsAccountLock, readNsAccountLock},
		{krbPrincipalExpiration, readGeneralizedTime},
	}
}

// disabledNames lists the attributes that can be read.
func disabledNames() []string {
	var names []string
	for _, r := range readers() {
		names = append(names, r.attribute)
	}
	return names
}

func readUserAccountControl(value string) (state, bool) {
	const accountDisable = 2
	flags, err := strconv.ParseInt(value, 10, 64)
	return state{off: flags&accountDisable != 0}, err == nil
}

// readAccountExpires reads a count of 100 ns since 1601; zero and the largest number mean that there is no end.
func readAccountExpires(value string) (state, bool) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return state{}, false
	}
	if n == 0 || n == math.MaxInt64 {
		return state{}, true
	}
	const until1970 = 11644473600 // seconds from 1601
	end := time.Unix(n/1e7-until1970, n%1e7*100).UTC()
	if end.Year() > 9999 {
		return state{}, true
	}
	return state{end: end}, true
}

// readShadowExpire reads a day, counted from 1970. -1 means that there is no end; 0 and 1 are how accounts are switched off without a day.
func readShadowExpire(value string) (state, bool) {
	const lastDay = 2932896 // of the year 9999
	days, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil || days < -1 || days > lastDay:
		return state{}, false
	case days == -1:
		return state{}, true
	case days <= 1:
		return state{off: true}, true
	}
	return state{end: time.Unix(days*24*60*60, 0).UTC()}, true
}

func readNsAccountLock(value string) (state, bool) {
	switch strings.ToLower(value) {
	case "true":
		return state{off: true}, true
	case "false":
		return state{}, true
	}
	return state{}, false
}

func readGeneralizedTime(value string) (state, bool) {
	end, err := ber.ParseGeneralizedTime([]byte(value))
	return state{end: end.UTC()}, err == nil
}

// standing says how to tell whether an account may be used.
type standing struct {
	attributes []string
	mustHave   string // one of the attributes that every account has, if there is one
	filter     string // matches entries of accounts that are switched off; may be empty
}

// of tells whether the account of an entry may be used now. The problem is empty when it may. end is the time from which it may not; zero when
// there is none.
func (s standing) of(e *goldap.Entry, now time.Time) (problem string, end time.Time, _ error) {
	off := false
	for _, r := range readers() {
		if !contains(s.attributes, r.attribute) {
			continue
		}
		values := e.GetEqualFoldAttributeValues(r.attribute)
		if len(values) == 0 && r.attribute == s.mustHave {
			return "", time.Time{}, fmt.Errorf("the server does not show %s, so nobody knows whether the account is switched off", r.attribute)
		}
		for _, value := range values {
			found, ok := r.read(value)
			off = off || found.off || !ok
			if !found.end.IsZero() && (end.IsZero() || found.end.Before(end)) {
				end = found.end
			}
		}
	}
	switch {
	case off:
		return disabled, end, nil
	case !end.IsZero() && !now.Before(end):
		return expired, end, nil
	}
	return "", end, nil
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}
