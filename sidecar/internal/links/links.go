package links

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
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
	rows *state.Bound
	lost atomic.Int64 // since when it is known that links are missing, as microseconds since 1970; zero: none are, or nobody looked
}

// New makes a store of links. anchor is a file outside of the store that tells one that is older than it was; empty: nothing does.
func New(store *state.Store, key *state.Key, anchor string) *Store {
	return &Store{rows: store.Bound(kind, key, anchor)}
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

// Errors of links that nobody may be linked by. The next one to come may not be who came first.
var (
	// ErrLost is for a link that is not there where links were lost, and for those that are there where they are not sound: nobody knows
	// whether it was, and to whom.
	ErrLost = errors.New("links were lost with a damaged file of state: keep those that claimsmith links list shows with claimsmith links accept, " +
		"make others with claimsmith links add, or let first sign-ins make them again with claimsmith links reset --all")
	// ErrUnbound is for links of a version that did not bind them together.
	ErrUnbound = errors.New("links were kept by an older claimsmith, which could not tell when one is missing: " +
		"look at claimsmith links list, and say that these are all with claimsmith links accept --complete")
	// ErrKey is for links of another key.
	ErrKey = errors.New("links are sealed with another key: bring back the key that state had, or take all apart with claimsmith links reset --all")
)

// said gives an error of the store the words for whoever has to do something.
func said(err error) error {
	switch {
	case errors.Is(err, state.ErrUnsound):
		return ErrLost
	case errors.Is(err, state.ErrUnbound):
		return ErrUnbound
	case errors.Is(err, state.ErrKey):
		return ErrKey
	}
	return err
}

// Bond says what is known of a link.
func (s *Store) Bond(ctx context.Context, l *pipeline.Link) (pipeline.Bond, error) {
	bond, lost, err := s.bond(ctx, of(*l), false)
	if err == nil && bond == pipeline.BondNone && !lost.IsZero() {
		return "", ErrLost
	}
	return bond, err
}

// Sealed returns how many rows of links are sealed with another key: a few for each link.
func (s *Store) Sealed(ctx context.Context) (int, error) { return s.rows.Foreign(ctx) }

// Check looks at all links, and returns since when some are missing: zero where none are. What is wrong with them is an error.
func (s *Store) Check(ctx context.Context) (time.Time, error) {
	rows, lost, err := s.rows.All(ctx)
	if err == nil && slices.Contains(whole(rows), false) {
		err = state.ErrUnsound
	}
	if err = said(err); errors.Is(err, ErrLost) || errors.Is(err, ErrUnbound) {
		lost = time.Now()
	}
	if lost.IsZero() {
		s.lost.Store(0)
		return lost, err
	}
	s.lost.CompareAndSwap(0, lost.UnixMicro())
	return time.UnixMicro(s.lost.Load()), err
}

// Anchored returns why the file that New was given cannot be written. Links are not made then.
func (s *Store) Anchored() error { return s.rows.Writable() }

// whole says of each row whether all sides of its link are there, and say the same.
func whole(rows []state.Row) []bool {
	sides := map[string][]string{}
	for _, row := range rows {
		sides[string(row.Value)] = append(sides[string(row.Value)], row.Scope)
	}
	out := make([]bool, len(rows))
	for i, row := range rows {
		l, err := read(row)
		var want []string
		for _, side := range l.sides() {
			want = append(want, side.Scope)
		}
		got := slices.Sorted(slices.Values(sides[string(row.Value)]))
		slices.Sort(want)
		out[i] = err == nil && slices.Equal(want, got)
	}
	return out
}

// Accept keeps the links that are there and whole, whatever happened to the store, and returns how many rows it took away. complete
// says that no others are missing: a first sign-in makes links again.
func (s *Store) Accept(ctx context.Context, complete bool) (int, error) {
	n, err := s.rows.Bind(ctx, whole, complete)
	return n, said(err)
}

// bond says what is known of a link, and since when others are missing. With anyIssuer it does not matter which provider stood behind the connector.
func (s *Store) bond(ctx context.Context, want Link, anyIssuer bool) (pipeline.Bond, time.Time, error) {
	rows, lost, err := s.rows.Find(ctx, want.sides())
	if err != nil {
		return "", lost, said(err)
	}
	if len(rows) == 0 {
		return pipeline.BondNone, lost, nil
	}
	there := make([]Link, len(rows))
	for i, row := range rows {
		if there[i], err = read(row); err != nil {
			return "", lost, err
		}
	}
	if moved := func(l Link) bool { return l.Connector == want.Connector && l.Issuer != want.Issuer }; !anyIssuer && slices.ContainsFunc(there, moved) {
		return pipeline.BondMoved, lost, nil
	}
	bond, err := judged(there, want)
	return bond, lost, err
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
		return "", ErrLost // all sides are written at once
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
	return s.claim(ctx, out, false)
}

func (s *Store) claim(ctx context.Context, list []Link, byHand bool) (bool, error) {
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
	made, err := s.rows.Claim(ctx, now, entries, byHand)
	return made, said(err)
}

// Add keeps a link that somebody made by hand, in the place of the same one that a sign-in made or that another provider stood
// behind, whose address it takes over if it has none. It reports false when the person or the account is linked to another.
func (s *Store) Add(ctx context.Context, l Link) (bool, error) {
	bond, _, err := s.bond(ctx, l, true)
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
		if now, _, err := s.bond(ctx, l, false); now == pipeline.BondExplicit && l.Address == was || err != nil {
			return err == nil, err
		}
		if _, err := s.Reset(ctx, l.same); err != nil {
			return false, err
		}
	default:
		return false, nil
	}
	l.Explicit = true
	return s.claim(ctx, []Link{l}, true)
}

// List returns the links, the newest first, and how many rows there are that do not open.
func (s *Store) List(ctx context.Context) ([]Link, int, error) {
	rows, unreadable, err := s.rows.List(ctx)
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
	return out, unreadable, nil
}

// Adopt writes an issuer into the links of a connector that have none, and returns how many there were.
func (s *Store) Adopt(ctx context.Context, connector, issuer string) (int, error) {
	people := 0
	err := s.rows.Change(ctx, func(row state.Row) ([]byte, error) {
		l, err := read(row)
		if err != nil || l.Connector != connector || l.Issuer != "" {
			return row.Value, err
		}
		if row.Scope == user {
			people++
		}
		l.Issuer = issuer
		return json.Marshal(l)
	})
	if err != nil {
		return 0, said(err)
	}
	return people, nil
}

// Reset takes apart the links that match, and returns how many there were. Where links are not sound it is an error, and so is all
// that makes links: ResetAll and Accept end that.
func (s *Store) Reset(ctx context.Context, match func(Link) bool) (int, error) {
	people := 0
	err := s.rows.Change(ctx, func(row state.Row) ([]byte, error) {
		l, err := read(row)
		if err != nil || !match(l) {
			return row.Value, err
		}
		if row.Scope == user {
			people++
		}
		return nil, nil
	})
	if err != nil {
		return 0, said(err)
	}
	return people, nil
}

// ResetAll takes apart all links, whatever they are sealed with, and gives up those that were lost.
func (s *Store) ResetAll(ctx context.Context) (int, error) {
	list, _, err := s.List(ctx)
	if err != nil {
		return 0, err
	}
	_, err = s.rows.Bind(ctx, nil, true)
	return len(list), err
}
