package sidecar

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

func came(t *testing.T, user string, at time.Time) visit {
	t.Helper()
	payload, err := claims.Parse([]byte(`{"sub":"s"}`))
	if err != nil {
		t.Fatal(err)
	}
	return visit{at: at, in: &pipeline.Input{Payload: payload, Connector: "google", Client: "nas", Identity: pipeline.Identity{UserID: user}}}
}

func TestTheOldestVisitsAreForgottenFirst(t *testing.T) {
	var r recent
	start := time.Unix(0, 0)
	for i := range recentVisits + 3 {
		r.add(came(t, fmt.Sprint(i), start.Add(time.Duration(i)*time.Minute)))
	}
	r.add(came(t, "5", start.Add(time.Hour*24))) // known: it takes nobody's place
	if n := len(r.since(start)); n != recentVisits {
		t.Errorf("%d are remembered", n)
	}
	for user, want := range map[string]bool{"0": false, "2": false, "3": true, "5": true, "202": true} {
		if got := r.forget(func(in *pipeline.Input) bool { return in.Identity.UserID == user }) == 1; got != want {
			t.Errorf("user %s is remembered: %v", user, got)
		}
	}
	// Those that are left keep their order: the next to go is the oldest.
	for i := range 4 {
		r.add(came(t, fmt.Sprint("new", i), start.Add(48*time.Hour)))
	}
	if r.forget(func(in *pipeline.Input) bool { return in.Identity.UserID == "4" }) != 0 {
		t.Error("the oldest is still there")
	}
	if n := len(r.since(start.Add(25 * time.Hour))); n != 4 {
		t.Errorf("%d came later", n)
	}
}

func TestWhatIsNotRemembered(t *testing.T) {
	var r recent
	machine := came(t, "m", time.Now())
	machine.in.Connector = ""
	r.add(machine)
	large := came(t, "l", time.Now())
	large.in.Payload, _ = claims.Parse(fmt.Appendf(nil, `{"x":"%0*d"}`, recentPayload, 0))
	r.add(large)
	if n := len(r.since(time.Time{})); n != 0 {
		t.Errorf("%d are remembered", n)
	}
}

func TestOnlyTheSameFileSoonAgainIsMeant(t *testing.T) {
	now := time.Now()
	locked := fmt.Errorf("reload: %w", &LockedOut{})
	tests := []struct {
		name   string
		err    error
		digest string
		after  time.Duration
		want   bool
	}{
		{"the same file at once", locked, "a", time.Second, true},
		{"the same file late", locked, "a", again + time.Second, false},
		{"another file", locked, "b", time.Second, false},
		{"a file that was refused for something else", errors.New("x"), "a", time.Second, false},
		{"a file that was taken", nil, "a", time.Second, false},
		{"a file that cannot be read", locked, "", time.Second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h hangups
			h.note(tt.err, "a", now)
			if got := h.force(tt.digest, now.Add(tt.after)); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
