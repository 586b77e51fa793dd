package answers

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
)

func TestTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeCache(t, Options{})
		defer h.Close()
		var err error
		api := &lookups{answer: func(context.Context, int) (*pluginv1.LookupResponse, error) { return found(0), err }}
		p := fakePlugin(t, h, "{}", api)
		ask := func(who int) error {
			_, err := p.Asker(Policy{}).Ask(t.Context(), question(fmt.Sprintf(`{"email":"%d"}`, who)))
			return err
		}
		check := func(what, state string, calls int) {
			t.Helper()
			if got := p.Status().Breaker; got != state || api.called() != calls {
				t.Errorf("%s: %s after %d calls, want %s after %d", what, got, api.called(), state, calls)
			}
		}
		err = asleep()
		for range 2 * trips {
			_ = ask(1)
		}
		check("one person's failures", "closed", 10)
		_ = ask(2)
		check("failures of two", "open", 11)
		if err := ask(3); !errors.Is(err, ErrBroken) || err.Error() != "plugin nas: not asked: its last calls failed, and it is given time to recover" {
			t.Errorf("got %v", err)
		}
		check("nothing is asked while it rests", "open", 11)
		<-time.After(firstRest)
		check("after the rest", "trial", 11)
		_ = ask(3)
		check("a trial that fails", "open", 12)
		<-time.After(firstRest)
		_ = ask(3)
		check("the rest is twice as long", "open", 12)
		<-time.After(firstRest)
		err = nil
		if err := ask(3); err != nil {
			t.Error(err)
		}
		check("a trial that succeeds", "closed", 13)
		if diff := cmp.Diff(Counters{Misses: 15, Unanswered: 14, Calls: 13, Failures: 12, Broken: 2, Opened: 1}, p.Status().Counters); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatSaysSomethingAboutAPlugin(t *testing.T) {
	failed := func(c codes.Code) error { return &CallError{Cause: status.Error(c, "")} }
	tests := []struct {
		name string
		err  error
		want verdict
	}{
		{"an answer", nil, healthy},
		{"an answer that breaks the contract, about one person", errors.New("facts"), healthy},
		{"it is down, and the supervisor knows", &CallError{Cause: errors.New("down"), Unasked: true}, noVerdict},
		{"no answer in time", &CallError{Cause: context.DeadlineExceeded}, failing},
		{"the directory behind it cannot be reached", failed(codes.Unavailable), failing},
		{"the directory behind it does not let it in", failed(codes.Unauthenticated), failing},
		{"a record that does not fit", failed(codes.DataLoss), healthy},
		{"a mistake in the plugin, which one person may cause", failed(codes.Internal), noVerdict},
		{"an error of which nothing is known", failed(codes.Unknown), noVerdict},
		{"the call was given up", failed(codes.Canceled), noVerdict},
		{"it does not take these parameters", failed(codes.InvalidArgument), healthy},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := judge(tt.err); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestAFlappingPluginIsAskedEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakeCache(t, Options{})
		defer h.Close()
		api := &lookups{answer: func(_ context.Context, call int) (*pluginv1.LookupResponse, error) {
			if call%3 != 0 { // two failures, then an answer
				return nil, asleep()
			}
			return found(0), nil
		}}
		asked := fakePlugin(t, h, "{}", api)
		asker := asked.Asker(Policy{MaxStale: time.Hour})
		got := ""
		for i := range 12 { // two people by turns
			answer, err := asker.Ask(t.Context(), question(fmt.Sprintf(`{"email":"%d"}`, i%2)))
			switch {
			case err != nil:
				got += "failed "
			default:
				got += answer.Source + " "
			}
		}
		if want := "failed failed plugin failed stale plugin stale stale plugin stale stale plugin "; got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		p := asked.Status()
		if diff := cmp.Diff(Counters{Misses: 12, Stale: 5, Unanswered: 3, Calls: 12, Failures: 8}, p.Counters); diff != "" || p.Breaker != "closed" {
			t.Errorf("%s: %s", p.Breaker, diff)
		}
	})
}
