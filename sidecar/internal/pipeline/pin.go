package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// Pin links the person of a request to the account that a lookup found.
type Pin struct {
	Pos      Pos
	Path     string
	Subject  Value     // the person's id at the connector
	Account  Value     // the account's name
	ID       Value     // what stays of an account while it lives; nil: only the name counts
	Explicit Condition // the operator chose the account in words, so it may be an administrator's; nil: only links say so
	Required bool      // only links that somebody made by hand count
}

// Link is a person and an account that belong together, as a run would have it. Runs never write it down.
type Link struct {
	Alias, Plugin      string // of the lookup
	Connector, Subject string
	Issuer             string // the provider behind the connector; empty: the configuration does not say
	Address            string // the person's, as the connector gave it: a link does not depend on it
	Account, ID        string
	Admin              bool // the account may administer what it belongs to
	Explicit           bool // as in Pin
	Required           bool // as in Pin
	Pos                Pos
	Path               string
}

// Bond is what is known of a link.
type Bond string

const (
	BondNone     Bond = "none"     // neither the person nor the account is linked
	BondFirst    Bond = "first"    // linked at the first sign-in
	BondExplicit Bond = "explicit" // linked by hand
	BondOther    Bond = "other"    // the person or the account is linked to another
	BondChanged  Bond = "changed"  // the account is not what it was: renamed, or made again
	BondMoved    Bond = "moved"    // the connector has another provider behind it than when the link was made, or nobody knew then which
)

// Bonds are all words for a bond.
func Bonds() []string {
	return []string{string(BondNone), string(BondFirst), string(BondExplicit), string(BondOther), string(BondChanged), string(BondMoved)}
}

const askWho = " Ask the person who looks after the accounts."

// Refused is the refusal that a bond means for a link, or nil.
func (l *Link) Refused(b Bond) *Denial {
	message := ""
	switch {
	case b == BondOther:
		message = "Your sign-in, or the account that it leads to, is linked to another one."
	case b == BondChanged:
		message = "The account that your sign-in is linked to was renamed or made again."
	case b == BondMoved:
		message = "Your account is not linked with the provider that stands behind this sign-in."
	case l.Admin && !l.Explicit && b != BondExplicit:
		message = "An administrator's account is open only to whom it was linked by hand."
	case l.Required && b != BondExplicit:
		message = "Nobody has linked your sign-in to an account yet."
	default:
		return nil
	}
	return &Denial{Message: message + askWho, Rule: l.Pos.String(), Path: l.Path}
}

// pin takes note of the links that follow from some lookups, once their facts are known. Nobody found is nobody to link. That
// there is nothing to link by is no failure yet: a rule may still refuse.
func (r *run) pin(ctx context.Context, calls []*asked) {
	for _, c := range calls {
		if c.step.Lookup.Pin == nil || c.answer.Failed || !c.answer.Found {
			continue
		}
		l, err := r.link(ctx, c)
		if err != nil && r.unpinned == nil {
			r.unpinned = err
		}
		if err != nil {
			continue
		}
		r.followed(&l, func(a *Asked) { a.Subject = l.Subject })
		if !slices.Contains(r.links, l) {
			r.links = append(r.links, l)
		}
	}
}

func (r *run) link(ctx context.Context, c *asked) (Link, error) {
	p := c.step.Lookup.Pin
	l := Link{
		Alias: c.step.Lookup.Alias, Plugin: c.step.Lookup.Plugin, Connector: r.in.Connector, Issuer: r.pipeline.Connector[r.in.Connector].Issuer, Address: r.in.Identity.Email,
		Required: p.Required, Pos: p.Pos, Path: p.Path,
	}
	l.Admin, _ = c.answer.Facts["admin"].(bool)
	for _, part := range []struct {
		name  string
		value Value
		into  *string
	}{{"subject", p.Subject, &l.Subject}, {"account", p.Account, &l.Account}, {"id", p.ID, &l.ID}} {
		if part.value == nil {
			continue
		}
		raw, err := part.value.JSON(ctx, &r.state)
		if err == nil {
			*part.into, err = identifier(raw)
		}
		if err != nil {
			return Link{}, failureAt(p.Path+"."+part.name, p.Pos, err)
		}
	}
	if p.Explicit == nil {
		return l, nil
	}
	var err error
	if l.Explicit, err = p.Explicit.Holds(ctx, &r.state); err != nil {
		return Link{}, failureAt(p.Path+".explicit", p.Pos, err)
	}
	return l, nil
}

// identifier reads a string or a whole number. The zero value of either says nothing.
func identifier(raw json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil && text != "" {
		return text, nil
	}
	number := string(raw)
	if number != "0" && number != "" && strings.Trim(number, "-0123456789") == "" {
		return number, nil
	}
	return "", errors.New("there is no value to link by")
}

// bound asks what is known of the links of a run that went well, and refuses it where they do not fit.
func (r *run) bound(ctx context.Context) (*Denial, error) {
	if r.unpinned != nil {
		return nil, r.unpinned
	}
	for i := range r.links {
		l, bond := &r.links[i], BondNone
		if r.in.Bond != nil {
			var err error
			if bond, err = r.in.Bond(ctx, l); err != nil {
				return nil, &Error{Class: classOf(err, Unavailable), Path: l.Path, Pos: l.Pos, Err: err}
			}
		}
		r.followed(l, func(a *Asked) { a.Bond, a.Issuer = bond, l.Issuer })
		r.trace.Bound(l, bond)
		denial := l.Refused(bond)
		r.explainBond(l, bond, denial)
		if denial != nil {
			return denial, nil
		}
		if bond == BondNone {
			r.result.Links = append(r.result.Links, *l)
		}
	}
	return nil, nil
}

// followed notes something at the lookups that a link followed from.
func (r *run) followed(l *Link, note func(*Asked)) {
	for i := range r.result.Asked {
		if a := &r.result.Asked[i]; a.Alias == l.Alias {
			note(a)
		}
	}
}

func (r *run) explainBond(l *Link, b Bond, denial *Denial) {
	note := "link: " + string(b)
	if l.Explicit {
		note += ", explicit in the configuration"
	}
	if denial != nil {
		note += ", refused"
	}
	for i := range r.trace.Steps {
		if t := &r.trace.Steps[i]; t.Path+".pin" == l.Path {
			t.Note = note
		}
	}
}
