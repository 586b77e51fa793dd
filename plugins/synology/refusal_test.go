package synology

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

func TestRefusalsAreSaidInWordsAndNotRepeated(t *testing.T) {
	account := func(f func(*dsmtest.Account)) func(*dsmtest.Options) {
		return func(o *dsmtest.Options) { f(&o.Service) }
	}
	const stop = "; no login is tried again until a pause is over or the configuration changes, because DSM blocks those who guess"
	tests := []struct {
		name      string
		nas       func(*dsmtest.Options)
		want      string
		wantCalls string // to three questions
	}{
		{"a wrong password", account(func(a *dsmtest.Account) { a.Password = "another" }),
			"SYNO.API.Auth login: no such account, or a wrong password: check account and passwordFile" + stop + " (code 400)", lines(query, login+" 400")},
		{"an account that is switched off", account(func(a *dsmtest.Account) { a.Expired = "now" }),
			"SYNO.API.Auth login: the account is switched off: enable it in Control Panel, User & Group" + stop + " (code 401)", lines(query, login+" 401")},
		{"a second factor", account(func(a *dsmtest.Account) { a.TwoFactor = true }),
			"SYNO.API.Auth login: DSM asks for a second factor: make this machine a trusted device with claimsmith synology enroll, or use an account without one" + stop + " (code 403)", lines(query, login+" 403")},
		{"a second factor that is not set up", account(func(a *dsmtest.Account) { a.LoginCode = 406 }),
			"SYNO.API.Auth login: DSM demands a second factor, and the account has not set one up: set it up in DSM, then run claimsmith synology enroll, or exempt the account in Control Panel, Security, Account" + stop + " (code 406)", lines(query, login+" 406")},
		{"an account that is locked", account(func(a *dsmtest.Account) { a.LoginCode = 411 }),
			"SYNO.API.Auth login: Account Protection has locked the account after too many failed logins: check passwordFile, then wait or unlock it in Control Panel, Security, Account" + stop + " (code 411)", lines(query, login+" 411")},
		{"an account that is no administrator", account(func(a *dsmtest.Account) { a.Groups = []string{"users"} }),
			"SYNO.Core.User list: the account may not list users: make it a member of the group administrators (code 105)",
			lines(query, login, list+" 105", list+" 105", list+" 105")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nas, c := startNAS(t, tt.nas)
			l, _ := opened(t, c)
			for i := range 3 {
				got, err := l.Lookup(t.Context(), Params{Email: "mum@example.org"})
				want := "read the accounts: " + tt.want
				if i > 0 && strings.Contains(tt.want, stop) {
					want = "read the accounts: logins are paused until TIME: " + tt.want
				}
				if untimed(err) != want || !reflect.DeepEqual(got, sdk.Answer[Facts]{}) {
					t.Errorf("error\n got %q\nwant %q", untimed(err), want)
				}
			}
			if got := calls(nas); got != tt.wantCalls {
				t.Errorf("calls\n%s\nwant\n%s", got, tt.wantCalls)
			}
		})
	}
}

// untimed is the message of err without the time in it.
func untimed(err error) string {
	return regexp.MustCompile(`until [-0-9]+T[:0-9]+Z`).ReplaceAllString(text(err), "until TIME")
}

func TestABlockedAddressIsLeftAlone(t *testing.T) {
	nas, c := startNAS(t, nil)
	nas.Block("127.0.0.1")
	l, _ := opened(t, c)
	for range 3 {
		_, err := l.Lookup(t.Context(), Params{Name: "mum"})
		if got, want := text(err), "DSM has blocked the address of this machine"; !strings.Contains(got, want) {
			t.Errorf("error %q, want one with %q", got, want)
		}
	}
	if got, want := calls(nas), lines(query, login+" 407"); got != want {
		t.Errorf("calls\n%s\nwant\n%s", got, want)
	}
}

func TestNothingPersonalIsLoggedOrPutIntoErrors(t *testing.T) {
	nas, c := startNAS(t, func(o *dsmtest.Options) {
		o.Plain = true
		o.Accounts = append(o.Accounts, dsmtest.Account{Name: "mum2", Email: "mum@example.org"})
	})
	l, logged := opened(t, c)
	var said strings.Builder
	ask := func(p Params) {
		if _, err := l.Lookup(t.Context(), p); err != nil {
			fmt.Fprintln(&said, err)
		}
	}
	for _, p := range []Params{{Email: "mum@example.org"}, {Email: "dad@example.org"}, {Name: "gone"}, {Email: "x@example.org"}, {Email: "a@example.org", Name: "mum"}} {
		ask(p)
	}
	for _, fault := range []dsmtest.Fault{dsmtest.Code(3106), dsmtest.HTML(502), dsmtest.Truncated(), dsmtest.Dropped(), dsmtest.Redirect(302, "https://mum@example.org/mum")} {
		nas.SetFault("", fault)
		ask(Params{Name: "mum"})
		nas.Reboot()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Lookup(ctx, Params{Name: "mum2"})
	fmt.Fprintln(&said, err)
	all := logged.String() + said.String()
	for _, personal := range []string{"@", "mum", "Mum", "Dad", "gone", secret, "sid", "synotoken"} {
		if strings.Contains(all, personal) {
			t.Errorf("%q stands in\n%s", personal, all)
		}
	}
	for _, wanted := range []string{"accounts read", "users=7", "shared=1"} {
		if !strings.Contains(all, wanted) {
			t.Errorf("%q does not stand in\n%s", wanted, all)
		}
	}
}
