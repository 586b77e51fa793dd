package synology

import (
	"testing"
	"time"
)

func TestWhetherAnAccountMaySignIn(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	beirut, err := time.LoadLocation("Asia/Beirut")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	noon := at("2027-01-30T12:00:00Z")
	tests := []struct {
		name, value          string
		now                  time.Time
		place                *time.Location
		wantProblem, wantDay string
	}{
		{"normal", "normal", noon, time.UTC, "", ""},
		{"empty", "", noon, time.UTC, "", ""},
		{"now", "now", noon, time.UTC, "disabled", ""},
		{"a day to come", "2027/1/31", noon, time.UTC, "", "2027-01-31"},
		{"a day to come, with zeros", "2027/01/31", noon, time.UTC, "", "2027-01-31"},
		{"the day itself", "2027/1/30", noon, time.UTC, "expired", "2027-01-30"},
		{"a day that has passed", "2026/12/31", noon, time.UTC, "expired", "2026-12-31"},
		{"the last second, in the place of the NAS", "2027/1/31", at("2027-01-30T22:59:59Z"), berlin, "", "2027-01-31"},
		{"midnight in the place of the NAS", "2027/1/31", at("2027-01-30T23:00:00Z"), berlin, "expired", "2027-01-31"},
		{"midnight there is not midnight in UTC", "2027/1/31", at("2027-01-30T23:00:00Z"), time.UTC, "", "2027-01-31"},
		{"a day without midnight", "2025/3/30", at("2025-03-30T09:00:00Z"), beirut, "expired", "2025-03-30"},
		{"a leap day", "2028/2/29", noon, time.UTC, "", "2028-02-29"},
		{"a day that does not exist", "2027/2/29", noon, time.UTC, "disabled", ""},
		{"a month that does not exist", "2027/13/1", noon, time.UTC, "disabled", ""},
		{"the year zero", "0000/1/1", noon, time.UTC, "disabled", ""},
		{"another way to write a day", "2028-01-31", noon, time.UTC, "disabled", ""},
		{"a number", "20000", noon, time.UTC, "disabled", ""},
		{"normal in capitals", "NORMAL", noon, time.UTC, "disabled", ""},
		{"a blank", " normal", noon, time.UTC, "disabled", ""},
		{"a line break behind the day", "2028/1/31\n", noon, time.UTC, "disabled", ""},
		{"not stated at all", "unstated", noon, time.UTC, "disabled", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			problem, day := standing(tt.value, tt.now, tt.place)
			if problem != tt.wantProblem || day != tt.wantDay {
				t.Errorf("problem %q, day %q, want %q, %q", problem, day, tt.wantProblem, tt.wantDay)
			}
		})
	}
}

// FuzzExpiry: nothing that DSM may say makes the reader of days panic or contradict itself.
func FuzzExpiry(f *testing.F) {
	for _, s := range []string{"", "normal", "now", "2027/1/31", "0000/0/0", "\xff"} {
		f.Add(s)
	}
	now := time.Date(2027, 1, 30, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		problem, day := standing(s, now, time.UTC)
		switch {
		case problem == "" && day == "" && s != "" && s != "normal":
			t.Errorf("%q is a working account", s)
		case day != "" && !date.MatchString(s):
			t.Errorf("%q is the day %s", s, day)
		case day != "" && (problem == "") != (day > "2027-01-30"):
			t.Errorf("%q: problem %q though the day is %s", s, problem, day)
		case problem != "" && problem != disabled && problem != expired:
			t.Errorf("%q: problem %q", s, problem)
		}
	})
}
