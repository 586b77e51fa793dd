package synology

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
)

// early is how old accounts must be before a miss has them read again, and how far apart such readings are.
const early = 30 * time.Second

// warning is how long the first reading may take longer because of what it warns about.
const warning = 2 * time.Second

// errGroupless is about an account of a directory. A local one is a member of users at least, and DSM tells.
var errGroupless = errors.New("the NAS names no group of an account that is kept in a directory, so nobody knows whether it is an administrator")

var errClosed = errors.New("the plugin is closed")

// source is where accounts are read. *dsm.Client is one.
type source interface {
	Users(ctx context.Context) ([]dsm.User, error)
	GroupsOf(ctx context.Context, user string) ([]string, error)
	Memberships(ctx context.Context) (map[string][]string, error)
	Administrators(ctx context.Context) ([]string, error)
	Close(ctx context.Context) error
}

// dated is a source that tells when what it gave last was true. Others tell what is true now.
type dated interface{ Taken() time.Time }

// directoryOptions are required, all of them.
type directoryOptions struct {
	refresh time.Duration // how old accounts may be
	now     func() time.Time
	log     *slog.Logger
}

// directory keeps the accounts of a NAS. Readings run in goroutines that it owns, so that one caller who leaves takes nothing from the
// others; close ends them. The source limits each answer, and how many there are: a reading of a large and slow NAS goes on as long as it answers.
type directory struct {
	nas source
	o   directoryOptions

	snap     atomic.Pointer[snapshot]
	flights  singleflight.Group
	reading  atomic.Bool // whether accounts are being read
	byMember atomic.Bool // whether the NAS cannot tell the groups of one user

	ctx    context.Context // ends with close; readings live in it
	cancel context.CancelFunc

	mu        sync.Mutex // guards what follows; never held during I/O
	closed    bool
	running   sync.WaitGroup
	lastEarly time.Time
	warned    bool // whether the first reading was looked at
	readings  uint64
}

func newDirectory(nas source, o directoryOptions) *directory {
	ctx, cancel := context.WithCancel(context.Background())
	return &directory{nas: nas, o: o, ctx: ctx, cancel: cancel}
}

// close ends what runs, waits for it and signs out. It may be called twice.
func (d *directory) close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel()
	d.running.Wait()
	return d.nas.Close(ctx)
}

// current gives accounts that are young enough, and reads them if there are none.
func (d *directory) current(ctx context.Context) (*snapshot, error) {
	s := d.snap.Load()
	if d.young(s) {
		return s, nil
	}
	newer, err := d.newer(ctx, s)
	if err == nil {
		return newer, nil
	}
	if s = d.snap.Load(); d.young(s) { // another reading did better
		return s, nil
	}
	return nil, err
}

// afterMiss gives accounts read since s if somebody who was just added might be among them, and s otherwise. It waits
// for no more than half of the time that is left, and a NAS that does not answer is no reason to doubt s.
func (d *directory) afterMiss(ctx context.Context, s *snapshot) *snapshot {
	if age := d.age(s); age >= 0 && age <= early || !d.reading.Load() && !d.takeEarly() {
		return s
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	if newer, err := d.newer(ctx, s); err == nil {
		return newer
	}
	return s
}

// takeEarly tells whether an early reading may begin, and notes that it does.
func (d *directory) takeEarly() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.o.now().Round(0)
	if since := now.Sub(d.lastEarly); since >= 0 && since <= early {
		return false
	}
	d.lastEarly = now
	return true
}

// newer reads the accounts, unless that has been done since s, and keeps them.
func (d *directory) newer(ctx context.Context, s *snapshot) (*snapshot, error) {
	return flight(ctx, d, "users", func(ctx context.Context) (*snapshot, error) {
		if now := d.snap.Load(); now != s {
			return now, nil
		}
		d.reading.Store(true)
		defer d.reading.Store(false)
		return d.read(ctx)
	})
}

func (d *directory) read(ctx context.Context) (*snapshot, error) {
	began := d.o.now().Round(0) // the clock on the wall: the other one stands still while a machine sleeps
	users, err := d.nas.Users(ctx)
	if err != nil {
		d.o.log.Warn("accounts not read", "err", err) // said here, because those who asked may have left
		return nil, fmt.Errorf("read the accounts: %w", err)
	}
	taken := began
	if old, ok := d.nas.(dated); ok {
		taken = old.Taken()
	}
	d.mu.Lock()
	d.readings++
	s := newSnapshot(users, taken, d.readings)
	first := !d.warned
	d.warned = true
	d.mu.Unlock()
	d.snap.Store(s)
	d.o.log.Info("accounts read", "users", len(users), "addresses", len(s.byAddress), "shared", s.shared(), "took", d.o.now().Sub(began))
	if first {
		d.warn(ctx, s)
	}
	return s, nil
}

// warn says, once, what of the accounts is worth a look. It counts and names nobody.
func (d *directory) warn(ctx context.Context, s *snapshot) {
	if n := s.shared(); n > 0 {
		d.o.log.Warn("some addresses belong to more than one account: nobody is found by them, except by links", "addresses", n)
	}
	if n := s.unstated(); n > 0 {
		d.o.log.Warn("the NAS does not say of some accounts whether they are switched off: they are taken to be", "accounts", n)
	}
	if len(s.byAddress) == 0 {
		d.o.log.Warn("no account has an address, so nobody is found by one, except by links")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, warning)
	defer cancel()
	rulers, err := d.nas.Administrators(ctx)
	if err != nil {
		d.o.log.Info("it is not known how many administrators have an address", "err", err)
	} else if n := s.exposed(rulers); n > 0 {
		d.o.log.Warn("some administrators have an address: let rules refuse nas.admin, unless nas.linked", "administrators", n)
	}
}

// groupsOf gives the groups of a user of s, and reads them once for each snapshot.
// Errors: dsm.ErrUnknownUser when the NAS does not know the user any more.
func (d *directory) groupsOf(ctx context.Context, s *snapshot, u dsm.User) ([]string, error) {
	user := u.Name
	if groups, ok := s.knownGroups(user); ok {
		return certain(u, groups)
	}
	if !d.byMember.Load() {
		groups, err := flight(ctx, d, fmt.Sprintf("groups %d %s", s.number, user), func(ctx context.Context) ([]string, error) {
			if groups, ok := s.knownGroups(user); ok { // since this caller looked
				return groups, nil
			}
			groups, err := d.nas.GroupsOf(ctx, user)
			if err == nil {
				s.groups.Store(user, groups)
			} else if !errors.Is(err, dsm.ErrUnsupported) && !errors.Is(err, dsm.ErrUnknownUser) {
				d.o.log.Warn("groups of an account not read", "err", err)
			}
			return groups, err
		})
		switch {
		case errors.Is(err, dsm.ErrUnsupported):
			d.byMember.Store(true)
			d.o.log.Info("this DSM cannot tell the groups of one user, so the members of all groups are read")
		case err == nil:
			return certain(u, groups)
		case u.Kind == dsm.Local || !errors.Is(err, dsm.ErrUnknownUser):
			return nil, err
		} // of an account of a directory it may be known by the members alone
	}
	all, err := flight(ctx, d, fmt.Sprintf("members %d", s.number), func(ctx context.Context) (map[string][]string, error) {
		if all := s.members.Load(); all != nil {
			return *all, nil
		}
		all, err := d.nas.Memberships(ctx)
		if err != nil {
			d.o.log.Warn("members of the groups not read", "err", err)
			return nil, err
		}
		s.members.Store(&all)
		return all, err
	})
	if err != nil {
		return nil, err
	}
	return certain(u, all[user])
}

// certain refuses to take an account of a directory for a member of nothing: then its groups are not known, and it may be an administrator.
func certain(u dsm.User, groups []string) ([]string, error) {
	if len(groups) == 0 && u.Kind != dsm.Local {
		return nil, errGroupless
	}
	return groups, nil
}

// age is how old s is. It is negative when the clock was set back.
func (d *directory) age(s *snapshot) time.Duration { return d.o.now().Round(0).Sub(s.taken) }

func (d *directory) young(s *snapshot) bool {
	if s == nil {
		return false
	}
	age := d.age(s)
	return age >= 0 && age < d.o.refresh
}

// flight runs f once for all who want key at the same time, and waits for it no longer than ctx.
func flight[T any](ctx context.Context, d *directory, key string, f func(context.Context) (T, error)) (T, error) {
	var zero T
	done := d.flights.DoChan(key, func() (any, error) {
		if !d.begin() {
			return zero, errClosed
		}
		defer d.running.Done()
		return f(d.ctx)
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return zero, r.Err
		}
		return r.Val.(T), nil
	case <-ctx.Done():
		return zero, fmt.Errorf("wait for the NAS: %w", ctx.Err())
	}
}

// begin notes that something runs which close has to wait for. It is false when close was called.
func (d *directory) begin() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.running.Add(1)
	return true
}
