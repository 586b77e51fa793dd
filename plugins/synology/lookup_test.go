package synology

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
)

func TestAnswers(t *testing.T) {
	mum := local(Facts{Name: "mum", UID: 1029, Description: "Mum", Groups: []string{"family", "users"}})
	dad := local(Facts{Name: "Dad", UID: 1026, Description: "Dad Example", Groups: []string{"administrators", "users"}, Admin: true})
	tests := []struct {
		name    string
		params  Params
		want    sdk.Answer[Facts]
		wantErr string
	}{
		{"an account that may sign in", Params{Email: "mum@example.org"}, sdk.Answer[Facts]{Found: true, Facts: mum}, ""},
		{"an administrator, in the case that DSM has", Params{Email: "dAD@eXample.org"}, sdk.Answer[Facts]{Found: true, Facts: dad}, ""},
		{"an account by name", Params{Name: "mum"}, sdk.Answer[Facts]{Found: true, Facts: mum}, ""},
		{"a name in another case is another name", Params{Name: "Mum"}, sdk.Answer[Facts]{Problem: "none"}, ""},
		{"nobody has the address", Params{Email: "x@example.org"}, sdk.Answer[Facts]{Problem: "none"}, ""},
		{"an address that is none", Params{Email: "mum"}, sdk.Answer[Facts]{Problem: "none"}, ""},
		{"nothing asked", Params{}, sdk.Answer[Facts]{Problem: "noEmail"}, ""},
		{"an account without address does not answer to an empty one", Params{Email: ""}, sdk.Answer[Facts]{Problem: "noEmail"}, ""},
		{"two accounts, though one is switched off", Params{Email: "twins@example.org"}, sdk.Answer[Facts]{Problem: "ambiguous"}, ""},
		{"an account that is switched off", Params{Email: "gone@example.org"},
			sdk.Answer[Facts]{Problem: "disabled", Facts: local(Facts{Name: "gone", UID: 1027, Groups: []string{"Administrators"}, Admin: true})}, ""},
		{"an account with a last day to come", Params{Email: "lodger@example.org"},
			sdk.Answer[Facts]{Found: true, Facts: local(Facts{Name: "lodger", UID: 1028, Groups: []string{"users"}, Expires: "2027-01-31"})}, ""},
		{"an account whose last day is over", Params{Email: "tenant@example.org"},
			sdk.Answer[Facts]{Problem: "expired", Facts: local(Facts{Name: "tenant", UID: 1032, Groups: []string{"users"}, Expires: "2026-01-31"})}, ""},
		{"an end that cannot be read", Params{Email: "odd@example.org"},
			sdk.Answer[Facts]{Problem: "disabled", Facts: local(Facts{Name: "odd", UID: 1031, Groups: []string{}})}, ""},
		{"a name that cannot be decoded", Params{Email: "broken@example.org"}, sdk.Answer[Facts]{}, "the name of the account cannot be decoded"},
		{"an address and a name", Params{Email: "mum@example.org", Name: "mum"}, sdk.Answer[Facts]{},
			"asked for an address and a name at once: give one of email and name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, _ := over(t, household())
			got, err := l.Lookup(t.Context(), tt.params)
			if !reflect.DeepEqual(got, tt.want) || text(err) != tt.wantErr {
				t.Errorf("answer\n got %+v, %q\nwant %+v, %q", got, text(err), tt.want, tt.wantErr)
			}
		})
	}
}

func TestAQuestionThatHasOneAnswerOnlyDoesNotWakeTheNAS(t *testing.T) {
	nas := household()
	l, _ := over(t, nas)
	for _, p := range []Params{{}, {Email: "mum"}, {Email: "mum@"}, {Email: "m@example.org", Name: "mum"}} {
		_, _ = l.Lookup(t.Context(), p)
	}
	if got := nas.took(); got != nil {
		t.Errorf("calls %v, want none", got)
	}
}

func TestAgeIsThatOfTheAccounts(t *testing.T) {
	l, clock := over(t, household())
	for _, want := range []time.Duration{0, 3 * time.Minute, 6 * time.Minute, 9 * time.Minute, 0} {
		got, err := l.Lookup(t.Context(), Params{Name: "mum"})
		if err != nil || got.Age != want {
			t.Errorf("age %s, %v, want %s", got.Age, err, want)
		}
		clock.Add(3 * time.Minute)
	}
}

func TestTheLastDayPassesWithoutReadingAgain(t *testing.T) {
	nas := household()
	l, clock := over(t, nas)
	clock.Add(time.Date(2027, 1, 30, 23, 55, 0, 0, time.UTC).Sub(clock.Now()))
	for _, want := range []string{"", "expired"} {
		got, err := l.Lookup(t.Context(), Params{Name: "lodger"})
		if err != nil || got.Problem != want || got.Found != (want == "") {
			t.Errorf("answer %+v, %v, want problem %q", got, err, want)
		}
		clock.Add(6 * time.Minute)
	}
	if got, want := nas.took(), []string{"users", "groups"}; !reflect.DeepEqual(got, want) {
		t.Errorf("calls %v, want %v", got, want)
	}
}

func TestGroupsAreReadOnceForEachReading(t *testing.T) {
	nas := household()
	l, clock := over(t, nas)
	for range 3 {
		if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil {
			t.Fatal(err)
		}
	}
	clock.Add(10 * time.Minute)
	if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil {
		t.Fatal(err)
	}
	if got, want := nas.took(), []string{"users", "groups", "users", "groups"}; !reflect.DeepEqual(got, want) {
		t.Errorf("calls %v, want %v", got, want)
	}
}

func TestAnOlderDSMIsAskedForAllMembers(t *testing.T) {
	nas := household()
	nas.onGroups = func(context.Context) error { return fmt.Errorf("groups: %w", &dsm.Error{Code: 103}) }
	l, clock := over(t, nas)
	for _, name := range []string{"mum", "Dad", "nobody"} {
		got, err := l.Lookup(t.Context(), Params{Name: name})
		if err != nil || !reflect.DeepEqual(got.Facts.Groups, nas.groups[name]) {
			t.Errorf("groups of %s: %v, %v, want %v", name, got.Facts.Groups, err, nas.groups[name])
		}
	}
	clock.Add(10 * time.Minute)
	if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil {
		t.Fatal(err)
	}
	if got, want := nas.took(), []string{"users", "groups", "members", "users", "members"}; !reflect.DeepEqual(got, want) {
		t.Errorf("calls %v, want %v", got, want)
	}
}

func TestAnAccountWhoseGroupsCannotBeReadIsNotAnswered(t *testing.T) {
	nas := household()
	nas.onGroups = func(context.Context) error { return &dsm.Error{API: "SYNO.Core.User.Group", Method: "get", Code: 100} }
	l, _ := over(t, nas)
	for _, name := range []string{"mum", "gone"} {
		got, err := l.Lookup(t.Context(), Params{Name: name})
		want := "read the groups of an account: SYNO.Core.User.Group get: DSM does not know what went wrong; it may be starting (code 100)"
		if !reflect.DeepEqual(got, sdk.Answer[Facts]{}) || text(err) != want {
			t.Errorf("%s: %+v, %q, want %q", name, got, text(err), want)
		}
	}
}

func TestAnAccountThatWasRenamedMeanwhileIsFoundUnderItsNewName(t *testing.T) {
	nas := household()
	l, _ := over(t, nas)
	if _, err := l.Lookup(t.Context(), Params{Name: "Dad"}); err != nil {
		t.Fatal(err)
	}
	nas.set(func(f *fake) {
		f.users = []dsm.User{{Name: "mother", Email: "mum@example.org", Expired: "normal"}}
		f.groups = map[string][]string{"mother": {"users"}}
		f.onGroups = func(context.Context) error {
			f.set(func(f *fake) { f.onGroups = nil })
			return &dsm.Error{Code: 3106}
		}
	})
	got, err := l.Lookup(t.Context(), Params{Email: "mum@example.org"})
	want := sdk.Answer[Facts]{Found: true, Facts: local(Facts{Name: "mother", Groups: []string{"users"}})}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("answer %+v, %v, want %+v", got, err, want)
	}
}
