package synology

import (
	"context"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// A NAS that sleeps costs a login no more than its deadline. What the login began goes on, so that the next one has an answer as
// soon as the NAS is awake; the host answers with what it knew in between.
func TestALoginWhileTheNASSleepsBeginsWhatTheNextOneNeeds(t *testing.T) {
	nas, c := startNAS(t, nil)
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	nas.SetFault("SYNO.Core.User", dsmtest.Slow(arrived, release))
	l, _ := opened(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := l.Lookup(ctx, Params{Email: "mum@example.org"})
		left <- err
	}()
	<-arrived // the disks begin to turn
	cancel()  // and the login has no more time
	if got, want := text(<-left), "wait for the NAS: context canceled"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	close(release)
	got, err := l.Lookup(t.Context(), Params{Email: "mum@example.org"})
	if err != nil || !got.Found {
		t.Errorf("%+v, %v", got, err)
	}
	if got, want := calls(nas), lines(query, login, list, list, compound, members, groups); got != want {
		t.Errorf("calls\n%s\nwant\n%s: one reading serves both", got, want)
	}
}

func TestANASIsNotCalledWhileNobodyAsks(t *testing.T) {
	nas, c := startNAS(t, nil)
	c.Refresh = sdk.Duration(time.Second)
	l, _ := opened(t, c)
	if got := calls(nas); got != "" {
		t.Errorf("before the first question: %s", got)
	}
	if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil {
		t.Fatal(err)
	}
	calls(nas)
	l.(*lookup).directory.running.Wait() // nothing is left that could call
	if got := calls(nas); got != "" {
		t.Errorf("after it: %s", got)
	}
}
