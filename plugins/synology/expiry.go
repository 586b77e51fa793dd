package synology

import (
	"regexp"
	"strconv"
	"time"
)

// The problems of an answer.
const (
	none      = "none"      // no account has this address, or this name
	ambiguous = "ambiguous" // more than one has it
	disabled  = "disabled"  // the account is switched off, or it cannot be told whether it is
	expired   = "expired"   // its last day is over
	noEmail   = "noEmail"   // the question held neither an address nor a name
	badLink   = "badLink"   // links name an account that the NAS does not have
)

// date is how DSM writes the day from which an account is switched off.
var date = regexp.MustCompile(`^([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})$`)

// standing reads what DSM says about the end of an account. The problem is empty when the account may sign in now. expires
// is the day, in the place of the NAS, from which it may not, like 2027-01-31; empty when there is none. What cannot be read counts as
// switched off.
func standing(value string, now time.Time, place *time.Location) (problem, expires string) {
	switch value {
	case "", "normal":
		return "", ""
	case "now":
		return disabled, ""
	}
	parts := date.FindStringSubmatch(value)
	if parts == nil {
		return disabled, ""
	}
	year, _ := strconv.Atoi(parts[1])
	month, _ := strconv.Atoi(parts[2])
	day, _ := strconv.Atoi(parts[3])
	last := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC) // where each day has a midnight
	if y, m, d := last.Date(); year == 0 || y != year || int(m) != month || d != day {
		return disabled, "" // there is no such day
	}
	if now.Before(time.Date(year, time.Month(month), day, 0, 0, 0, 0, place)) {
		return "", last.Format(time.DateOnly)
	}
	return expired, last.Format(time.DateOnly)
}
