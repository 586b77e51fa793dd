package ldap

import (
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
)

func TestStanding(t *testing.T) {
	now := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	all := disabledNames()
	tests := []struct {
		name       string
		attributes map[string][]string
		want       string // the problem, and the end if there is one
	}{
		{"nothing said", nil, ""},
		{"an ordinary Windows account", map[string][]string{"userAccountControl": {"512"}}, ""},
		{"switched off in Windows", map[string][]string{"userAccountControl": {"514"}}, "disabled"},
		{"in any case of letters", map[string][]string{"USERACCOUNTCONTROL": {"66050"}}, "disabled"},
		{"flags that cannot be read", map[string][]string{"userAccountControl": {"0x200"}}, "disabled"},
		{"a Windows account that never ends", map[string][]string{"accountExpires": {"9223372036854775807"}}, ""},
		{"nor does this", map[string][]string{"accountExpires": {"0"}}, ""},
		{"nor does what ends after all calendars", map[string][]string{"accountExpires": {"9223372036854775806"}}, ""},
		{"a Windows account that has ended", map[string][]string{"accountExpires": {"134438832000000000"}}, "expired 2027-01-08T12:00:00Z"},
		{"a Windows account that will end", map[string][]string{"accountExpires": {"134460000000000000"}}, " 2027-02-02T00:00:00Z"},
		{"an end before 1601", map[string][]string{"accountExpires": {"-1"}}, "disabled"},
		{"an end that cannot be read", map[string][]string{"accountExpires": {"never"}}, "disabled"},
		{"locked for good", map[string][]string{"pwdAccountLockedTime": {"000001010000Z"}}, "disabled"},
		{"locked at a time", map[string][]string{"pwdAccountLockedTime": {"20200101000000Z"}}, "disabled"},
		{"a time that has come", map[string][]string{"pwdEndTime": {"20270131120000Z"}}, "expired 2027-01-31T12:00:00Z"},
		{"a time that is a second away", map[string][]string{"pwdEndTime": {"20270131120001Z"}}, " 2027-01-31T12:00:01Z"},
		{"a time that cannot be read", map[string][]string{"pwdEndTime": {"tomorrow"}}, "disabled"},
		{"a time in another zone", map[string][]string{"krbPrincipalExpiration": {"20270131130000+0200"}}, "expired 2027-01-31T11:00:00Z"},
		{"no day", map[string][]string{"shadowExpire": {"-1"}}, ""},
		{"the days 0", map[string][]string{"shadowExpire": {"0"}}, "disabled"},
		{"and 1 mean that it is switched off", map[string][]string{"shadowExpire": {"1"}}, "disabled"},
		{"today", map[string][]string{"shadowExpire": {"20849"}}, "expired 2027-01-31T00:00:00Z"},
		{"tomorrow", map[string][]string{"shadowExpire": {"20850"}}, " 2027-02-01T00:00:00Z"},
		{"a day that there is not", map[string][]string{"shadowExpire": {"9223372036854775807"}}, "disabled"},
		{"an empty day", map[string][]string{"shadowExpire": {""}}, "disabled"},
		{"locked", map[string][]string{"nsAccountLock": {"TRUE"}}, "disabled"},
		{"not locked", map[string][]string{"nsAccountLock": {"false"}}, ""},
		{"perhaps locked", map[string][]string{"nsAccountLock": {"1"}}, "disabled"},
		{"the first end counts", map[string][]string{"shadowExpire": {"20850"}, "pwdEndTime": {"20260101000000Z"}}, "expired 2026-01-01T00:00:00Z"},
		{"one of several values is enough", map[string][]string{"nsAccountLock": {"false", "true"}}, "disabled"},
		{"switched off weighs more than expired", map[string][]string{"nsAccountLock": {"true"}, "shadowExpire": {"20000"}}, "disabled 2024-10-04T00:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			problem, end, err := standing{attributes: all}.of(goldap.NewEntry("uid=a", tt.attributes), now)
			got := problem
			if !end.IsZero() {
				got += " " + end.Format(time.RFC3339)
			}
			if err != nil || got != tt.want {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
	t.Run("what the configuration does not list does not count", func(t *testing.T) {
		e := goldap.NewEntry("uid=a", map[string][]string{"nsAccountLock": {"true"}, "shadowExpire": {"-1"}})
		if problem, _, err := (standing{attributes: []string{shadowExpire}}).of(e, now); problem != "" || err != nil {
			t.Errorf("%q, %v", problem, err)
		}
	})
}
