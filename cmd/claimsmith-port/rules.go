package main

import (
	"strings"
)

// rule is a rule of another system on its way into a file of ours.
type rule struct {
	claim   string // what it sets; empty: a condition on those who may sign in
	message string // of a condition
	makes   string // the name under which later rules of the original read its value
	path    string // in the input, for messages
	at      place
	from    original

	// shape makes the value of the original that of the claim, in rules and in a sample; nil leaves it.
	shape func(value) value
	cast  func(any) any

	ours  value
	notes []string
	why   string // why there is no equivalent
	when  string // a condition of this rule alone
}

// block is a row of rules under one condition.
type block struct {
	title     string
	when      string // for whom; empty: for all
	client    string
	scopes    []string
	connector string
	initial   *scope // what names mean before the first rule
	rules     []*rule
	people    []person // that the original has as examples
	notes     []string
}

// translate puts the rules of a block into ours, each with the names as those before have left them.
func (b *block) translate(s *scope) {
	b.initial = s.clone()
	for _, r := range b.rules {
		if r.from != nil {
			v, notes, err := r.from.port(s, r.claim == "")
			if err != nil {
				r.why = err.Error()
			}
			r.ours, r.notes = v, notes
		}
		if r.why == "" && r.shape != nil {
			v, err := translate(func() value { return r.shape(r.ours) })
			if err != nil {
				r.why = err.Error()
			}
			r.ours = v
		}
		if r.why == "" && r.claim == "" && r.ours.kind != kindBool {
			r.ours = compare("==", r.ours, constant(true))
		}
		if r.why == "" {
			if r.claim == "" {
				r.ours = not(r.ours)
			} else {
				r.ours = stored(r.ours)
			}
		}
		if r.makes != "" && r.why == "" {
			s.names[r.makes] = field{value: value{text: "claims" + step(r.claim), loose: tight, kind: r.ours.kind, missing: r.ours.missing}}
		} else if r.makes != "" {
			delete(s.names, r.makes)
			s.lost[r.makes] = true
		}
	}
}

// lose takes back what became of a rule, and of all that read what it makes.
func (b *block) lose(r *rule, why string) {
	r.why = why
	if r.makes == "" {
		return
	}
	read := "claims" + step(r.claim)
	for i := len(b.rules) - 1; i >= 0 && b.rules[i] != r; i-- {
		if later := b.rules[i]; later.why == "" && strings.Contains(later.ours.text, read) {
			b.lose(later, "it reads "+r.makes+", which has no equivalent here")
		}
	}
}

// step reads a member by its name, in the form in which people write it.
func step(name string) string {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return "[" + literal(name).text + "]"
		}
	}
	return "." + name
}

func (r *rule) lost() bool { return r.why != "" }
