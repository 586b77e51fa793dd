package synology

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
)

// fake is a NAS of a few lines. What is nil is as good as it can be.
type fake struct {
	mu     sync.Mutex
	users  []dsm.User
	groups map[string][]string
	calls  []string

	onUsers  func(context.Context) error
	onGroups func(context.Context) error
	closed   int
}

func (f *fake) Users(ctx context.Context) ([]dsm.User, error) {
	on := f.called("users", f.onUsers)
	if err := on(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	users := slices.Clone(f.users)
	for i := range users {
		if users[i].Kind == "" {
			users[i].Kind = dsm.Local
		}
	}
	return users, nil
}

// Administrators is not counted among the calls: it comes once, with the first reading.
func (f *fake) Administrators(context.Context) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for name, groups := range f.groups {
		if slices.ContainsFunc(groups, administrators) {
			names = append(names, name)
		}
	}
	return names, nil
}

// local completes the facts of a local account.
func local(f Facts) Facts {
	f.Type, f.ShortGroups = "local", slices.Clone(f.Groups)
	return f
}

func (f *fake) GroupsOf(ctx context.Context, user string) ([]string, error) {
	on := f.called("groups", f.onGroups)
	if err := on(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.groups[user], nil
}

func (f *fake) Memberships(context.Context) (map[string][]string, error) {
	f.called("members", nil)
	return f.groups, nil
}

func (f *fake) Close(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return nil
}

func (f *fake) called(what string, on func(context.Context) error) func(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, what)
	if on == nil {
		return func(context.Context) error { return nil }
	}
	return on
}

// set changes the fake while it is in use.
func (f *fake) set(change func(*fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// took returns what was called since the last time.
func (f *fake) took() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// household is a NAS with one account of every kind.
func household() *fake {
	return &fake{
		users: []dsm.User{
			{Name: "Dad", UID: 1026, Email: "Dad@Example.org", Description: "Dad Example", Expired: "normal"},
			{Name: "gone", UID: 1027, Email: "gone@example.org", Expired: "now"},
			{Name: "lodger", UID: 1028, Email: "lodger@example.org", Expired: "2027/1/31"},
			{Name: "mum", UID: 1029, Email: "mum@example.org", Description: "Mum", Expired: "normal"},
			{Name: "nobody", UID: 1030, Expired: "normal"},
			{Name: "odd", UID: 1031, Email: "odd@example.org", Expired: "someday"},
			{Name: "tenant", UID: 1032, Email: "tenant@example.org", Expired: "2026/1/31"},
			{Name: "twin1", UID: 1033, Email: "twins@example.org", Expired: "normal"},
			{Name: "twin2", UID: 1034, Email: "Twins@example.org", Expired: "now"},
			{Name: "broken\ufffd", UID: 1035, Email: "broken@example.org", Expired: "normal"},
		},
		groups: map[string][]string{
			"Dad": {"administrators", "users"}, "mum": {"family", "users"}, "gone": {"Administrators"}, "lodger": {"users"},
			"odd": {}, "tenant": {"users"},
		},
	}
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// over gives a lookup over nas whose accounts may be ten minutes old, and its clock.
func over(t *testing.T, nas source) (*lookup, *clock) {
	t.Helper()
	clock := &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	d := newDirectory(nas, directoryOptions{refresh: 10 * time.Minute, now: clock.Now, log: slog.New(slog.DiscardHandler)})
	l := &lookup{directory: d, place: time.UTC}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, clock
}

// text is the message of err, or "" for nil.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
