package synology

import (
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// closedPort is one at which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Whatever is wrong between the plugin and the NAS, three questions get a sentence that says so, cost few calls, and no login is
// tried again and again. What DSM refuses at a login is tested above.
func TestWhatIsWrongIsSaidAndCostsFewCalls(t *testing.T) {
	const spoiled = " -1"
	tests := []struct {
		name      string
		nas       func(*dsmtest.Options)
		change    func(*testing.T, *dsmtest.NAS, *Config)
		want      string // in the error
		wantCalls string // to three questions
	}{
		{"a wrong port", nil, func(t *testing.T, _ *dsmtest.NAS, c *Config) { c.URL = "https://" + closedPort(t) },
			"nothing listens at this port: check url (DSM is usually at 5001 for https) and that DSM is running", ""},
		{"the port of http", func(o *dsmtest.Options) { o.Plain = true }, func(_ *testing.T, n *dsmtest.NAS, c *Config) {
			c.URL, c.AllowPlainHTTP = strings.Replace(n.URL(), "http:", "https:", 1), false
		}, "this port does not speak https: DSM's https port is usually 5001", ""},
		{"http at the port of https", nil, func(_ *testing.T, n *dsmtest.NAS, c *Config) {
			c.URL, c.AllowPlainHTTP, c.CertSHA256 = strings.Replace(n.URL(), "https:", "http:", 1), true, ""
		}, "this port speaks https: write https:// in url", ""},
		{"a self-signed certificate", nil, func(_ *testing.T, _ *dsmtest.NAS, c *Config) { c.CertSHA256 = "" },
			"the NAS shows a certificate that no known authority signed: set caFile, or certSha256 for DSM's own certificate", ""},
		{"another certificate", nil, func(_ *testing.T, _ *dsmtest.NAS, c *Config) { c.CertSHA256 = strings.Repeat("0", 64) },
			"the NAS shows another certificate than certSha256 names", ""},
		{"http sent on to https", func(o *dsmtest.Options) { o.Plain = true }, func(_ *testing.T, n *dsmtest.NAS, _ *Config) {
			n.SetFault("", dsmtest.Redirect(302, "https://nas.example.org:5001/"))
		}, "the NAS sends http:// on to https://, and a password sent there would be lost or read: set url to https://nas.example.org:5001",
			lines(query+spoiled, query+spoiled, query+spoiled)},
		{"a page from a proxy", nil, func(_ *testing.T, n *dsmtest.NAS, _ *Config) { n.SetFault("", dsmtest.HTML(502)) },
			"SYNO.API.Info query: the answer is a web page, not DSM's Web API: check host and port of url (DSM is usually at 5001), and any proxy before the NAS (HTTP status 502)",
			lines(query+spoiled, query+spoiled, query+spoiled)},
		{"half a list", nil, func(_ *testing.T, n *dsmtest.NAS, _ *Config) { n.SetFault("SYNO.Core.User", dsmtest.Truncated()) },
			"SYNO.Core.User list: the answer ends in the middle: the connection was cut", lines(query, login, list, list, list)},
		{"a list that does not come", nil, func(_ *testing.T, n *dsmtest.NAS, c *Config) {
			n.SetFault("SYNO.Core.User", dsmtest.Hang())
			c.Timeout = sdk.Duration(100 * time.Millisecond)
		}, "SYNO.Core.User list: the NAS did not answer within 100ms; it may be asleep or switched off: context deadline exceeded",
			lines(query, login, list+spoiled, list+spoiled, list+spoiled)},
		{"a login that does not come", nil, func(_ *testing.T, n *dsmtest.NAS, c *Config) {
			n.SetFault("SYNO.API.Auth", dsmtest.Hang())
			c.Timeout = sdk.Duration(100 * time.Millisecond)
		}, "SYNO.API.Auth login: the NAS did not answer within 100ms; it may be asleep or switched off: context deadline exceeded",
			lines(query, login+spoiled, query, login+spoiled, query, login+spoiled)},
		{"a session that is not taken from this address", nil, func(_ *testing.T, n *dsmtest.NAS, _ *Config) {
			n.SetFault("SYNO.Core.User", dsmtest.Code(150))
		}, "SYNO.Core.User list: the session was opened from another address: keep the plugin's way to the NAS the same, or skip the IP check in Control Panel, Security (code 150)",
			lines(query, login, list+spoiled, query, login, list+spoiled, list+spoiled, list+spoiled)},
		{"a session that somebody ends again and again", nil, func(_ *testing.T, n *dsmtest.NAS, _ *Config) {
			n.SetFault("SYNO.Core.User", dsmtest.Code(107))
		}, "SYNO.Core.User list: the session was ended by another login of the same account: give the plugin an account of its own (code 107)",
			lines(query, login, list+spoiled, query, login, list+spoiled, list+spoiled, list+spoiled)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nas, c := startNAS(t, tt.nas)
			tt.change(t, nas, &c)
			l, _ := opened(t, c)
			for range 3 {
				got, err := l.Lookup(t.Context(), Params{Email: "mum@example.org"})
				if !strings.Contains(text(err), tt.want) || !reflect.DeepEqual(got, sdk.Answer[Facts]{}) {
					t.Errorf("error %q\nwant one with %q", text(err), tt.want)
				}
			}
			if got := calls(nas); got != tt.wantCalls {
				t.Errorf("calls\n%s\nwant\n%s", got, tt.wantCalls)
			}
		})
	}
}

// What people did to their accounts is answered, and costs a reading at most.
func TestWhatIsOddAboutAccountsIsAnswered(t *testing.T) {
	nas, c := startNAS(t, func(o *dsmtest.Options) {
		o.Accounts = append(o.Accounts,
			dsmtest.Account{Name: "Åsa Müller-Łódź", Email: "asa@münchen.example", UID: 1040, Description: "Åsa 🏠"},
			dsmtest.Account{Name: "0042", Email: "Digits@Example.ORG", UID: 1041},
			dsmtest.Account{Name: "blank", Email: " blank@example.org", UID: 1042},
			dsmtest.Account{Name: "trail", Email: "trail@example.org ", UID: 1043},
			dsmtest.Account{Name: "twin1", Email: "twins@example.org", UID: 1044},
			dsmtest.Account{Name: "twin2", Email: "Twins@example.org", UID: 1045, Expired: "now"},
			dsmtest.Account{Name: "until", Email: "until@example.org", UID: 1046, Expired: "2020/1/31"},
			dsmtest.Account{Name: "odd", Email: "odd@example.org", UID: 1047, Expired: "some day"},
			dsmtest.Account{Name: "second", Email: "second@example.org", UID: 1048, TwoFactor: true},
		)
	})
	l, _ := opened(t, c)
	users := []string{"users"}
	tests := []struct {
		name    string
		params  Params
		problem string
		facts   Facts
	}{
		{"a name in Unicode, found by an address in the other form", Params{Email: "ASA@xn--mnchen-3ya.example"}, "",
			local(Facts{Name: "Åsa Müller-Łódź", UID: 1040, Description: "Åsa 🏠", Groups: users})},
		{"a name of digits", Params{Email: "digits@example.org"}, "", local(Facts{Name: "0042", UID: 1041, Groups: users})},
		{"a blank before the address is part of it", Params{Email: "blank@example.org"}, "none", Facts{}},
		{"and finds the account that has it", Params{Email: " blank@example.org"}, "", local(Facts{Name: "blank", UID: 1042, Groups: users})},
		{"a blank behind makes a domain that there is not", Params{Email: "trail@example.org"}, "none", Facts{}},
		{"two with one address", Params{Email: "TWINS@example.org"}, "ambiguous", Facts{}},
		{"a date that has passed", Params{Email: "until@example.org"}, "expired", local(Facts{Name: "until", UID: 1046, Groups: users, Expires: "2020-01-31"})},
		{"a date that is none", Params{Email: "odd@example.org"}, "disabled", local(Facts{Name: "odd", UID: 1047, Groups: users})},
		{"a second factor in DSM", Params{Email: "second@example.org"}, "", local(Facts{Name: "second", UID: 1048, Groups: users, TwoFactor: true})},
		{"a name that nobody has any more", Params{Name: "renamed"}, "none", Facts{}},
		{"a name in another case", Params{Name: "MUM"}, "none", Facts{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := l.Lookup(t.Context(), tt.params)
			if err != nil || got.Problem != tt.problem || got.Found != (tt.problem == "") || !reflect.DeepEqual(got.Facts, tt.facts) {
				t.Errorf("got %+v, %v\nwant %q, %+v", got, err, tt.problem, tt.facts)
			}
		})
	}
	all := calls(nas)
	if logins, lists := strings.Count(all, login), strings.Count(all, list+"\n"); logins != 1 || lists != 2 {
		t.Errorf("%d logins, %d calls for lists in\n%s", logins, lists, all)
	}
}

// Who was pinned by name is asked for by name: an account that was renamed, deleted, or deleted and made again, is not that one any more.
func TestAnAccountThatChangedSinceItWasLinked(t *testing.T) {
	nas, c := startNAS(t, nil)
	c.Refresh = sdk.Duration(time.Second)
	tests := []struct {
		name    string
		change  func()
		problem string
		uid     int64
	}{
		{"as it was", func() {}, "", 1030},
		{"renamed", func() { nas.Update("mum", func(a *dsmtest.Account) { a.Name = "mother" }) }, "none", 0},
		{"named back", func() { nas.Update("mother", func(a *dsmtest.Account) { a.Name = "mum" }) }, "", 1030},
		{"deleted", func() { nas.Remove("mum") }, "none", 0},
		{"made again", func() { _ = nas.Add(dsmtest.Account{Name: "mum", UID: 1999}) }, "", 1999},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, _ := opened(t, c) // knows nothing of before
			tt.change()
			got, err := l.Lookup(t.Context(), Params{Name: "mum"})
			if err != nil || got.Problem != tt.problem || got.Facts.UID != tt.uid {
				t.Errorf("%+v, %v, want problem %q, uid %d", got, err, tt.problem, tt.uid)
			}
		})
	}
}
