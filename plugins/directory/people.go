package directory

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/sidecar/address"
	"github.com/claimsmith/claimsmith/sidecar/fold"
)

const (
	maxText   = 1024 // bytes of a value
	maxValues = 1000 // groups of a person, values of an attribute
	maxExtra  = 100  // attributes of a person, and addresses
)

// people are those of one file. They do not change.
type people struct {
	list      []person
	byAddress map[address.Address][]int
	byName    map[string]int
}

type person struct {
	facts    Facts
	disabled bool
}

// shared counts the addresses that more than one person has.
func (p *people) shared() (n int) {
	for _, list := range p.byAddress {
		if len(list) > 1 {
			n++
		}
	}
	return n
}

// cell is a value and where it stands.
type cell struct {
	place
	text string
}

// entry is a person as a file has it. Nil lists and empty cells were not given.
type entry struct {
	place
	name       *cell
	email      []cell
	groups     []cell
	disabled   bool
	plain      []cell // by the order of plain; without a text: not given
	attributes []extra
}

type extra struct {
	name   cell
	values []cell
}

// builder makes people of entries and notes what is wrong with them.
type builder struct {
	*findings
	people
	folded map[string]place // names of people
	groups map[string]bool  // the groups that there are; nil: any
}

func newBuilder(f *findings) *builder {
	return &builder{
		findings: f, folded: map[string]place{},
		people: people{byAddress: map[address.Address][]int{}, byName: map[string]int{}},
	}
}

func (b *builder) add(e entry) {
	p := person{disabled: e.disabled, facts: Facts{Groups: []string{}, Attributes: []Attribute{}}}
	if e.name == nil {
		b.findings.add(e.place, "the name is missing", "")
	} else if b.text(*e.name, "the name") {
		b.unique(*e.name)
		p.facts.Name = e.name.text
	}
	for i, c := range e.plain {
		if c.text != "" && b.text(c, plain[i].name) {
			*plain[i].in(&p.facts) = c.text
		}
	}
	p.facts.Groups = append(p.facts.Groups, b.groupsOf(e.groups)...)
	p.facts.Attributes = append(p.facts.Attributes, b.attributesOf(e.attributes)...)
	number := len(b.list)
	for _, a := range b.addressesOf(e.email) {
		b.byAddress[a] = append(b.byAddress[a], number)
	}
	b.byName[p.facts.Name] = number
	b.list = append(b.list, p)
}

// unique notes names that another person has, or one that differs in nothing but upper and lower case: what the names are
// for need not tell them apart.
func (b *builder) unique(name cell) {
	key := fold.Key(name.text)
	if first, taken := b.folded[key]; taken {
		b.findings.add(name.place, fmt.Sprintf("the person in line %d has this name, up to upper and lower case", first.line), "names tell people apart")
		return
	}
	b.folded[key] = name.place
}

func (b *builder) addressesOf(cells []cell) (all []address.Address) {
	if len(cells) > maxExtra {
		b.findings.add(cells[maxExtra].place, fmt.Sprintf("more than %d addresses", maxExtra), "")
		return nil
	}
	for _, c := range cells {
		if !b.text(c, "the address") {
			continue
		}
		a, ok := address.Parse(c.text)
		switch {
		case !ok:
			b.findings.add(c.place, "this is no e-mail address", "")
		case slices.Contains(all, a):
			b.findings.add(c.place, "this person has the address already", "")
		default:
			all = append(all, a)
		}
	}
	return all
}

func (b *builder) groupsOf(cells []cell) (all []string) {
	if len(cells) > maxValues {
		b.findings.add(cells[maxValues].place, fmt.Sprintf("more than %d groups", maxValues), "")
		return nil
	}
	for _, c := range cells {
		switch {
		case !b.text(c, "the group"):
		case b.groups != nil && !b.groups[c.text]:
			b.findings.add(c.place, "no such group is listed under groups", "")
		case slices.Contains(all, c.text):
			b.findings.add(c.place, "this person is in the group already", "")
		default:
			all = append(all, c.text)
		}
	}
	slices.Sort(all)
	return all
}

func (b *builder) attributesOf(extras []extra) (all []Attribute) {
	for _, x := range extras {
		if len(x.values) > maxValues {
			b.findings.add(x.values[maxValues].place, fmt.Sprintf("more than %d values", maxValues), "")
			continue
		}
		a := Attribute{Name: x.name.text, Values: []string{}}
		for _, v := range x.values {
			if b.text(v, "the value") {
				a.Values = append(a.Values, v.text)
			}
		}
		if len(a.Values) > 0 {
			a.Value = a.Values[0]
		}
		all = append(all, a)
	}
	return all
}

// attributeName notes what cannot be the name of an attribute, or is that of one in others.
func (b *builder) attributeName(c cell, others []extra) bool {
	named := func(x extra) bool { return strings.EqualFold(x.name.text, c.text) }
	switch {
	case len(others) == maxExtra:
		b.findings.add(c.place, fmt.Sprintf("more than %d attributes", maxExtra), "")
	case c.text == "" || len(c.text) > 64 || strings.Trim(c.text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "":
		b.findings.add(c.place, "the name of an attribute must be letters, digits, dots, _ and -, at most 64", "")
	case slices.ContainsFunc(others, named):
		b.findings.add(c.place, "this attribute is given twice, up to upper and lower case", "")
	default:
		return true
	}
	return false
}

// text notes what no value may be. Nothing is trimmed: what looks the same to people would not be the same.
func (b *builder) text(c cell, what string) bool {
	first, _ := utf8.DecodeRuneInString(c.text)
	last, _ := utf8.DecodeLastRuneInString(c.text)
	switch {
	case c.text == "":
		b.findings.add(c.place, what+" is empty", "")
	case len(c.text) > maxText:
		b.findings.add(c.place, fmt.Sprintf("%s is longer than %d bytes", what, maxText), "")
	case unicode.IsSpace(first) || unicode.IsSpace(last):
		b.findings.add(c.place, what+" begins or ends with a blank", "")
	case strings.ContainsFunc(c.text, unprintable):
		b.findings.add(c.place, what+" holds a character that cannot be seen or could not be decoded", "")
	default:
		return true
	}
	return false
}

func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError
}
