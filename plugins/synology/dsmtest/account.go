package dsmtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Account is one account of the NAS. Every local one is also a member of the group users.
type Account struct {
	Name        string
	Email       string
	Description string
	Password    string // empty: nobody can log in with it
	UID         int    // 0: the next free one, from 1026
	Expired     string // "normal" (also when empty), "now", or the day from which it is switched off, like 2026/3/1
	Groups      []string
	Type        string // "local" (also when empty), "domain" or "ldap"

	TwoFactor bool   // a login needs OTP, or a trusted device
	OTP       string // the one-time code that is right; empty: none is
	LoginCode int    // what a login with the right password gets instead: 402, 405, 406, 408 to 411
}

// Group is a group. Members are named by the accounts.
type Group struct {
	Name        string
	Description string
	Type        string // "local" (also when empty), "domain" or "ldap"
	GID         int    // 0: the next free one, from 65536
}

const administrators = "administrators"

// populate builds the first state from the options.
func (n *NAS) populate() error {
	for _, g := range []Group{
		{Name: administrators, Description: "System default admin group", GID: 101},
		{Name: "http", Description: "System default group for Web services", GID: 1023},
		{Name: "users", Description: "System default group", GID: 100},
	} {
		g.Type = "local"
		n.groups[g.Name] = g
	}
	for _, g := range n.o.Groups {
		n.addGroup(g)
	}
	accounts := slices.Clone(n.o.Accounts)
	if n.o.Service.Name != "" {
		service := n.o.Service
		if service.Groups == nil {
			service.Groups = []string{administrators}
		}
		accounts = append(accounts, service)
	}
	for _, a := range accounts {
		if err := n.Add(a); err != nil {
			return err
		}
	}
	for _, a := range []Account{
		{Name: "admin", Description: "System default user", UID: 1024, Expired: "now", Groups: []string{administrators}},
		{Name: "guest", Description: "Guest", UID: 1025, Expired: "now"},
	} {
		if n.account(a.Name) == nil {
			_ = n.Add(a) // fails for a name that is there, only
		}
	}
	return nil
}

// Add makes a new account, and the groups it names.
func (n *NAS) Add(a Account) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a.Name == "" {
		return errors.New("an account needs a name")
	}
	if _, there := n.people[a.Name]; there {
		return fmt.Errorf("account %q is there already", a.Name)
	}
	set(&a.Type, "local")
	if !known(a.Type) {
		return fmt.Errorf("account %q: type %q is not local, domain or ldap", a.Name, a.Type)
	}
	n.keep(a)
	return nil
}

func known(kind string) bool { return kind == "local" || kind == "domain" || kind == "ldap" }

// Update lets change alter the account of that name and says whether there is one. The name itself may change: that is
// how an account is renamed. It must not call methods of the NAS.
func (n *NAS) Update(name string, change func(*Account)) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, there := n.people[name]
	if !there {
		return false
	}
	a.Groups = slices.Clone(a.Groups)
	change(&a)
	delete(n.people, name)
	n.keep(a)
	return true
}

// Remove deletes the account of that name and says whether there was one.
func (n *NAS) Remove(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, there := n.people[name]
	delete(n.people, name)
	return there
}

// keep stores an account with its defaults filled in. What it holds is not changed in place afterwards: replies are made
// from copies, outside the lock.
func (n *NAS) keep(a Account) {
	set(&a.Expired, "normal")
	set(&a.Type, "local")
	set(&a.UID, n.lastUID+1)
	n.lastUID = max(n.lastUID, a.UID)
	groups := slices.Clone(a.Groups)
	if a.Type == "local" {
		groups = append(groups, "users")
	}
	slices.Sort(groups)
	a.Groups = slices.Compact(groups)
	for _, name := range a.Groups {
		if _, there := n.groups[name]; !there {
			n.addGroup(Group{Name: name, Type: a.Type})
		}
	}
	n.people[a.Name] = a
}

// account returns a copy of the account of that name, or nil. It takes the lock.
func (n *NAS) account(name string) *Account {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.find(name)
}

// find is account for those who hold the lock.
func (n *NAS) find(name string) *Account {
	if a, there := n.people[name]; there {
		return &a
	}
	return nil
}

// sorted returns the accounts that fit, by name. The caller holds the lock.
func (n *NAS) sorted(fits func(Account) bool) []Account {
	var accounts []Account
	for _, a := range n.people {
		if fits(a) {
			accounts = append(accounts, a)
		}
	}
	slices.SortFunc(accounts, func(a, b Account) int { return strings.Compare(a.Name, b.Name) })
	return accounts
}

func (n *NAS) addGroup(g Group) {
	next := 65536
	for _, other := range n.groups {
		next = max(next, other.GID+1)
	}
	set(&g.GID, next)
	set(&g.Type, "local")
	n.groups[g.Name] = g
}

func (a *Account) admin() bool { return slices.Contains(a.Groups, administrators) }

// usable says whether the account may sign in at that time. A value that cannot be read counts as switched off.
func (a *Account) usable(now time.Time) bool {
	if a.Expired == "normal" {
		return true
	}
	day, err := time.ParseInLocation("2006/1/2", a.Expired, now.Location())
	return err == nil && now.Before(day)
}
