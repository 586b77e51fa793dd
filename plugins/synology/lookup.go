package synology

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/plugins/internal/address"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
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
	Groups      []string `json:"groups" doc:"names of the local groups of the account, sorted"`
	Admin       bool     `json:"admin" doc:"whether the account is a member of administrators"`
	Expires     string   `json:"expires" doc:"day from which the account is switched off, like 2027-01-31; empty when there is none"`
}

// lookup answers from a directory.
type lookup struct {
	directory *directory
	place     *time.Location // of the NAS
}

// Lookup answers one question. See Params and Facts.
func (l *lookup) Lookup(ctx context.Context, p Params) (sdk.Answer[Facts], error) {
	find, problem, err := question(p)
	if problem != "" || err != nil {
		return sdk.Answer[Facts]{Problem: problem}, err
	}
	s, err := l.directory.current(ctx)
	if err != nil {
		return sdk.Answer[Facts]{}, err
	}
	if len(find(s)) == 0 {
		s = l.directory.afterMiss(ctx, s)
	}
	answer, err := l.answer(ctx, s, find(s))
	if !errors.Is(err, dsm.ErrUnknownUser) {
		return answer, err
	}
	if s, err = l.directory.newer(ctx, s); err != nil { // the account went away since it was listed, or has another name
		return sdk.Answer[Facts]{}, err
	}
	return l.answer(ctx, s, find(s))
}

// question turns parameters into a way to find accounts. The problem is not empty when that can be answered at once.
func question(p Params) (find func(*snapshot) []int, problem string, err error) {
	switch {
	case p.Email != "" && p.Name != "":
		return nil, "", errors.New("asked for an address and a name at once: give one of email and name")
	case p.Name != "":
		return func(s *snapshot) []int {
			if i, ok := s.byName[p.Name]; ok {
				return []int{i}
			}
			return nil
		}, "", nil
	case p.Email == "":
		return nil, noEmail, nil
	}
	a, ok := address.Parse(p.Email)
	if !ok {
		return nil, none, nil
	}
	return func(s *snapshot) []int { return s.byAddress[a] }, "", nil
}

// answer makes an answer of the accounts that were found in s.
func (l *lookup) answer(ctx context.Context, s *snapshot, found []int) (sdk.Answer[Facts], error) {
	answer := sdk.Answer[Facts]{Problem: none}
	if len(found) > 1 {
		answer.Problem = ambiguous
	}
	if len(found) == 1 {
		u := s.users[found[0]]
		if strings.ContainsRune(u.Name, utf8.RuneError) {
			return sdk.Answer[Facts]{}, errors.New("the name of the account cannot be decoded")
		}
		groups, err := l.directory.groupsOf(ctx, s, u.Name)
		if err != nil {
			return sdk.Answer[Facts]{}, fmt.Errorf("read the groups of an account: %w", err)
		}
		answer.Facts = Facts{Name: u.Name, UID: u.UID, Description: u.Description, Groups: groups, Admin: slices.ContainsFunc(groups, administrators)}
		answer.Problem, answer.Facts.Expires = standing(u.Expired, l.directory.o.now(), l.place)
		answer.Found = answer.Problem == ""
	}
	answer.Age = max(l.directory.age(s), 0)
	return answer, nil
}

// administrators tells whether group is the one that rules the NAS.
func administrators(group string) bool { return strings.EqualFold(group, dsm.Administrators) }

// Close ends what runs and signs out of DSM.
func (l *lookup) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return l.directory.close(ctx)
}
