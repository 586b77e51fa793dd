package dsmtest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// answerOf is the code of a reply, and its error member as it came.
func answerOf(t *testing.T, body string) (code int, errors string) {
	t.Helper()
	var rep struct {
		Error struct {
			Code   int
			Errors json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(body), &rep); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return rep.Error.Code, string(rep.Error.Errors)
}

func TestReleasesDiffer(t *testing.T) {
	tests := []struct {
		release                                                       string
		info                                                          string
		authAtEntry, infoAtEntry, version1, version7, groupsOf, admin int // codes
		oidc, setting                                                 int
		otpObject                                                     bool
		deviceName                                                    string
	}{
		{"6.2", "auth.cgi 1-6", 102, 102, 0, 104, 103, 102, 102, 102, false, "did"},
		{"7.0", "entry.cgi 1-7", 400, 0, 103, 400, 103, 0, 102, 102, true, "device_id"},
		{"7.1", "entry.cgi 1-7", 400, 0, 103, 400, 103, 0, 0, 102, true, "device_id"},
		{"7.2", "entry.cgi 1-7", 400, 0, 103, 400, 0, 0, 0, 0, true, "device_id"},
		{"7.3", "entry.cgi 1-7", 400, 0, 103, 400, 0, 0, 0, 0, true, "device_id"},
		{"7.4", "entry.cgi 1-7", 400, 0, 103, 400, 0, 0, 0, 0, true, "device_id"},
	}
	for _, tt := range tests {
		t.Run(tt.release, func(t *testing.T) {
			o := household()
			o.Profile = tt.release
			n := start(t, o)
			auth := n.apis["SYNO.API.Auth"]
			if got := auth.path + " " + string(rune('0'+auth.min)) + "-" + string(rune('0'+auth.max)); got != tt.info {
				t.Errorf("logins at %s, want %s", got, tt.info)
			}
			newest := string(rune('0' + auth.max))
			_, body := send(t, n, "auth.cgi", form("api=SYNO.API.Auth&method=login&account=claimsmith&passwd="+servicePassword+"&version="+newest), nil)
			var in struct{ Data struct{ SID string } }
			if err := json.Unmarshal([]byte(body), &in); err != nil || in.Data.SID == "" {
				t.Fatalf("%v in %s", err, body)
			}
			cookie := http.Header{"Cookie": {"id=" + in.Data.SID}}
			for _, call := range []struct {
				what, path, form string
				want             int
			}{
				{"a wrong password at entry.cgi", "entry.cgi", "api=SYNO.API.Auth&method=login&account=mum&passwd=x&version=" + newest, tt.authAtEntry},
				{"Info at entry.cgi", "entry.cgi", "api=SYNO.API.Info&method=query&query=all&version=1", tt.infoAtEntry},
				{"Info at query.cgi", "query.cgi", "api=SYNO.API.Info&method=query&query=all&version=1", 0},
				{"a login of version 1", "auth.cgi", "api=SYNO.API.Auth&method=login&account=mum&passwd=blue bird&version=1", tt.version1},
				{"a login of version 7", "auth.cgi", "api=SYNO.API.Auth&method=login&account=mum&passwd=x&version=7", tt.version7},
				{"the groups of a user", "entry.cgi", "api=SYNO.Core.User.Group&method=get&name=mum&version=1", tt.groupsOf},
				{"valid administrators", "entry.cgi", "api=SYNO.Core.Group.ValidLocalAdmin&method=list&version=1", tt.admin},
				{"the SSO client", "entry.cgi", "api=SYNO.Core.Directory.OIDC.SSO&method=get&version=1", tt.oidc},
				{"its settings", "entry.cgi", "api=SYNO.Core.Directory.SSO.Setting&method=get&version=1", tt.setting},
				{"Auto Block", "entry.cgi", "api=SYNO.Core.Security.AutoBlock&method=get&version=1", 0},
			} {
				_, body := send(t, n, call.path, form(call.form), cookie)
				if got, _ := answerOf(t, body); got != call.want {
					t.Errorf("%s: code %d, want %d", call.what, got, call.want)
				}
			}
			_, body = send(t, n, "auth.cgi", form("api=SYNO.API.Auth&method=login&account=otto&passwd=red fox&version="+newest), nil)
			if code, errors := answerOf(t, body); code != 403 || strings.HasPrefix(errors, "{") != tt.otpObject {
				t.Errorf("a second factor: code %d, errors %s", code, errors)
			}
			_, body = send(t, n, "auth.cgi", form("api=SYNO.API.Auth&method=login&account=otto&passwd=red fox&otp_code=246810"+
				"&enable_device_token=yes&device_name=test&version="+newest), nil)
			if !strings.Contains(body, `"`+tt.deviceName+`":"`) {
				t.Errorf("no %s in %s", tt.deviceName, body)
			}
		})
	}
}

func TestAnUnknownReleaseIsRefused(t *testing.T) {
	_, err := Start(Options{Profile: "5.2"})
	if want := `profile "5.2": there are 6.2, 7.0, 7.1, 7.2, 7.3, 7.4`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestSingleSignOnByRelease(t *testing.T) {
	tests := []struct {
		release, claim string
		wantStart      int
		want           SignIn
	}{
		{"7.0", "mum", http.StatusNotFound, SignIn{}},
		{"7.1", "mum", 0, SignIn{Name: "mum", SSO: true, Reason: "local accounts are not allowed"}},
		{"7.1", "ada@example.com", 0, SignIn{Name: "ada@example.com", SSO: true, OK: true}},
		{"7.1", `EXAMPLE\bob`, 0, SignIn{Name: `EXAMPLE\bob`, SSO: true, OK: true}},
		{"7.2", "mum", 0, SignIn{Name: "mum", SSO: true, OK: true}},
		{"7.4", "mum", 0, SignIn{Name: "mum", SSO: true, OK: true}},
	}
	p := newProvider(t)
	for _, tt := range tests {
		t.Run(tt.release+" "+tt.claim, func(t *testing.T) {
			o := household()
			o.Profile, o.SSO = tt.release, ssoFor(p)
			o.Accounts = append(o.Accounts, Account{Name: "ada@example.com", Type: "ldap"}, Account{Name: `EXAMPLE\bob`, Type: "domain"})
			n := start(t, o)
			p.reset()
			p.userinfo["username"] = tt.claim
			status, _ := fetch(t, browser(t, n), http.MethodGet, n.URL()+"/sso/start", "", true)
			if tt.wantStart != 0 {
				if status != tt.wantStart || len(n.SignIns()) != 0 {
					t.Errorf("status %d, %+v", status, n.SignIns())
				}
				return
			}
			if got := n.SignIns(); len(got) != 1 || got[0] != tt.want {
				t.Errorf("sign-ins %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestWithoutADomainDSMMayRefuseItsLists(t *testing.T) {
	for code, want := range map[int]int{0: 0, 2701: 2701, 2624: 2624} {
		o := household()
		o.NotJoinedCode = code
		n := start(t, o)
		l := logIn(t, n, "claimsmith", servicePassword)
		_, body := send(t, n, "entry.cgi", form("api=SYNO.Core.User&version=1&method=list&type=ldap"), l.header())
		if got, _ := answerOf(t, body); got != want {
			t.Errorf("code %d, want %d", got, want)
		}
	}
}
