package dsm

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

const password = "a made-up password"

// emulated gives a NAS with accounts of every kind, and a client of it.
func emulated(t *testing.T, change func(*dsmtest.Options, *Options)) (*dsmtest.NAS, *Client) {
	t.Helper()
	n := dsmtest.Options{
		Service: dsmtest.Account{Name: "claimsmith", Password: password, UID: 2000},
		Accounts: []dsmtest.Account{
			{Name: "Åsa", Email: "asa@example.org", UID: 2001, Groups: []string{"family"}},
			{Name: "ada@example.com", Email: "ada@example.com", UID: 3001, Type: "ldap", Groups: []string{"staff@example.com"}},
			{Name: `EXAMPLE\Bob`, Email: "bob@example.com", UID: 4001, Type: "domain", Groups: []string{`EXAMPLE\Domain Users`}},
		},
	}
	o := Options{Account: "claimsmith", Password: password, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&n, &o)
	}
	nas, err := dsmtest.Start(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nas.Close)
	if o.TLS, err = TrustCA(nas.CA()); err != nil {
		t.Fatal(err)
	}
	o.URL = nas.URL()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(t.Context()) })
	return nas, c
}

// asked is what the NAS was asked, parts of compound calls in brackets.
func asked(nas *dsmtest.NAS) string {
	var all []string
	for _, c := range nas.Calls() {
		one := strings.TrimPrefix(c.API, "SYNO.") + " " + c.Method
		if c.Code != 0 {
			one += fmt.Sprint(" ", c.Code)
		}
		if c.Part {
			one = "(" + one + ")"
		}
		all = append(all, one)
	}
	nas.ForgetCalls()
	return strings.Join(all, "\n")
}

func TestEveryReleaseIsReadByWhatItOffers(t *testing.T) {
	for _, release := range []string{"6.2", "7.0", "7.1", "7.2", "7.3", "7.4"} {
		t.Run(release, func(t *testing.T) {
			nas, c := emulated(t, func(n *dsmtest.Options, o *Options) {
				n.Profile, n.TokenCode = release, 105
				o.Kinds = []Kind{Local, LDAP, Domain}
			})
			users, err := c.Users(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := []User{
				{"admin", Local, 1024, "", "System default user", "now", false},
				{"claimsmith", Local, 2000, "", "", "normal", false},
				{"guest", Local, 1025, "", "Guest", "now", false},
				{"Åsa", Local, 2001, "asa@example.org", "", "normal", false},
				{"ada@example.com", LDAP, 3001, "ada@example.com", "", "normal", false},
				{`EXAMPLE\Bob`, Domain, 4001, "bob@example.com", "", "normal", false},
			}
			if !reflect.DeepEqual(users, want) {
				t.Errorf("users\n got %+v\nwant %+v", users, want)
			}
			asked(nas)
			all, err := c.Memberships(t.Context())
			wantAll := map[string][]string{
				"admin": {"administrators", "users"}, "claimsmith": {"administrators", "users"}, "guest": {"users"}, "Åsa": {"family", "users"},
				"ada@example.com": {"staff@example.com"}, `EXAMPLE\Bob`: {`EXAMPLE\Domain Users`},
			}
			if err != nil || !reflect.DeepEqual(all, wantAll) {
				t.Errorf("memberships %v, %v\nwant %v", all, err, wantAll)
			}
			one := "(Core.Group.Member list)"
			wantCalls := lines("Core.Group list", "Core.Group list", "Core.Group list", "Core.Group list", "Core.Group list", "Core.Group list",
				"Entry.Request request", one, one, one, one, one, one)
			if got := asked(nas); got != wantCalls {
				t.Errorf("calls\n%s\nwant\n%s", got, wantCalls)
			}
			groups, err := c.GroupsOf(t.Context(), "Åsa")
			if old := release < "7.2"; old != errors.Is(err, ErrUnsupported) || !old && !reflect.DeepEqual(groups, []string{"family", "users"}) {
				t.Errorf("groups %v, %v", groups, err)
			}
			if err := c.Close(t.Context()); err != nil || nas.Sessions() != 0 {
				t.Errorf("close: %v, %d sessions", err, nas.Sessions())
			}
		})
	}
}

func TestANASThatHasJoinedNothingHasNoSuchAccounts(t *testing.T) {
	for _, code := range []int{0, 2624, 2701} {
		_, c := emulated(t, func(n *dsmtest.Options, o *Options) {
			n.Accounts, n.NotJoinedCode = n.Accounts[:1], code
			o.Kinds = []Kind{Domain, LDAP, Local}
		})
		users, err := c.Users(t.Context())
		if err != nil || len(users) != 4 {
			t.Errorf("code %d: %d users, %v", code, len(users), err)
		}
	}
}

func TestAGroupThatComesInPagesIsReadToItsEnd(t *testing.T) {
	tests := []struct {
		name   string
		change func(*dsmtest.Options, *Options)
	}{
		{"the NAS gives few at once", func(n *dsmtest.Options, _ *Options) { n.PageCap = 3 }},
		{"the client asks for few at once", func(_ *dsmtest.Options, o *Options) { o.PageSize = 3 }},
		{"the NAS knows no compound calls", func(n *dsmtest.Options, _ *Options) {
			n.Faults = map[string]dsmtest.Fault{apiCompound: dsmtest.Code(102)}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, c := emulated(t, func(n *dsmtest.Options, o *Options) {
				n.Accounts = nil
				for i := range 10 {
					n.Accounts = append(n.Accounts, dsmtest.Account{Name: fmt.Sprint("user", i), Groups: []string{"team"}})
				}
				tt.change(n, o)
			})
			all, err := c.Memberships(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i := range 10 {
				if got := all[fmt.Sprint("user", i)]; !reflect.DeepEqual(got, []string{"team", "users"}) {
					t.Errorf("user%d is in %v", i, got)
				}
			}
		})
	}
}

func TestAGroupWithTheNumberOfAdministratorsIsThatGroup(t *testing.T) {
	_, c := emulated(t, func(n *dsmtest.Options, _ *Options) {
		n.GroupIDs = true
		n.Groups = []dsmtest.Group{{Name: "Verwalter", GID: 101}}
		n.Accounts = []dsmtest.Account{{Name: "max", Groups: []string{"Verwalter"}}}
	})
	all, err := c.Memberships(t.Context())
	if want := []string{"Verwalter", "administrators", "users"}; err != nil || !reflect.DeepEqual(all["max"], want) {
		t.Errorf("groups %v, %v, want %v", all["max"], err, want)
	}
}

func TestASessionThatIsLostBetweenTwoCallsIsRenewedOnceForACompound(t *testing.T) {
	nas, c := emulated(t, nil)
	if _, err := c.Users(t.Context()); err != nil {
		t.Fatal(err)
	}
	nas.Reboot()
	asked(nas)
	got, err := c.Administrators(t.Context())
	if want := []string{"admin", "claimsmith"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("administrators %v, %v, want %v", got, err, want)
	}
	want := lines("Entry.Request request", "(Core.Group.Member list 119)", "Core.Group.Member list 119",
		"API.Info query", "API.Auth login", "Core.Group.Member list", "Core.Group.Member list")
	if got := asked(nas); got != want {
		t.Errorf("calls\n%s\nwant\n%s", got, want)
	}
}

func TestATrustedDeviceTakesThePlaceOfCodes(t *testing.T) {
	for _, release := range []string{"6.2", "7.0", "7.2", "7.4"} {
		t.Run(release, func(t *testing.T) {
			var device string
			nas, c := emulated(t, func(n *dsmtest.Options, o *Options) {
				n.Profile = release
				n.Service.TwoFactor, n.Service.OTP = true, "246810"
				o.Device = func() string { return device }
			})
			_, err := c.Users(t.Context())
			const stop = "; no login is tried again until a pause is over or the configuration changes, because DSM blocks those who guess (code 403)"
			want := "SYNO.API.Auth login: DSM asks for a second factor: make this machine a trusted device with claimsmith synology enroll, or use an account without one" + stop
			if text(err) != want {
				t.Errorf("error %q\nwant  %q", text(err), want)
			}
			if _, err := c.Enroll(t.Context(), "000000"); !strings.Contains(text(err), "did not accept the code") {
				t.Errorf("a wrong code: %v", err)
			}
			if device, err = c.Enroll(t.Context(), "246810"); err != nil || device == "" || nas.Sessions() != 0 {
				t.Fatalf("device %q, %v, %d sessions", device, err, nas.Sessions())
			}
			asked(nas)
			if _, err := c.Users(t.Context()); err != nil { // though the pause is not over
				t.Error(err)
			}
			if got, want := asked(nas), lines("API.Info query", "API.Auth login", "Core.User list", "Core.User list"); got != want {
				t.Errorf("calls\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestADeviceThatDSMDoesNotTrustAnyMoreIsTriedOnce(t *testing.T) {
	nas, c := emulated(t, func(n *dsmtest.Options, o *Options) {
		n.Service.TwoFactor = true
		o.Device = func() string { return "forgotten" }
	})
	for range 3 {
		if _, err := c.Users(t.Context()); !strings.Contains(text(err), "DSM asks for a second factor") {
			t.Errorf("error %v", err)
		}
	}
	if got, want := asked(nas), lines("API.Info query", "API.Auth login 403"); got != want {
		t.Errorf("calls\n%s\nwant\n%s", got, want)
	}
}

func TestThePauseIsToldWithItsEnd(t *testing.T) {
	var said strings.Builder
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	nas, c := emulated(t, func(n *dsmtest.Options, o *Options) {
		n.Service.Password = "another"
		o.Now = func() time.Time { return now }
		o.Log = slog.New(slog.NewTextHandler(&said, nil))
	})
	_, _ = c.Users(t.Context())
	_, err := c.Users(t.Context())
	var paused *Paused
	if !errors.As(err, &paused) || !paused.Until.Equal(now.Add(15*time.Minute)) || paused.Refusal.Code != 400 ||
		!strings.HasPrefix(err.Error(), "logins are paused until 2026-11-21T12:15:00Z: SYNO.API.Auth login: no such account, or a wrong password") {
		t.Errorf("error %v", err)
	}
	if want := "code=400 pause=15m0s until=2026-11-21T12:15:00Z"; strings.Count(said.String(), want) != 1 {
		t.Errorf("the log says\n%s", said.String())
	}
	if got, want := asked(nas), lines("API.Info query", "API.Auth login 400"); got != want {
		t.Errorf("calls\n%s\nwant\n%s", got, want)
	}
}
