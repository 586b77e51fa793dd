package links

import (
	"cmp"
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
	Issuer    string    `json:"issuer,omitempty"` // the provider behind the connector; empty: nobody said when the link was made
	Plugin    string    `json:"plugin"`
	Account   string    `json:"account"`
	ID        string    `json:"id,omitempty"`       // empty: the account is known by its name alone
	Address   string    `json:"address,omitempty"`  // of the person when it was made, as Store.Address has it; empty: not known
	Explicit  bool      `json:"explicit,omitempty"` // made by hand
	At        time.Time `json:"at"`
}

// Store is safe for concurrent use.
type Store struct {
	store *state.Store
	rows  *state.Rows
}

// New makes a store of links.
func New(store *state.Store, key *state.Key) *Store {
	return &Store{store: store, rows: store.Rows(kind, key)}
}

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

// same reports whether two links join the same, whichever provider stood behind the connector. One without an id says nothing of it.
func (l Link) same(m Link) bool {
	return l.person(m) && l.Plugin == m.Plugin && l.Account == m.Account && (l.ID == m.ID || l.ID == "" || m.ID == "")
}

func (l Link) person(m Link) bool { return l.Connector == m.Connector && l.User == m.User }

func of(l pipeline.Link) Link {
	return Link{Connector: l.Connector, Issuer: l.Issuer, User: l.Subject, Plugin: l.Plugin, Account: l.Account, ID: l.ID}
}

// ErrLost is the error for a link that is not there where links were lost: nobody knows whether it was, and to whom.
var ErrLost = errors.New("links were lost with a damaged file of state: make them with claimsmith links add, " +
	"or let first sign-ins make them anew with claimsmith links reset --all")

// Bond says what is known of a link.
func (s *Store) Bond(ctx context.Context, l *pipeline.Link) (pipeline.Bond, error) {
	bond, err := s.bond(ctx, of(*l), false)
	if errors.Is(err, state.ErrKey) {
		return "", ErrKey
	}
	if err != nil || bond != pipeline.BondNone {
		return bond, err
	}
	lost, err := s.Lost(ctx)
	if err == nil && !lost.IsZero() {
		err = ErrLost
	}
	return bond, err
}

// ErrKey is the error for a link that is not there where there are links of another key: it may be one of these.
var ErrKey = errors.New("links are sealed with another key: bring back the key that state had, or take all apart with claimsmith links reset --all")

// Sealed returns how many rows of links are sealed with another key: a few for each link.
func (s *Store) Sealed(ctx context.Context) (int, error) { return s.rows.Foreign(ctx) }

// Lost returns when links were lost, until ResetAll. Zero: none were.
func (s *Store) Lost(ctx context.Context) (time.Time, error) { return s.store.Lost(ctx) }

// ErrDamaged is the error for a link of which a side is missing.
var ErrDamaged = errors.New("a part of the link is missing: reset it with claimsmith links reset")

// bond says what is known of a link. With anyIssuer it does not matter which provider stood behind the connector.
func (s *Store) bond(ctx context.Context, want Link, anyIssuer bool) (pipeline.Bond, error) {
	rows, err := s.rows.Find(ctx, want.sides())
	if err != nil {
		return "", err
	}
	if len(rows) == 0 {
		return pipeline.BondNone, nil
	}
	there := make([]Link, len(rows))
	for i, row := range rows {
		if there[i], err = read(row); err != nil {
			return "", err
		}
	}
	if moved := func(l Link) bool { return l.Connector == want.Connector && l.Issuer != want.Issuer }; !anyIssuer && slices.ContainsFunc(there, moved) {
		return pipeline.BondMoved, nil
	}
	return judged(there, want)
}

// judged compares the links at the places of one with it.
func judged(there []Link, want Link) (pipeline.Bond, error) {
	bond, sides := pipeline.BondExplicit, len(want.sides())
	for _, l := range there {
		switch {
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
	if len(there) < sides {
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
		link := of(l)
		if link.Address = s.Address(l.Address); !slices.Contains(out, link) {
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

// Add keeps a link that somebody made by hand, in the place of the same one that a sign-in made or that another provider stood
// behind, whose address it takes over if it has none. It reports false when the person or the account is linked to another.
func (s *Store) Add(ctx context.Context, l Link) (bool, error) {
	bond, err := s.bond(ctx, l, true)
	if err != nil {
		return false, err
	}
	switch bond {
	case pipeline.BondNone:
	case pipeline.BondFirst, pipeline.BondExplicit:
		was, err := s.address(ctx, l)
		if err != nil {
			return false, err
		}
		l.Address = cmp.Or(l.Address, was)
		if now, err := s.bond(ctx, l, false); now == pipeline.BondExplicit && l.Address == was || err != nil {
			return err == nil, err
		}
		if _, err := s.Reset(ctx, l.same); err != nil {
			return false, err
		}
	default:
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

// Adopt writes an issuer into the links of a connector that have none, and returns how many there were.
func (s *Store) Adopt(ctx context.Context, connector, issuer string) (int, error) {
	people := 0
	err := s.rows.Rewrite(ctx, func(row state.Row) ([]byte, error) {
		l, err := read(row)
		if err != nil || l.Connector != connector || l.Issuer != "" {
			return nil, err
		}
		if row.Scope == user {
			people++
		}
		l.Issuer = issuer
		return json.Marshal(l)
	})
	if err != nil {
		return 0, err
	}
	return people, nil
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

// ResetAll takes apart all links, whatever they are sealed with, and gives up those that were lost.
func (s *Store) ResetAll(ctx context.Context) (int, error) {
	list, _, err := s.List(ctx)
	if err != nil {
		return 0, err
	}
	if _, err = s.rows.Erase(ctx, func(state.Row) bool { return true }); err != nil {
		return 0, err
	}
	return len(list), s.store.AcceptLoss(ctx)
}
