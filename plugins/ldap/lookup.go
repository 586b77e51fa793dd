package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar/address"
)

// maxFound is how many entries the server may find for one address. Most are of the same person: servers take more for equal than the plugin does.
const maxFound = 20

// Params is a question: an address or a name, not both. A question with neither is answered with the problem noEmail.
type Params struct {
	Email string `json:"email,omitempty" doc:"e-mail address of the account, compared whole: upper and lower case of A to Z are the same, nothing is trimmed"`
	Name  string `json:"name,omitempty" doc:"name of the account, exactly as the directory writes it"`
}

// Facts are what is known about the one account that was asked for. They are given for an account that is switched off, too.
type Facts struct {
	Name        string   `json:"name" doc:"name of the account, exactly as the directory writes it"`
	DN          string   `json:"dn" doc:"DN of the account; it changes when the account is renamed or moved"`
	ID          string   `json:"id" doc:"what stays when the account is renamed, like its entryUUID; empty when the server does not say"`
	DisplayName string   `json:"displayName" doc:"name of the person; in many directories people can change their own"`
	UID         int64    `json:"uid" doc:"number of the account; 0 when the directory does not say"`
	Groups      []string `json:"groups" doc:"names of the groups of the account, sorted"`
	Expires     string   `json:"expires" doc:"time from which the account is switched off, like 2027-01-31T00:00:00Z; empty when there is none"`
	Texts       []Text   `json:"texts" doc:"values of the attributes that texts of the configuration lists, each with name and value"`
}

// Text is one value of an attribute.
type Text struct {
	Name  string `json:"name" doc:"what the configuration calls the attribute"`
	Value string `json:"value" doc:"one of its values"`
}

// lookup asks the server.
type lookup struct {
	pool *pool[*conn]
	s    settings
	now  func() time.Time
}

// question is what is asked, in the words of the directory.
type question struct {
	filter string
	same   func(*goldap.Entry) bool // whether an entry is what was meant, which servers see more generously
}

// Lookup answers one question. See Params and Facts.
func (l *lookup) Lookup(ctx context.Context, p Params) (answer sdk.Answer[Facts], err error) {
	q, problem, err := l.question(p)
	if problem != "" || err != nil {
		return sdk.Answer[Facts]{Problem: problem}, err
	}
	err = l.pool.do(ctx, func(ctx context.Context, c *conn) (err error) {
		answer, err = l.ask(ctx, c, q)
		if err != nil && !aboutServer(err) {
			return sdk.Unanswerable(err)
		}
		return err
	})
	if err != nil {
		return sdk.Answer[Facts]{}, err
	}
	return answer, nil
}

// question turns parameters into one. The problem is not empty when it can be answered at once.
func (l *lookup) question(p Params) (_ question, problem string, _ error) {
	u := l.s.users
	switch {
	case p.Email != "" && p.Name != "":
		return question{}, "", sdk.Unanswerable(errors.New("asked for an address and a name at once: give one of email and name"))
	case len(p.Email) > maxValue || len(p.Name) > maxValue:
		return question{}, none, nil
	case p.Name != "":
		return question{equals(u.name, p.Name), func(e *goldap.Entry) bool {
			return slices.Contains(e.GetEqualFoldAttributeValues(u.name), p.Name)
		}}, "", nil
	case p.Email == "":
		return question{}, noEmail, nil
	}
	wanted, ok := address.Parse(p.Email)
	if !ok {
		return question{}, none, nil
	}
	return question{addressed(u.email, p.Email), func(e *goldap.Entry) bool {
		return slices.ContainsFunc(e.GetEqualFoldAttributeValues(u.email), func(value string) bool {
			a, ok := address.Parse(value)
			return ok && a == wanted
		})
	}}, "", nil
}

// ask finds the account and what is to be known about it, over one connection.
func (l *lookup) ask(ctx context.Context, c *conn, q question) (sdk.Answer[Facts], error) {
	u := l.s.users
	found, err := c.search(ctx, query{
		what: "search for the account", base: u.base, scope: u.scope, filter: allOf(u.filter, q.filter), want: u.attributes, limit: maxFound,
	})
	found = slices.DeleteFunc(found, func(e *goldap.Entry) bool { return !q.same(e) })
	switch {
	case len(found) > 1: // more that were not read change nothing
		return sdk.Answer[Facts]{Problem: ambiguous}, nil
	case err != nil:
		return sdk.Answer[Facts]{}, err
	case len(found) == 0:
		return sdk.Answer[Facts]{Problem: none}, nil
	}
	return l.answer(ctx, c, found[0])
}

// answer makes an answer of the entry of an account.
func (l *lookup) answer(ctx context.Context, c *conn, e *goldap.Entry) (answer sdk.Answer[Facts], err error) {
	answer.Facts, err = l.facts(e)
	if err != nil {
		return sdk.Answer[Facts]{}, err
	}
	problem, end, err := l.s.off.of(e, l.now())
	if err != nil {
		return sdk.Answer[Facts]{}, err
	}
	if !end.IsZero() {
		answer.Facts.Expires = end.Format(time.RFC3339)
	}
	if problem != disabled && l.s.off.filter != "" {
		switch matches, err := l.filtered(ctx, c, e.DN); {
		case err != nil:
			return sdk.Answer[Facts]{}, err
		case matches:
			problem = disabled
		}
	}
	if answer.Facts.Groups, err = l.groups(ctx, c, e); err != nil {
		return sdk.Answer[Facts]{}, err
	}
	answer.Problem, answer.Found = problem, problem == ""
	return answer, nil
}

// facts reads those that stand in the entry itself.
func (l *lookup) facts(e *goldap.Entry) (Facts, error) {
	u := l.s.users
	var f Facts
	var err error
	for _, part := range []struct {
		attribute string
		read      func() error
	}{
		{u.name, func() error { f.Name, err = nameOf(e, u.name); return err }},
		{"dn", func() error { f.DN, err = text(e.DN); return err }},
		{u.id, func() error { f.ID, err = idOf(e, u.id, l.s.guid); return err }},
		{u.displayName, func() error { f.DisplayName, err = oneOf(e, u.displayName); return err }},
		{u.uid, func() error { f.UID, err = numberOf(e, u.uid); return err }},
	} {
		if err := part.read(); err != nil {
			return Facts{}, fmt.Errorf("%s of the account %w", part.attribute, err)
		}
	}
	f.Texts, err = textsOf(e, l.s.texts)
	return f, err
}

// filtered tells whether the entry of an account matches disabledFilter.
func (l *lookup) filtered(ctx context.Context, c *conn, dn string) (bool, error) {
	found, err := c.search(ctx, query{
		what: "hold the account against disabledFilter", base: dn, scope: goldap.ScopeBaseObject,
		filter: l.s.off.filter, want: []string{"1.1"}, limit: 1,
	})
	return len(found) > 0, err
}

// Close ends what runs and closes the connections.
func (l *lookup) Close() error {
	l.pool.close()
	return nil
}
