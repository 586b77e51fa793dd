package synology

import (
	"reflect"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

func TestLinksTakeThePlaceOfAddresses(t *testing.T) {
	nas, c := startNAS(t, func(o *dsmtest.Options) {
		o.Accounts = append(o.Accounts,
			dsmtest.Account{Name: "twin1", Email: "twins@example.org", UID: 1040},
			dsmtest.Account{Name: "twin2", Email: "twins@example.org", UID: 1041},
			dsmtest.Account{Name: "late", UID: 1042, Expired: "2020/1/31"},
		)
	})
	c.Links = []Link{
		{"Dad.Example@gmail.com", "Dad"}, {"twins@example.org", "twin2"}, {"gone@gmail.com", "gone"}, {"late@gmail.com", "late"},
		{"nobody@gmail.com", "nobody"}, {"mum@example.org", "kid"}, {"case@gmail.com", "dad"},
	}
	l, _ := opened(t, c)
	rulers, users := []string{"administrators", "users"}, []string{"users"}
	tests := []struct {
		name, email, problem string
		facts                Facts
	}{
		{"an administrator by a link", "dad.example@GMAIL.com", "", local(Facts{Name: "Dad", UID: 1031, Groups: rulers, Admin: true, Linked: true})},
		{"an administrator by an address in DSM is not linked", "dad@example.org", "", local(Facts{Name: "Dad", UID: 1031, Groups: rulers, Admin: true})},
		{"an address that two have is theirs whom the link names", "Twins@example.org", "", local(Facts{Name: "twin2", UID: 1041, Groups: users, Linked: true})},
		{"a link does not switch an account on", "gone@gmail.com", "disabled", local(Facts{Name: "gone", UID: 1032, Groups: users, Linked: true})},
		{"nor a day back", "late@gmail.com", "expired", local(Facts{Name: "late", UID: 1042, Groups: users, Linked: true, Expires: "2020-01-31"})},
		{"a link to nobody", "nobody@gmail.com", "badLink", Facts{}},
		{"a link to nobody hides the account with the address", "mum@example.org", "badLink", Facts{}},
		{"names are compared exactly", "case@gmail.com", "badLink", Facts{}},
		{"somebody who is not linked", "x@gmail.com", "none", Facts{}},
		{"nothing asked", "", "noEmail", Facts{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := l.Lookup(t.Context(), Params{Email: tt.email})
			if err != nil || got.Problem != tt.problem || got.Found != (tt.problem == "") || !reflect.DeepEqual(got.Facts, tt.facts) {
				t.Errorf("got %+v, %v\nwant %q, %+v", got, err, tt.problem, tt.facts)
			}
		})
	}
	if got := strings.Count(calls(nas), login); got != 1 {
		t.Errorf("%d logins", got)
	}
}

func TestAccountsOfDirectories(t *testing.T) {
	for _, release := range []string{"6.2", "7.1", "7.2", "7.4"} {
		t.Run(release, func(t *testing.T) {
			_, c := startNAS(t, func(o *dsmtest.Options) {
				o.Profile = release
				o.Accounts = append(o.Accounts,
					dsmtest.Account{Name: "Ada@example.com", Email: "ada@example.com", UID: 3001, Type: "ldap", Groups: []string{"admins@example.com", "staff@example.com"}},
					dsmtest.Account{Name: "root@example.com", Email: "root@example.com", UID: 3002, Type: "ldap", Groups: []string{"administrators@example.com"}},
					dsmtest.Account{Name: `EXAMPLE\Bob`, Email: "bob@example.com", UID: 4001, Type: "domain", Groups: []string{`EXAMPLE\staff`, `EXAMPLE\Domain Admins`}},
				)
			})
			c.AccountTypes = []string{"local", "ldap", "domain"}
			l, _ := opened(t, c)
			for email, want := range map[string]Facts{
				"ada@example.com": {Name: "Ada@example.com", UID: 3001, Type: "ldap",
					Groups: []string{"admins@example.com", "staff@example.com"}, ShortGroups: []string{"admins", "staff"}},
				"root@example.com": {Name: "root@example.com", UID: 3002, Type: "ldap",
					Groups: []string{"administrators@example.com"}, ShortGroups: []string{"administrators"}, Admin: true},
				"bob@example.com": {Name: `EXAMPLE\Bob`, UID: 4001, Type: "domain",
					Groups: []string{`EXAMPLE\Domain Admins`, `EXAMPLE\staff`}, ShortGroups: []string{"Domain Admins", "staff"}, Admin: true},
				"mum@example.org": local(Facts{Name: "mum", UID: 1030, Description: "Mum Example", Groups: []string{"family", "users"}}),
			} {
				if got, err := l.Lookup(t.Context(), Params{Email: email}); err != nil || !got.Found || !reflect.DeepEqual(got.Facts, want) {
					t.Errorf("%s: %+v, %v\nwant %+v", email, got, err, want)
				}
			}
		})
	}
}

func TestAnAccountOfADirectoryWhoseGroupsNobodyTellsIsNotAnswered(t *testing.T) {
	for _, release := range []string{"7.1", "7.2"} {
		_, c := startNAS(t, func(o *dsmtest.Options) {
			o.Profile = release
			o.Accounts = append(o.Accounts, dsmtest.Account{Name: "ada@example.com", Email: "ada@example.com", Type: "ldap"})
		})
		c.AccountTypes = []string{"local", "ldap"}
		l, _ := opened(t, c)
		for range 2 {
			_, err := l.Lookup(t.Context(), Params{Email: "ada@example.com"})
			want := "read the groups of an account: the NAS names no group of an account that is kept in a directory, so nobody knows whether it is an administrator"
			if text(err) != want {
				t.Errorf("%s: error %q, want %q", release, text(err), want)
			}
		}
	}
}

// A DSM that cannot tell the groups of an account of a directory by its name is asked for the members of all groups.
func TestAnAccountOfADirectoryThatIsKnownByItsMembershipOnly(t *testing.T) {
	nas, c := startNAS(t, func(o *dsmtest.Options) {
		o.Accounts = append(o.Accounts, dsmtest.Account{Name: "ada@example.com", Email: "ada@example.com", Type: "ldap", Groups: []string{"staff@example.com"}})
	})
	c.AccountTypes = []string{"local", "ldap"}
	nas.SetFault("SYNO.Core.User.Group", dsmtest.Code(3106))
	l, _ := opened(t, c)
	got, err := l.Lookup(t.Context(), Params{Email: "ada@example.com"})
	if want := []string{"staff@example.com"}; err != nil || !reflect.DeepEqual(got.Facts.Groups, want) {
		t.Errorf("groups %v, %v, want %v", got.Facts.Groups, err, want)
	}
}

func TestOnlyTheTypesThatAreNamedAreRead(t *testing.T) {
	_, c := startNAS(t, func(o *dsmtest.Options) {
		o.Accounts = append(o.Accounts, dsmtest.Account{Name: "ada@example.com", Email: "ada@example.com", Type: "ldap"})
	})
	l, _ := opened(t, c)
	if got, err := l.Lookup(t.Context(), Params{Email: "ada@example.com"}); err != nil || got.Problem != "none" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestGroupsInBothForms(t *testing.T) {
	for group, want := range map[string]string{"admins": "admins", "admins@example.com": "admins", `EXAMPLE\admins`: "admins", `EXAMPLE\a@b`: "a@b", "": ""} {
		if got := shortName(group); got != want {
			t.Errorf("%q: %q, want %q", group, got, want)
		}
	}
	if got, want := short([]string{"z", "a@example.com", "a", `X\a`}), []string{"a", "z"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for group, want := range map[string]bool{
		"administrators": true, "Administrators": true, "administrators@example.com": true, `EXAMPLE\administrators`: true, `EXAMPLE\Domain Admins`: true,
		"domain admins": false, "Enterprise Admins@example.com": true, "users": false, "": false, "admins": false,
	} {
		if got := administrators(group); got != want {
			t.Errorf("%q rules: %v", group, got)
		}
	}
}

func TestSeveralNASInOneSidecarKnowNothingOfEachOther(t *testing.T) {
	_, one := startNAS(t, nil)
	second, two := startNAS(t, func(o *dsmtest.Options) {
		o.Profile, o.Accounts = "7.1", []dsmtest.Account{{Name: "mother", Email: "mum@example.org", UID: 2030}}
	})
	first, _ := opened(t, one)
	other, _ := opened(t, two)
	second.SetFault("SYNO.Core.Group", dsmtest.Hang())
	got, err := first.Lookup(t.Context(), Params{Email: "mum@example.org"})
	if err != nil || got.Facts.Name != "mum" {
		t.Errorf("the first: %+v, %v", got, err)
	}
	second.SetFault("SYNO.Core.Group", nil)
	if got, err = other.Lookup(t.Context(), Params{Email: "mum@example.org"}); err != nil || got.Facts.Name != "mother" {
		t.Errorf("the second: %+v, %v", got, err)
	}
}

func TestTheFirstReadingWarnsInNumbersAndOnce(t *testing.T) {
	nas, c := startNAS(t, func(o *dsmtest.Options) {
		o.Accounts = append(o.Accounts, dsmtest.Account{Name: "mum2", Email: "mum@example.org"})
	})
	l, logged := opened(t, c)
	for range 2 {
		if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.(*lookup).directory.newer(t.Context(), l.(*lookup).directory.snap.Load()); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		`msg="some addresses belong to more than one account: nobody is found by them, except by links" addresses=1`,
		`msg="some administrators have an address: let rules refuse nas.admin, unless nas.linked" administrators=1`,
	} {
		if got := strings.Count(logged.String(), want); got != 1 {
			t.Errorf("%q stands %d times in\n%s", want, got, logged)
		}
	}
	if strings.Contains(logged.String(), "mum") || strings.Contains(logged.String(), "Dad") {
		t.Errorf("names in\n%s", logged)
	}
	if got := strings.Count(calls(nas), compound); got != 1 {
		t.Errorf("administrators were asked for %d times", got)
	}
}

func TestAnAnswerDoesNotNeedWhatIsWarnedAbout(t *testing.T) {
	nas, c := startNAS(t, nil)
	for _, api := range []string{"SYNO.Entry.Request", "SYNO.Core.Group.Member"} {
		nas.SetFault(api, dsmtest.Code(105))
	}
	l, _ := opened(t, c)
	got, err := l.Lookup(t.Context(), Params{Name: "mum"})
	want := sdk.Answer[Facts]{Found: true, Facts: local(Facts{Name: "mum", UID: 1030, Description: "Mum Example", Groups: []string{"family", "users"}})}
	got.Age = 0
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}
