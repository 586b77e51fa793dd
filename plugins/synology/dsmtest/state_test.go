package dsmtest

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestAStateHoldsAllThatOptionsDo(t *testing.T) {
	const all = `
name: attic
profile: "7.1"
addr: 127.0.0.1:0
plain: true
service: {name: reader, password: p, groups: [administrators]}
accounts:
  - {name: mum, email: m@example.org, description: Mum, password: hers, uid: 1030, expired: 2027/1/31, groups: [family], type: local, twoFactor: true, otp: "246810", loginCode: 402}
groups: [{name: family, description: All, type: local, gid: 70000}]
tokenCode: 119
noTokenCheck: true
notJoinedCode: 2701
sessionTimeout: 1m
singleSession: true
skipIPCheck: true
trustProxy: true
autoBlock: {off: true, attempts: 3, within: 2m, expire: 24h}
pageCap: 5
extraTotal: 1
groupIDs: true
contentType: text/plain
sso: {name: Dex, wellKnown: http://x/.well-known/openid-configuration, clientID: a, clientSecret: b, redirectURI: https://nas, scope: openid, usernameClaim: u, allowLocal: true}
ssoServer: {clientID: dex, clientSecret: c, redirectURI: http://dex/callback, groupDomain: example.com, lifetime: 1m}
faults: {SYNO.Core.User: html 502, all: slow 1s}
`
	got, err := ReadState([]byte(all))
	if err != nil {
		t.Fatal(err)
	}
	faults := got.Faults
	got.Faults = nil
	want := Options{
		Name: "attic", Profile: "7.1", Addr: "127.0.0.1:0", Plain: true,
		Service: Account{Name: "reader", Password: "p", Groups: []string{"administrators"}},
		Accounts: []Account{{
			Name: "mum", Email: "m@example.org", Description: "Mum", Password: "hers", UID: 1030, Expired: "2027/1/31", Groups: []string{"family"},
			Type: "local", TwoFactor: true, OTP: "246810", LoginCode: 402,
		}},
		Groups:    []Group{{Name: "family", Description: "All", Type: "local", GID: 70000}},
		TokenCode: 119, NoTokenCheck: true, NotJoinedCode: 2701, SessionTimeout: time.Minute, SingleSession: true, SkipIPCheck: true, TrustProxy: true,
		AutoBlock: AutoBlock{Off: true, Attempts: 3, Within: 2 * time.Minute, Expire: 24 * time.Hour},
		PageCap:   5, ExtraTotal: 1, GroupIDs: true, ContentType: "text/plain",
		SSO: &SSOConfig{Name: "Dex", WellKnown: "http://x/.well-known/openid-configuration", ClientID: "a", ClientSecret: "b", RedirectURI: "https://nas",
			Scope: "openid", UsernameClaim: "u", AllowLocal: true},
		Server: &SSOServer{ClientID: "dex", ClientSecret: "c", RedirectURI: "http://dex/callback", GroupDomain: "example.com", Lifetime: time.Minute},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("options\n got %+v\nwant %+v", got, want)
	}
	if len(faults) != 2 || faults["SYNO.Core.User"] == nil || faults[""] == nil {
		t.Errorf("faults %v", faults)
	}
	known := reflect.TypeFor[Options]()
	for _, code := range []string{"Log", "Now"} { // what no file can hold
		if _, there := known.FieldByName(code); !there {
			t.Errorf("Options has no %s any more", code)
		}
	}
	if fields := reflect.TypeFor[state]().NumField() + 2; fields != known.NumField() {
		t.Errorf("a state has %d of the %d options", fields, known.NumField())
	}
}

func TestAStateThatIsWrong(t *testing.T) {
	tests := []struct{ name, state, want string }{
		{"an empty one is an empty NAS", "", ""},
		{"a key that there is not", "acounts: []", "field acounts not found"},
		{"a fault that there is not", "faults: {all: explode}", `faults: all: no fault "explode": write html 502`},
		{"a number that is none", "faults: {SYNO.API.Auth: code many}", `faults: SYNO.API.Auth: no fault "code many"`},
		{"no YAML", "{", "yaml: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadState([]byte(tt.state))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestFaultsInWords(t *testing.T) {
	for _, words := range []string{"html 502", "redirect /#/signin", "code 105", "slow 3s", "oversize 20000000", "empty", "dropped", "truncated", "hang"} {
		if f, err := ParseFault(words); err != nil || f == nil {
			t.Errorf("%q: %v", words, err)
		}
	}
}

func TestFaultsOfOptionsSpoilFromTheBeginning(t *testing.T) {
	o := household()
	o.Faults = map[string]Fault{"SYNO.API.Info": Code(100)}
	n := start(t, o)
	_, body := send(t, n, "query.cgi", form("api=SYNO.API.Info&version=1&method=query&query=all"), nil)
	if code, _ := answerOf(t, body); code != 100 {
		t.Errorf("code %d", code)
	}
}
