package ldap

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
)

// judged makes the error of a login that a server answered.
func judged(code uint16, said string) error {
	return newRefusal(goldap.NewError(code, errors.New(said)), true)
}

func TestTheGate(t *testing.T) {
	wrong := judged(goldap.LDAPResultInvalidCredentials, "")
	type step struct {
		name     string
		after    time.Duration // since the step before
		password string
		login    error // what the server says
		tried    bool  // whether it is asked at all
		want     error
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"a refusal is remembered for a while", []step{
			{"refused", 0, "a", wrong, true, wrong},
			{"at once", 0, "a", nil, false, wrong},
			{"before the pause is over", pause - 1, "a", nil, false, wrong},
			{"after the pause", 1, "a", nil, true, nil},
			{"afterwards", 0, "a", nil, true, nil},
		}},
		{"a second refusal begins a second pause", []step{
			{"refused", 0, "a", wrong, true, wrong},
			{"refused again", pause, "a", wrong, true, wrong},
			{"at once", pause - 1, "a", nil, false, wrong},
		}},
		{"another password is another login", []step{
			{"refused", 0, "a", wrong, true, wrong},
			{"another", 0, "b", nil, true, nil},
			{"which was right", 0, "b", nil, true, nil},
		}},
		{"a server that is busy judged nobody", []step{
			{"busy", 0, "a", judged(goldap.LDAPResultBusy, ""), true, judged(goldap.LDAPResultBusy, "")},
			{"at once", 0, "a", nil, true, nil},
		}},
		{"a connection that broke says nothing about the account", []step{
			{"broken", 0, "a", errBroken, true, errBroken},
			{"at once", 0, "a", nil, true, nil},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
			g := newGate(gateOptions{log: slog.New(slog.DiscardHandler), now: func() time.Time { return now }})
			for _, s := range tt.steps {
				now = now.Add(s.after)
				tried := false
				err := g.pass(t.Context(), s.password, func() error { tried = true; return s.login })
				if tried != s.tried || describe(err) != describe(s.want) {
					t.Errorf("%s: asked %v, %v, want %v, %v", s.name, tried, err, s.tried, s.want)
				}
			}
		})
	}
}

func describe(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestLoginsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(gateOptions{log: slog.New(slog.DiscardHandler), now: time.Now})
		free := make(chan struct{})
		go func() { _ = g.pass(t.Context(), "", func() error { <-free; return nil }) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := g.pass(ctx, "", func() error { t.Error("two logins at a time"); return nil })
		if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "wait for another login: context deadline exceeded" {
			t.Errorf("%v", err)
		}
		close(free)
	})
}
