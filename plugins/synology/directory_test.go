package synology

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
)

var errAsleep = errors.New("the NAS is asleep")

func asleep(context.Context) error { return errAsleep }

// hanging gives a call that tells when it has begun, and ends with its context or with release.
func hanging() (call func(context.Context) error, begun chan struct{}, release chan struct{}) {
	begun, release = make(chan struct{}, 10), make(chan struct{})
	return func(ctx context.Context) error {
		begun <- struct{}{}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, begun, release
}

func TestNothingIsReadUntilSomebodyAsksAndNothingWhileNobodyDoes(t *testing.T) {
	nas := household()
	l, clock := over(t, nas)
	clock.Add(time.Hour)
	if got := nas.took(); got != nil {
		t.Errorf("calls before the first question: %v", got)
	}
	if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil {
		t.Fatal(err)
	}
	nas.took()
	clock.Add(24 * time.Hour)
	if got := nas.took(); got != nil {
		t.Errorf("calls while nobody asked: %v", got)
	}
}

func TestAllWhoAskAtTheSameTimeShareOneReading(t *testing.T) {
	nas := household()
	var begun, release chan struct{}
	nas.onUsers, begun, release = hanging()
	l, _ := over(t, nas)
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			if got, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil || !got.Found {
				t.Errorf("answer %+v, %v", got, err)
			}
		})
	}
	<-begun
	close(release)
	callers.Wait()
	if got, want := nas.took(), []string{"users", "groups"}; !reflect.DeepEqual(got, want) {
		t.Errorf("calls %v, want %v", got, want)
	}
}

func TestACallerWhoLeavesDoesNotEndTheReading(t *testing.T) {
	nas := household()
	var begun, release chan struct{}
	nas.onUsers, begun, release = hanging()
	l, _ := over(t, nas)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := l.Lookup(ctx, Params{Name: "mum"})
		left <- err
	}()
	<-begun
	leave()
	if got, want := text(<-left), "wait for the NAS: context canceled"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	close(release)
	if got, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil || !got.Found {
		t.Errorf("answer %+v, %v", got, err)
	}
	if got, want := nas.took(), []string{"users", "groups"}; !reflect.DeepEqual(got, want) {
		t.Errorf("calls %v, want %v", got, want)
	}
}

func TestAccountsThatAreTooOldAreNotUsed(t *testing.T) {
	nas := household()
	l, clock := over(t, nas)
	if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil {
		t.Fatal(err)
	}
	nas.set(func(f *fake) { f.onUsers = asleep })
	clock.Add(10*time.Minute - 1)
	if got, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil || !got.Found {
		t.Errorf("a moment before: %+v, %v", got, err)
	}
	clock.Add(1)
	_, err := l.Lookup(t.Context(), Params{Name: "mum"})
	if got, want := text(err), "read the accounts: the NAS is asleep"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	nas.set(func(f *fake) { f.onUsers = nil })
	if got, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil || !got.Found || got.Age != 0 {
		t.Errorf("awake again: %+v, %v", got, err)
	}
}

func TestAClockThatWasSetBackMakesTheAccountsOld(t *testing.T) {
	nas := household()
	l, clock := over(t, nas)
	for range 2 {
		if got, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil || got.Age != 0 {
			t.Errorf("answer %+v, %v", got, err)
		}
		clock.Add(-time.Hour)
	}
	if got, want := nas.took(), []string{"users", "groups", "users", "groups"}; !reflect.DeepEqual(got, want) {
		t.Errorf("calls %v, want %v", got, want)
	}
}

func TestAMissReadsAgainOnceInAWhile(t *testing.T) {
	nas := household()
	l, clock := over(t, nas)
	step := func(name string, after time.Duration, wantProblem string, wantCalls ...string) {
		t.Helper()
		clock.Add(after)
		got, err := l.Lookup(t.Context(), Params{Email: "new@example.org"})
		if err != nil || got.Problem != wantProblem {
			t.Errorf("%s: %+v, %v, want problem %q", name, got, err, wantProblem)
		}
		if got := nas.took(); !reflect.DeepEqual(got, wantCalls) {
			t.Errorf("%s: calls %v, want %v", name, got, wantCalls)
		}
	}
	step("the first question", 0, "none", "users")
	step("accounts that are young", 30*time.Second, "none")
	step("accounts of half a minute", time.Second, "none", "users")
	nas.set(func(f *fake) { f.onUsers = asleep })
	step("a NAS that went to sleep is no reason to doubt", 31*time.Second, "none", "users")
	step("and is let alone for a while", 30*time.Second, "none")
	nas.set(func(f *fake) {
		f.onUsers = nil
		f.users = append(f.users, dsm.User{Name: "new", Email: "new@example.org", Expired: "normal"})
	})
	step("a new account", time.Second, "", "users", "groups")
	step("which is known now", time.Minute, "")
}

func TestAMissWaitsForNoMoreThanHalfOfItsTime(t *testing.T) {
	nas := household()
	l, clock := over(t, nas)
	if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil {
		t.Fatal(err)
	}
	clock.Add(time.Minute)
	call, begun, release := hanging()
	nas.set(func(f *fake) { f.onUsers = call })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	got, err := l.Lookup(ctx, Params{Email: "x@example.org"})
	if err != nil || got.Problem != "none" || got.Age != time.Minute {
		t.Errorf("answer %+v, %v, want none from the accounts of a minute ago", got, err)
	}
	<-begun
	if got, err := l.Lookup(t.Context(), Params{Name: "mum"}); err != nil || !got.Found {
		t.Errorf("who is known is answered while the NAS is being asked: %+v, %v", got, err)
	}
	close(release)
}

func TestCloseEndsWhatRuns(t *testing.T) {
	nas := household()
	var begun chan struct{}
	nas.onUsers, begun, _ = hanging()
	l, _ := over(t, nas)
	answered := make(chan error)
	go func() {
		_, err := l.Lookup(t.Context(), Params{Name: "mum"})
		answered <- err
	}()
	<-begun
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who waited gets %v", err)
	}
	if _, err := l.Lookup(t.Context(), Params{Name: "mum"}); !errors.Is(err, errClosed) {
		t.Errorf("a question after Close gets %v", err)
	}
	if nas.closed != 1 {
		t.Errorf("signed out %d times, want 1", nas.closed)
	}
}

// 16,000 accounts on a slow NAS take minutes: what limits a reading is that an answer comes, not how many there are.
func TestAReadingTakesAsLongAsTheNASAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nas := household()
		nas.onUsers = func(ctx context.Context) error {
			select {
			case <-time.After(20 * time.Minute):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		l, _ := over(t, nas)
		got, err := l.Lookup(t.Context(), Params{Email: "mum@example.org"})
		if err != nil || !got.Found {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
