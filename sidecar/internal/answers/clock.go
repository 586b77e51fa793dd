package answers

import "time"

// since is how much time went by from at to now, on the clock that says more: the one on the wall may have been set back meanwhile,
// and the other one stands still while a machine sleeps.
func since(at, now time.Time) time.Duration {
	return max(now.Sub(at), now.Round(0).Sub(at.Round(0)))
}

// running is a time that the clock on the wall gave, as a time of now's clock that goes on when that is set.
func running(at, now time.Time) time.Time { return now.Add(at.Round(0).Sub(now.Round(0))) }
