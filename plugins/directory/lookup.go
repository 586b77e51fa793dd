package directory

import (
	"context"
	"errors"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar/address"
)

// lookup answers from a store.
type lookup struct{ store *store }

// Lookup answers one question. See Params and Facts.
func (l *lookup) Lookup(_ context.Context, p Params) (sdk.Answer[Facts], error) {
	find, problem, err := question(p)
	if problem != "" || err != nil {
		return sdk.Answer[Facts]{Problem: problem}, err
	}
	people, age, broken := l.store.current()
	if people == nil {
		return sdk.Answer[Facts]{}, unusable(broken)
	}
	answer := people.answer(find(people))
	if broken != nil && !answer.Found {
		// A "no" of before would refuse somebody whom the new file may have. Those who are found are answered all the same.
		return sdk.Answer[Facts]{}, sdk.Unanswerable(unusable(broken))
	}
	answer.Age = age
	return answer, nil
}

// question turns parameters into a way to find people. The problem is not empty when that can be answered at once.
func question(p Params) (find func(*people) []int, problem string, err error) {
	switch {
	case p.Email != "" && p.Name != "":
		return nil, "", sdk.Unanswerable(errors.New("asked for an address and a name at once: give one of email and name"))
	case p.Name != "":
		return func(all *people) []int {
			if i, ok := all.byName[p.Name]; ok {
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
	return func(all *people) []int { return all.byAddress[a] }, "", nil
}

// answer makes an answer of the people that were found.
func (p *people) answer(found []int) sdk.Answer[Facts] {
	switch {
	case len(found) == 0:
		return sdk.Answer[Facts]{Problem: none}
	case len(found) > 1:
		return sdk.Answer[Facts]{Problem: ambiguous}
	}
	one := p.list[found[0]]
	answer := sdk.Answer[Facts]{Found: !one.disabled, Facts: one.facts}
	if one.disabled {
		answer.Problem = disabled
	}
	return answer
}
