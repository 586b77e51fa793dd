package synology

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
	"github.com/claimsmith/claimsmith/sidecar/address"
)

// snapshot is all accounts as they were at one time. What is read from it together with an account, its groups, is kept with
// it and ends with it. It is safe for concurrent use.
type snapshot struct {
	taken     time.Time // when reading began
	number    uint64    // of the reading
	users     []dsm.User
	byAddress map[address.Address][]int
	byName    map[string][]int // more than one where a local account has the name of another

	groups  sync.Map                            // name to []string
	members atomic.Pointer[map[string][]string] // groups of everybody, where DSM tells them in no other way
}

func newSnapshot(users []dsm.User, taken time.Time, number uint64) *snapshot {
	s := &snapshot{
		taken: taken, number: number, users: users,
		byAddress: make(map[address.Address][]int, len(users)), byName: make(map[string][]int, len(users)),
	}
	for i, u := range users {
		s.byName[u.Name] = append(s.byName[u.Name], i)
		if a, ok := address.Parse(u.Email); ok {
			s.byAddress[a] = append(s.byAddress[a], i)
		}
	}
	return s
}

// shared counts the addresses that more than one account has.
func (s *snapshot) shared() int {
	n := 0
	for _, users := range s.byAddress {
		if len(users) > 1 {
			n++
		}
	}
	return n
}

// exposed counts the accounts among names that an address leads to.
func (s *snapshot) exposed(names []string) int {
	n := 0
	for _, name := range names {
		for _, i := range s.byName[name] {
			if _, ok := address.Parse(s.users[i].Email); ok {
				n++
			}
		}
	}
	return n
}

// unstated counts the accounts of which nobody said whether they are switched off.
func (s *snapshot) unstated() int {
	n := 0
	for _, u := range s.users {
		if u.Expired == dsm.Unstated {
			n++
		}
	}
	return n
}

// knownGroups gives the groups of a user if they have been read.
func (s *snapshot) knownGroups(name string) ([]string, bool) {
	if all := s.members.Load(); all != nil {
		return (*all)[name], true
	}
	v, ok := s.groups.Load(name)
	if !ok {
		return nil, false
	}
	return v.([]string), true
}
