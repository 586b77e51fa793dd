package answers

import (
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// jumped is t of a clock whose hands were set by d: what it shows changes, and the time since the start of the machine does not. Nobody
// can make such a time but the runtime, which keeps seconds above the lower 30 bits of its first word.
func jumped(t time.Time, d time.Duration) time.Time {
	*(*uint64)(unsafe.Pointer(&t)) += uint64(int64(d/time.Second)) << 30
	return t
}

// handed is the clock of a bubble, with hands that can be set: those of a bubble have no time since the start of a machine.
type handed struct {
	real, begun time.Time
	jump        time.Duration
}

func (c *handed) now() time.Time { return jumped(c.real.Add(time.Since(c.begun)), c.jump) }

func TestJumped(t *testing.T) {
	now := time.Now()
	if then := jumped(now, -3*time.Hour); then.Sub(now) != 0 || then.Round(0).Sub(now.Round(0)) != -3*time.Hour {
		t.Fatalf("%s is no %s that was set back", then, now)
	}
}

// TestAnswersAgeWhateverTheClockShows: whoever sets a clock, or lets a machine sleep, makes no answer younger.
func TestAnswersAgeWhateverTheClockShows(t *testing.T) {
	tests := []struct {
		name  string
		store bool          // the first answer comes from the store, five minutes old
		jump  time.Duration // of the clock, after the first answer
		after time.Duration // that really goes by, then
		then  behave
		want  string
	}{
		{"set back, and fresh", false, -3 * time.Hour, 7 * time.Minute, well, "mum of cache, 7m0s old"},
		{"set back, and expired", false, -3 * time.Hour, 11 * time.Minute, well, "mum of plugin, 0s old"},
		{"set back, and the plugin fails", false, -3 * time.Hour, 11 * time.Minute, answersAnError, "mum of stale, 11m0s old"},
		{"set back, and too old", false, -3 * time.Hour, 24 * time.Hour, answersAnError, errAsleep.Error()},
		{"asleep", false, 8 * time.Hour, time.Minute, well, "mum of plugin, 0s old"},
		{"asleep, and the plugin fails", false, 8 * time.Hour, time.Minute, answersAnError, "mum of stale, 8h1m0s old"},
		{"asleep for too long", false, 24 * time.Hour, time.Minute, answersAnError, errAsleep.Error()},
		{"of the store, set back, and expired", true, -3 * time.Hour, 6 * time.Minute, well, "mum of plugin, 0s old"},
		{"of the store, set back, and too old", true, -3 * time.Hour, 24 * time.Hour, answersAnError, errAsleep.Error()},
	}
	real := time.Now()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clock := &handed{real: real, begun: time.Now()}
				store := newShelf()
				if tt.store {
					before := born(t, store, "{}")
					before.h.o.Now = clock.now
					before.asks(t, dayStale)
					before.ends(t)
					store.put(func(s *shelved) { s.at = s.at.Round(0) }) // a database knows only what the clock on the wall shows
					<-time.After(5 * time.Minute)
				}
				l := born(t, store, "{}")
				defer l.ends(t)
				l.h.o.Now = clock.now
				want := "mum of plugin, 0s old"
				if tt.store {
					want = "mum of store, 5m0s old"
				}
				if got := l.asks(t, dayStale); got != want {
					t.Fatalf("at first %s, want %s", got, want)
				}
				clock.jump, l.now = tt.jump, tt.then
				<-time.After(tt.after)
				if got := l.asks(t, dayStale); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// TestAStoreThatRestedIsAskedAgainWhateverTheClockShows: a store that was slow is left alone for a second, not until the clock shows it.
func TestAStoreThatRestedIsAskedAgainWhateverTheClockShows(t *testing.T) {
	real := time.Now()
	synctest.Test(t, func(t *testing.T) {
		clock := &handed{real: real, begun: time.Now()}
		l := born(t, newShelf(), "{}")
		defer l.ends(t)
		l.h.o.Now = clock.now
		l.h.keeper.failed(l.p)
		clock.jump = -3 * time.Hour
		if !l.h.keeper.rests() {
			t.Error("it is asked at once")
		}
		<-time.After(loadRest)
		if l.h.keeper.rests() {
			t.Error("it is not asked any more")
		}
	})
}
