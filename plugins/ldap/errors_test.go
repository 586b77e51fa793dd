package ldap

import (
	"errors"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
)

func TestRefusalsSayWhatToDo(t *testing.T) {
	const paused = "; no login is tried again until a pause is over, or the password or the configuration changes, because servers lock an account whose password is guessed"
	windows := func(data string) string {
		return "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data " + data + ", v4563"
	}
	tests := []struct {
		name string
		bind bool
		code uint16
		said string // by the server
		want string
	}{
		{"a wrong password", true, 49, "", "no such account, or a wrong password: check bindDN and passwordFile" + paused + " (code 49)"},
		{"a wrong password, Windows", true, 49, windows("52e"), "the password is wrong: check passwordFile" + paused + " (code 49, data 52e)"},
		{"a locked account, Windows", true, 49, windows("775"),
			"the server has locked the account of the plugin after too many failed logins" + paused + " (code 49, data 775)"},
		{"something new, Windows", true, 49, windows("abcd"), "no such account, or a wrong password: check bindDN and passwordFile" + paused + " (code 49, data abcd)"},
		{"what a server writes is not repeated", true, 49, "uid=ada, data ada, ", "no such account, or a wrong password: check bindDN and passwordFile" + paused + " (code 49)"},
		{"a locked account", true, 19, "", "the server has locked the account of the plugin after too many failed logins: check passwordFile, then unlock it there" + paused + " (code 19)"},
		{"an account that may not sign in", true, 53, "", "the account of the plugin may not sign in: it may be switched off, or its password may have expired" + paused + " (code 53)"},
		{"TLS is wanted", true, 8, "", "the server takes logins over encrypted connections only: use ldaps:// or startTLS" + paused + " (code 8)"},
		{"another way is wanted", true, 48, "", "the server does not take this way of signing in: check bindDN, passwordFile and clientCertFile" + paused + " (code 48)"},
		{"a login of a busy server", true, 51, "", "the server is busy or shutting down (code 51)"},
		{"a login that fails for no reason", true, 80, "", "the server cannot check logins at the moment (code 80)"},
		{"a search without a login", false, 1, "", "the server wants a login first: give bindDN (code 1)"},
		{"a search that takes too long", false, 3, "", "the search took longer than the server allows: is there an index on the attribute? (code 3)"},
		{"a base that is not there", false, 32, "no such object: uid=ada", "there is no entry baseDN, or the account of the plugin may not see it (code 32)"},
		{"Windows says data elsewhere too", false, 1, windows("52e"), "the server wants a login first: give bindDN (code 1)"},
		{"something unknown", false, 120, "ada", "the server refuses (code 120)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRefusal(goldap.NewError(tt.code, errors.New(tt.said)), tt.bind)
			if r == nil || r.Error() != tt.want {
				t.Errorf("%v\nwant %s", r, tt.want)
			}
		})
	}
	for _, err := range []error{goldap.ErrSizeLimitExceeded, goldap.NewError(goldap.ErrorNetwork, errBroken), errors.New("unable to read")} {
		if r := newRefusal(err, true); r != nil {
			t.Errorf("%v is no answer of a server, and became %v", err, r)
		}
	}
}
