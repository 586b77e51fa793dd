package links

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

const (
	kind = "links"

	// The sides of a link, as scopes.
	user    = "user"
	account = "account"
	number  = "id"
)

// Link is a person and the account of a plugin that belongs to them.
type Link struct {
	Connector string    `json:"connector"`
	User      string    `json:"user"`
	Plugin    string    `json:"plugin"`
	Account   string    `json:"account"`
	ID        string    `json:"id,omitempty"`       // empty: the account is known by its name alone
	Explicit  bool      `json:"explicit,omitempty"` // made by hand
	At        time.Time `json:"at"`
}

// Store is safe for concurrent use.
type Store struct{ rows *state.Rows }

// New makes a store of links.
func New(store *state.Store, key *state.Key) *Store { return &Store{rows: store.Rows(kind, key)} }

// sides are the places of a link.
func (l Link) sides() []state.Entry {
	id := func(parts ...string) string {
		text, _ := json.Marshal(parts) // strings always can
		return string(text)
	}
	out := []state.Entry{{Scope: user, ID: id(l.Plugin, l.Connector, l.User)}, {Scope: account, ID: id(l.Plugin, l.Account)}}
	if l.ID != "" {
		out = append(out, state.Entry{Scope: number, ID: id(l.Plugin, l.ID)})
	}
	return out
}

// same reports whether two links join the same. One without an id says nothing of it.
func (l Link) same(m Link) bool {
	return l.person(m) && l.Plugin == m.Plugin && l.Account == m.Account && (l.ID == m.ID || l.ID == "" || m.ID == "")
}

func (l Link) person(m Link) bool { return l.Connector == m.Connector && l.User == m.User }

func of(l pipeline.Link) Link {
	return Link{Connector: l.Connector, User: l.Subject, Plugin: l.Plugin, Account: l.Account, ID: l.ID}
}

// Bond says what is known of a link.
func (s *Store) Bond(ctx context.Context, l *pipeline.Link) (pipeline.Bond, error) {
	return s.bond(ctx, of(*l))
}

// ErrDamaged is the error for a link of which a side is missing.
var ErrDamaged = errors.New("a part of the link is missing: reset it with claimsmith links reset")

func (s *Store) bond(ctx context.Context, want Link) (pipeline.Bond, error) {
	rows, err := s.rows.Find(ctx, want.sides())
	if err != nil {
		return "", err
	}
	if len(rows) == 0 {
		return pipeline.BondNone, nil
	}
	bond, sides := pipeline.BondExplicit, len(want.sides())
	for _, row := range rows {
		l, err := read(row)
		switch {
		case err != nil:
			return "", err
		case !l.same(want) && l.person(want) && (l.Account == want.Account || l.ID != "" && l.ID == want.ID):
			return pipeline.BondChanged, nil
		case !l.same(want):
			return pipeline.BondOther, nil
		case !l.Explicit:
			bond = pipeline.BondFirst
		}
		if l.ID == "" {
			sides = 2 // it was linked by name alone
		}
	}
	if len(rows) < sides {
		return "", ErrDamaged
	}
	return bond, nil
}

func read(row state.Row) (Link, error) {
	var l Link
	if err := json.Unmarshal(row.Value, &l); err != nil {
		return l, fmt.Errorf("read links: %w", err)
	}
	return l, nil
}

// Pin keeps links that follow from a decision: all of them, or none when a side of one is linked already. It reports which.
func (s *Store) Pin(ctx context.Context, list []pipeline.Link) (bool, error) {
	var out []Link
	for _, l := range list {
		if link := of(l); !slices.Contains(out, link) {
			out = append(out, link)
		}
	}
	return s.claim(ctx, out)
}

func (s *Store) claim(ctx context.Context, list []Link) (bool, error) {
	now := time.Now()
	var entries []state.Entry
	taken := map[[2]string]bool{}
	for _, l := range list {
		l.At = now
		value, err := json.Marshal(l)
		if err != nil {
			return false, err
		}
		for _, side := range l.sides() {
			key := [2]string{side.Scope, side.ID}
			if taken[key] {
				return false, nil // two links of one decision contradict each other
			}
			taken[key] = true
			side.Value = value
			entries = append(entries, side)
		}
	}
	return s.rows.Claim(ctx, now, entries)
}

// Add keeps a link that somebody made by hand, in the place of the same one that a sign-in made. It reports false when the person
// or the account is linked to another.
func (s *Store) Add(ctx context.Context, l Link) (bool, error) {
	bond, err := s.bond(ctx, l)
	switch {
	case err != nil:
		return false, err
	case bond == pipeline.BondFirst:
		if _, err := s.Reset(ctx, l.same); err != nil {
			return false, err
		}
	case bond == pipeline.BondExplicit:
		return true, nil
	case bond != pipeline.BondNone:
		return false, nil
	}
	l.Explicit = true
	return s.claim(ctx, []Link{l})
}

// List returns the links, the newest first, and how many rows there are that do not open.
func (s *Store) List(ctx context.Context) ([]Link, int, error) {
	rows, err := s.rows.List(ctx)
	if err != nil {
		return nil, 0, err
	}
	all, err := s.rows.Count(ctx)
	if err != nil {
		return nil, 0, err
	}
	var out []Link
	for _, row := range rows {
		l, err := read(row)
		if err != nil {
			return nil, 0, err
		}
		if row.Scope == user {
			out = append(out, l)
		}
	}
	return out, max(0, all-len(rows)), nil
}

// Reset takes apart the links that match, and returns how many there were. Rows that do not open stay, and go on to keep new links
// from being made: ResetAll takes them away too.
func (s *Store) Reset(ctx context.Context, match func(Link) bool) (int, error) {
	people := 0
	_, err := s.rows.EraseReadable(ctx, func(row state.Row) bool {
		l, err := read(row)
		if err != nil || !match(l) {
			return false
		}
		if row.Scope == user {
			people++
		}
		return true
	})
	return people, err
}

// ResetAll takes apart all links, whatever they are sealed with.
func (s *Store) ResetAll(ctx context.Context) (int, error) {
	list, _, err := s.List(ctx)
	if err != nil {
		return 0, err
	}
	_, err = s.rows.Erase(ctx, func(state.Row) bool { return true })
	return len(list), err
}
