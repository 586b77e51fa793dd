package journal

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// Person is the person that a decision was about, as links call them.
type Person struct {
	Connector string
	User      string            // at the connector
	Subjects  map[string]string // what links would call them, by plugin; empty where no account was found
	Address   string            // as links keep it

	forgotten atomic.Bool
}

func (j *Journal) person(connector string, is pipeline.Identity, asked []pipeline.Asked) *Person {
	out := &Person{Connector: connector, User: is.UserID, Subjects: map[string]string{}, Address: j.o.Address(is.Email)}
	for _, a := range asked {
		if a.Subject != "" {
			out.Subjects[a.Plugin] = a.Subject
		}
	}
	return out
}

// Forgotten is a person that is to be forgotten: a name, and the ids that what is kept tells for it. It is used by one goroutine.
type Forgotten struct {
	Name    string // an address, or a user id at a connector
	Address string // Name as links keep an address; empty: no links are kept
	people  map[[2]string]bool
}

// Is reports whether a request was about this person. The user id that it tells counts for what knows no addresses.
func (f *Forgotten) Is(connector, user, email string) bool {
	return f.note(connector, user, strings.EqualFold(email, f.Name) || user == f.Name)
}

// Linked reports whether this person has a link.
func (f *Forgotten) Linked(connector, user, address string) bool {
	return f.note(connector, user, user == f.Name || f.Address != "" && address == f.Address || f.people[[2]string{connector, user}])
}

func (f *Forgotten) note(connector, user string, is bool) bool {
	if is && user != "" {
		if f.people == nil {
			f.people = make(map[[2]string]bool)
		}
		f.people[[2]string{connector, user}] = true
	}
	return is
}

// IDs are what the person is known by.
func (f *Forgotten) IDs() []string {
	ids := map[string]bool{f.Name: true}
	for person := range f.people {
		ids[person[1]] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// Forget erases a person: recorded requests, of which it returns how many there were, what memory holds, and that they were let in.
// Decisions stay in the ring, which does not say who they were about. It needs Run to be running where there is a store.
func (j *Journal) Forget(ctx context.Context, who *Forgotten) (recorded, remembered int, err error) {
	if j.Records() {
		if recorded, err = j.rows.forget(ctx, who); err != nil {
			return 0, 0, fmt.Errorf("the record still holds what it held: %w", err)
		}
	}
	remembered = j.forgetMemory(who)
	if j.rows == nil {
		return recorded, remembered, nil
	}
	for _, id := range who.IDs() {
		if err := j.rows.forgetLetIn(ctx, id); err != nil {
			return recorded, remembered, fmt.Errorf("that the person was let in is still known: %w", err)
		}
	}
	return recorded, remembered, nil
}

func (j *Journal) forgetMemory(who *Forgotten) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.order = slices.DeleteFunc(j.order, func(v visitor) bool {
		is := j.people[v].Input
		if !who.Is(is.Connector, is.Identity.UserID, is.Identity.Email) {
			return false
		}
		delete(j.people, v)
		n++
		return true
	})
	for _, e := range j.ring {
		if e == nil || e.who == nil || e.who.forgotten.Load() || !who.Linked(e.who.Connector, e.who.User, e.who.Address) {
			continue
		}
		e.who.forgotten.Store(true)
		if !e.Outcome.LetIn() { // that one was counted above
			n++
		}
	}
	return n
}
