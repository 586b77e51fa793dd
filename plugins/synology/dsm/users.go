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
	type item struct {
		Name        string  `json:"name"`
		UID         number  `json:"uid"`
		Email       string  `json:"email"`
		Description string  `json:"description"`
		Expired     *string `json:"expired"`
		TwoFactor   flag    `json:"2fa_status"`
	}
	r := request{api: apiUser, method: "list", version: coreVersion, json: map[string]any{
		"type": string(kind), "sort_by": "name", "sort_direction": "ASC",
		"additional": []string{"email", "description", "expired", "uid", "2fa_status"},
	}}
	items, err := list(ctx, c, r, "users", func(i item) string { return i.Name })
	if err != nil {
		return nil, err
	}
	users := make([]User, len(items))
	for n, i := range items {
		users[n] = User{i.Name, kind, int64(i.UID), i.Email, i.Description, Unstated, bool(i.TwoFactor)}
		if i.Expired != nil {
			users[n].Expired = *i.Expired
		}
	}
	return users, nil
}

// list asks for page after page until one is empty. Entries that moved to another page meanwhile are taken once.
func list[T any](ctx context.Context, c *Client, r request, member string, name func(T) string) ([]T, error) {
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
		before := len(all)
		for _, entry := range page {
			switch n := name(entry); {
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
		case len(all) == before:
			return nil, fmt.Errorf("%s %s: %w: the same page came twice", r.api, r.method, ErrUnexpected)
		case len(all) > maxEntries:
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
