package replay

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/internal/fixture"
)

// wording is the words for how a value differs from another.
type wording struct{ lacks, extra, order, other string }

// fromWanted are those of a test, fromBefore those of a change.
func fromWanted() wording {
	return wording{"lacks", "has too much", "has the same in another order", "instead of"}
}

func fromBefore() wording {
	return wording{"loses", "gains", "holds the same in another order", "after"}
}

// details says in what a list or an object differs from another, for people who would otherwise compare them by eye. There are
// none for anything else.
func (d wording) details(want, got string) []string {
	var wanted, has []json.RawMessage
	if json.Unmarshal([]byte(want), &wanted) == nil && json.Unmarshal([]byte(got), &has) == nil && wanted != nil && has != nil {
		return d.lists(wanted, has)
	}
	var wantedMembers, members map[string]json.RawMessage
	if json.Unmarshal([]byte(want), &wantedMembers) == nil && json.Unmarshal([]byte(got), &members) == nil && wantedMembers != nil && members != nil {
		return d.objects(wantedMembers, members)
	}
	return nil
}

func (d wording) lists(want, got []json.RawMessage) (out []string) {
	lacks, extra := without(want, got), without(got, want)
	if len(lacks) > 0 {
		out = append(out, d.lacks+" "+joined(lacks))
	}
	if len(extra) > 0 {
		out = append(out, d.extra+" "+joined(extra))
	}
	if out == nil {
		out = append(out, d.order)
	}
	return out
}

// without returns the elements of list that are not in other, each as often as other has fewer of it.
func without(list, other []json.RawMessage) (out []json.RawMessage) {
	left := slices.Clone(other)
	for _, e := range list {
		if i := slices.IndexFunc(left, func(o json.RawMessage) bool { return fixture.Same(e, o) }); i >= 0 {
			left = slices.Delete(left, i, i+1)
			continue
		}
		out = append(out, e)
	}
	return out
}

func joined(list []json.RawMessage) string {
	words := make([]string, len(list))
	for i, e := range list {
		words[i] = string(e)
	}
	return strings.Join(words, ", ")
}

func (d wording) objects(want, got map[string]json.RawMessage) (out []string) {
	for _, name := range bothNames(want, got) {
		w, wanted := want[name]
		g, there := got[name]
		switch {
		case !there:
			out = append(out, fmt.Sprintf("%s %s: %s", d.lacks, name, w))
		case !wanted:
			out = append(out, fmt.Sprintf("%s %s: %s", d.extra, name, g))
		case !fixture.Same(w, g):
			out = append(out, fmt.Sprintf("has %s: %s %s %s", name, g, d.other, w))
		}
	}
	return out
}

// bothNames are the names of two maps, sorted.
func bothNames(a, b map[string]json.RawMessage) []string {
	var names []string
	for _, m := range []map[string]json.RawMessage{a, b} {
		for name := range m {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}
