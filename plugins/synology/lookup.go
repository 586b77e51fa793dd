package synology

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
	"github.com/claimsmith/claimsmith/sidecar/address"
)

// Params is a question: an address or a name, not both. A question with neither is answered with the problem noEmail.
type Params struct {
	Email string `json:"email,omitempty" doc:"e-mail address of the account, compared whole: upper and lower case of A to Z are the same, nothing is trimmed"`
	Name  string `json:"name,omitempty" doc:"name of the account, exactly as DSM writes it"`
}

// Facts are what is known about the one account that was asked for. They are given for an account that is switched off, too.
type Facts struct {
	Name        string   `json:"name" doc:"name of the account, exactly as DSM writes it"`
	UID         int64    `json:"uid" doc:"number of the account; 0 when DSM does not say"`
	Description string   `json:"description" doc:"what DSM shows beside the name, often the name of the person; people can change their own"`
	Type        string   `json:"type" doc:"where the account is kept: local, ldap or domain"`
	Groups      []string `json:"groups" doc:"names of the groups of the account, sorted, as DSM gives them: those of a directory are like admins@example.com or EXAMPLE\\admins"`
	ShortGroups []string `json:"shortGroups" doc:"the same without what names the directory, each once: admins; a group of a directory and a local one may then look the same"`
	Admin       bool     `json:"admin" doc:"whether the account rules the NAS: a member of administrators (gid 101), or of the administrators of a directory"`
	TwoFactor   bool     `json:"twoFactor" doc:"whether the account has a second factor in DSM; false when DSM does not say"`
	Expires     string   `json:"expires" doc:"day from which the account is switched off, like 2027-01-31; empty when there is none"`
	Linked      bool     `json:"linked" doc:"whether the account was chosen by links in the configuration, and not by an address in DSM"`
}

// lookup answers from a directory.
type lookup struct {
	directory *directory
	place     *time.Location // of the NAS
	links     map[address.Address]string
}

// finder finds accounts of a snapshot, and what is wrong if there are none.
type finder struct {
	in      func(*snapshot) []int
	missing string
	linked  bool
}

// Lookup answers one question. See Params and Facts.
func (l *lookup) Lookup(ctx context.Context, p Params) (sdk.Answer[Facts], error) {
	find, problem, err := l.question(p)
	if problem != "" || err != nil {
		return sdk.Answer[Facts]{Problem: problem}, err
	}
	s, err := l.directory.current(ctx)
	if err != nil {
		return sdk.Answer[Facts]{}, err
	}
	switch {
	case sdk.Fresh(ctx) && l.directory.age(s) > 0:
		if s, err = l.directory.newer(ctx, s); err != nil {
			return sdk.Answer[Facts]{}, err
		}
	case len(find.in(s)) == 0:
		s = l.directory.afterMiss(ctx, s)
	}
	answer, err := l.answer(ctx, s, find)
	if !errors.Is(err, dsm.ErrUnknownUser) {
		return answer, err
	}
	if s, err = l.directory.newer(ctx, s); err != nil { // the account went away since it was listed, or has another name
		return sdk.Answer[Facts]{}, err
	}
	return l.answer(ctx, s, find)
}

// question turns parameters into a way to find accounts. The problem is not empty when that can be answered at once.
func (l *lookup) question(p Params) (find finder, problem string, err error) {
	switch {
	case p.Email != "" && p.Name != "":
		return finder{}, "", sdk.Unanswerable(errors.New("asked for an address and a name at once: give one of email and name"))
	case p.Name != "":
		return finder{in: named(p.Name), missing: none}, "", nil
	case p.Email == "":
		return finder{}, noEmail, nil
	}
	a, ok := address.Parse(p.Email)
	if !ok {
		return finder{}, none, nil
	}
	if name, ok := l.links[a]; ok {
		return finder{in: named(name), missing: badLink, linked: true}, "", nil
	}
	return finder{in: func(s *snapshot) []int { return s.byAddress[a] }, missing: none}, "", nil
}

func named(name string) func(*snapshot) []int {
	return func(s *snapshot) []int { return s.byName[name] }
}

// answer makes an answer of the accounts that are found in s.
func (l *lookup) answer(ctx context.Context, s *snapshot, find finder) (sdk.Answer[Facts], error) {
	found := find.in(s)
	answer := sdk.Answer[Facts]{Problem: find.missing}
	if len(found) > 1 {
		answer.Problem = ambiguous
	}
	if len(found) == 1 {
		u := s.users[found[0]]
		if strings.ContainsRune(u.Name, utf8.RuneError) {
			return sdk.Answer[Facts]{}, sdk.Unanswerable(errors.New("the name of the account cannot be decoded"))
		}
		groups, err := l.directory.groupsOf(ctx, s, u)
		if err != nil {
			err = fmt.Errorf("read the groups of an account: %w", err)
			if errors.Is(err, errGroupless) || errors.Is(err, dsm.ErrUnknownUser) || errors.Is(err, dsm.ErrUnexpected) { // others may have theirs
				err = sdk.Unanswerable(err)
			}
			return sdk.Answer[Facts]{}, err
		}
		answer.Facts = Facts{
			Name: u.Name, UID: u.UID, Description: u.Description, Type: string(u.Kind), TwoFactor: u.TwoFactor, Linked: find.linked,
			Groups: groups, ShortGroups: short(groups), Admin: slices.ContainsFunc(groups, administrators),
		}
		answer.Problem, answer.Facts.Expires = standing(u.Expired, l.directory.o.now(), l.place)
		answer.Found = answer.Problem == ""
	}
	answer.Age = max(l.directory.age(s), 0)
	return answer, nil
}

// Close ends what runs and signs out of DSM.
func (l *lookup) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return l.directory.close(ctx)
}
