package dsm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// maxEntries bounds a list that does not end. DSM knows up to 16,000 local users.
const maxEntries = 200_000

// Unstated is the Expired of a user about whom DSM did not say whether the account is switched off.
const Unstated = "unstated"

// Kind is where an account is kept.
type Kind string

// The kinds of accounts, as DSM calls them.
const (
	Local  Kind = "local"
	LDAP   Kind = "ldap"   // named user@example.org
	Domain Kind = "domain" // named EXAMPLE\user
)

// User is an account that the NAS knows.
type User struct {
	Name        string // exactly as DSM writes it
	Kind        Kind
	UID         int64  // zero when DSM did not say
	Email       string // as the user typed it: DSM does not verify it, and two users may have the same
	Description string
	Expired     string // "normal", "now", a date like 2027/1/31, or Unstated
	TwoFactor   bool
}

// userItem is an entry of a list of users. What a member holds that no DSM is known to answer counts as missing: it costs the
// account what depends on it, and nobody else anything.
type userItem struct {
	Name        lenient `json:"name"`
	UID         number  `json:"uid"`
	Email       lenient `json:"email"`
	Description lenient `json:"description"`
	Expired     lenient `json:"expired"`
	TwoFactor   flag    `json:"2fa_status"`
}

// UnmarshalJSON takes what is no object for an entry without a name.
func (i *userItem) UnmarshalJSON(data []byte) error {
	type plain userItem
	if json.Unmarshal(data, (*plain)(i)) != nil {
		*i = userItem{}
	}
	return nil
}

// lenient is a string that may be of another kind.
type lenient struct {
	is  *string // nil: null, or not there
	odd bool    // it is of another kind
}

func (t *lenient) UnmarshalJSON(data []byte) error {
	t.odd = json.Unmarshal(data, &t.is) != nil
	if t.odd {
		t.is = nil
	}
	return nil
}

func (t lenient) or(otherwise string) string {
	if t.is == nil {
		return otherwise
	}
	return *t.is
}

// Users lists the accounts of all kinds in Options.Kinds, page by page, each kind in the order of names. A NAS that has joined
// no domain or directory has no accounts of that kind.
// Codes: 105 when the account of the client is not an administrator.
func (c *Client) Users(ctx context.Context) ([]User, error) {
	var all []User
	for _, kind := range c.options.Kinds {
		users, err := c.usersOf(ctx, kind)
		if err != nil && !notJoined(err) {
			return nil, err
		}
		all = append(all, users...)
	}
	return all, nil
}

// notJoined tells whether a list is refused because the NAS has joined nothing of that kind.
func notJoined(err error) bool {
	var refusal *Error
	return errors.As(err, &refusal) && (refusal.Code == 2624 || refusal.Code == 2701)
}

func (c *Client) usersOf(ctx context.Context, kind Kind) ([]User, error) {
	r := request{api: apiUser, method: "list", version: coreVersion, json: map[string]any{
		"type": string(kind), "sort_by": "name", "sort_direction": "ASC",
		"additional": []string{"email", "description", "expired", "uid", "2fa_status"},
	}}
	unnamed, odd := 0, 0
	items, err := list(ctx, c, r, "users", func(i userItem) string { return i.Name.or("") }, &unnamed)
	if err != nil {
		return nil, err
	}
	users := make([]User, len(items))
	for n, i := range items {
		users[n] = User{i.Name.or(""), kind, int64(i.UID), i.Email.or(""), i.Description.or(""), i.Expired.or(Unstated), bool(i.TwoFactor)}
		if i.Email.odd || i.Expired.odd {
			odd++
		}
	}
	if unnamed+odd > 0 {
		c.options.Log.Warn("the NAS answers of some accounts what cannot be read: without a name they are left out, without an address nobody is found by it, "+
			"and without a state they count as switched off", "unnamed", unnamed, "odd", odd)
	}
	return users, nil
}

// list asks for page after page until one is empty. Entries that moved to another page meanwhile are taken once. Those without a name are
// counted in unnamed and left out; where that is nil they make the list one that cannot be used.
func list[T any](ctx context.Context, c *Client, r request, member string, name func(T) string, unnamed *int) ([]T, error) {
	var all []T
	seen := map[string]bool{}
	params := r.json
	for offset := 0; ; {
		r.json = map[string]any{"offset": offset, "limit": c.options.PageSize}
		for k, v := range params {
			r.json[k] = v
		}
		page, total, err := fetch[T](ctx, c, r, member)
		if err != nil {
			return nil, err
		}
		before, left := len(all), 0
		for _, entry := range page {
			switch n := name(entry); {
			case n == "" && unnamed != nil:
				*unnamed++
				left++
			case n == "":
				return nil, fmt.Errorf("%s %s: %w: an entry without a name", r.api, r.method, ErrUnexpected)
			case !seen[n]:
				seen[n] = true
				all = append(all, entry)
			}
		}
		offset += len(page)
		switch {
		case len(page) == 0:
			return all, nil
		case len(all) == before && total > 0 && len(all) >= total: // the first page again, by a DSM without paging: it was all
			return all, nil
		case len(all) == before && left == 0:
			return nil, fmt.Errorf("%s %s: %w: the same page came twice", r.api, r.method, ErrUnexpected)
		case offset > maxEntries:
			return nil, fmt.Errorf("%s %s: %w: more than %d entries", r.api, r.method, ErrUnexpected, maxEntries)
		}
	}
}

// fetch asks for one page of a list that stands in the answer under member.
func fetch[T any](ctx context.Context, c *Client, r request, member string) (page []T, total int, err error) {
	var data map[string]json.RawMessage
	if err := c.call(ctx, r, &data); err != nil {
		return nil, 0, err
	}
	if raw, ok := data[member]; !ok || json.Unmarshal(raw, &page) != nil {
		return nil, 0, fmt.Errorf("%s %s: %w: no list of %s in it", r.api, r.method, ErrUnexpected, member)
	}
	var n number // zero without a total: then nothing but an empty page ends the list
	if raw, ok := data["total"]; ok {
		_ = json.Unmarshal(raw, &n)
	}
	return page, int(n), nil
}

// number is an integer that may come as a string; zero when it cannot be read.
type number int64

func (n *number) UnmarshalJSON(data []byte) error {
	v, err := strconv.ParseInt(string(bytes.Trim(data, `"`)), 10, 64)
	if err != nil {
		v = 0
	}
	*n = number(v)
	return nil
}

// flag is true for true; reports differ on the type that DSM uses, so that anything else is false.
type flag bool

func (f *flag) UnmarshalJSON(data []byte) error {
	*f = string(data) == "true"
	return nil
}
