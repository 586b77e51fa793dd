package synology

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
	"github.com/claimsmith/claimsmith/sidecar/files"
)

const (
	maxSnapshot     = 64 << 20 // bytes; 16,000 accounts take about 4 MiB
	snapshotFormat  = 1
	administratorID = 101 // of the group administrators, whatever it is called
	ahead           = 5 * time.Minute
)

// snapshotFile is a source that reads what snapshot.sh wrote on the NAS.
type snapshotFile struct {
	file string
	most time.Duration // how old it may be
	now  func() time.Time

	mu     sync.Mutex
	groups map[string][]string
	taken  time.Time
}

func (c Config) settleSnapshot(check *checker, s *settings) {
	f := &snapshotFile{file: c.SnapshotFile, now: time.Now}
	f.most = c.snapshotAge(check)
	s.snapshot = f
	if err := files.Absolute(c.SnapshotFile); err != nil {
		check.bad("snapshotFile", err, "")
	} else if err := files.WritableByOthers(c.SnapshotFile); err != nil {
		check.bad("snapshotFile", err, "whoever can write it decides who everybody is")
	}
	given := map[string]bool{
		"url": c.URL != "", "account": c.Account != "", "passwordFile": c.PasswordFile != "", "deviceFile": c.DeviceFile != "",
		"caFile": c.CAFile != "", "certSha256": c.CertSHA256 != "", "allowPlainHTTP": c.AllowPlainHTTP,
	}
	for _, path := range slices.Sorted(maps.Keys(given)) {
		if given[path] {
			check.bad(path, errors.New("means nothing with source: snapshot, which makes no calls"), "")
		}
	}
	if len(c.AccountTypes) > 0 && !slices.Equal(c.AccountTypes, []string{string(dsm.Local)}) {
		check.bad("accountTypes", errors.New("a snapshot holds local accounts only"), "")
	}
}

// snapshotLine is one line of a snapshot: the first, an account, or the last.
type snapshotLine struct {
	Snapshot    int      `json:"snapshot"` // the format, in the first line
	Time        int64    `json:"time"`     // in the first line: seconds since 1970
	User        string   `json:"user"`
	UID         int64    `json:"uid"`
	Email       string   `json:"email"`
	Description string   `json:"description"`
	Expired     string   `json:"expired"`
	Groups      []string `json:"groups"`
	GIDs        []int64  `json:"gids"` // as id -G gives them
	End         *int     `json:"end"`  // in the last line: how many accounts there were
}

// Users reads the file. A file that others can write, that is too old, or that does not end as it should, is an error.
func (f *snapshotFile) Users(context.Context) ([]dsm.User, error) {
	if err := files.WritableByOthers(f.file); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	content, _, err := files.Read(f.file, maxSnapshot)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	users, groups, taken, err := parseSnapshot(content)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	switch age := f.now().Sub(taken); {
	case age > f.most:
		return nil, fmt.Errorf("snapshot: written %s ago, and no more than %s is allowed: does the task on the NAS still run?", age.Round(time.Minute), f.most)
	case age < -ahead:
		return nil, errors.New("snapshot: written in the future: compare the clocks of the NAS and of this machine")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.groups, f.taken = groups, taken
	return users, nil
}

// parseSnapshot reads all lines. Errors name a line and nothing that stands in it.
func parseSnapshot(content []byte) (users []dsm.User, groups map[string][]string, taken time.Time, err error) {
	groups = map[string][]string{}
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, 1<<20)
	ended := false
	for n := 1; lines.Scan(); n++ {
		var line snapshotLine
		bad := func(what string) error { return fmt.Errorf("line %d: %s", n, what) }
		switch err := json.Unmarshal(lines.Bytes(), &line); {
		case err != nil:
			return nil, nil, taken, bad("not a JSON object of a snapshot")
		case ended:
			return nil, nil, taken, bad("something follows the end")
		case n == 1 && (line.Snapshot != snapshotFormat || line.Time <= 0):
			return nil, nil, taken, bad("not the beginning of a snapshot that this version reads")
		case n == 1:
			taken = time.Unix(line.Time, 0)
		case line.End != nil:
			if ended = true; *line.End != len(users) {
				return nil, nil, taken, bad("another number of accounts than were read")
			}
		case line.User == "" || line.Expired == "":
			return nil, nil, taken, bad("an account without name, or without expired")
		default:
			if _, twice := groups[line.User]; twice {
				return nil, nil, taken, bad("an account that stood there before")
			}
			users = append(users, dsm.User{
				Name: line.User, Kind: dsm.Local, UID: line.UID, Email: line.Email, Description: line.Description, Expired: line.Expired,
			})
			groups[line.User] = line.members()
		}
	}
	if err := lines.Err(); err != nil {
		return nil, nil, taken, errors.New("a line is too long")
	}
	if !ended {
		return nil, nil, taken, errors.New("it has no end: it was cut, or is still being written")
	}
	return users, groups, taken, nil
}

// members are the groups of the account, sorted. Number 101 is administrators, also where no name says so.
func (l snapshotLine) members() []string {
	groups := append([]string{}, l.Groups...)
	if slices.Contains(l.GIDs, administratorID) {
		groups = append(groups, dsm.Administrators)
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// GroupsOf gives the groups of an account as they were when the file was read.
func (f *snapshotFile) GroupsOf(_ context.Context, user string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	groups, ok := f.groups[user]
	if !ok {
		return nil, dsm.ErrUnknownUser
	}
	return groups, nil
}

// Memberships gives the groups of all accounts.
func (f *snapshotFile) Memberships(context.Context) (map[string][]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.groups, nil
}

// Administrators gives the names of those who rule the NAS.
func (f *snapshotFile) Administrators(context.Context) ([]string, error) {
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

// Taken is when the accounts that were read last were written down.
func (f *snapshotFile) Taken() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.taken
}

// Close has nothing to end.
func (f *snapshotFile) Close(context.Context) error { return nil }

func (c Config) snapshotAge(check *checker) time.Duration {
	return within(check, "snapshotMaxAge", c.SnapshotMaxAge, 26*time.Hour, time.Minute, 365*24*time.Hour)
}
