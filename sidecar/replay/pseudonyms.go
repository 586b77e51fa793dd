package replay

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Pseudonyms replaces personal words with made-up ones: the same word always with the same, so that what was equal stays equal.
// Case does not matter and is kept as far as it goes. An address keeps its form, and its local part is a word like others: where
// mum@gmail.com has the account mum, both become person1.
//
// A word that the configuration mentions is known to its reader, and rules compare with it, so it stays as it is. It is not safe
// for concurrent use.
type Pseudonyms struct {
	known map[string]bool   // words of the configuration, in lower case
	given map[string]string // by word in lower case
	count map[string]int    // by noun
}

var word = regexp.MustCompile(`[\pL\pN_.+-]+(?:@[\pL\pN_.-]+)?`)

// NewPseudonyms makes pseudonyms for a configuration.
func NewPseudonyms(configuration string) *Pseudonyms {
	p := &Pseudonyms{known: make(map[string]bool)}
	for _, w := range words(configuration) {
		p.known[w] = true
		if local, domain, address := strings.Cut(w, "@"); address {
			p.known[local], p.known[domain] = true, true
		}
	}
	return p
}

// words are those of a text, in lower case and without the full stop of a sentence.
func words(text string) []string {
	found := word.FindAllString(strings.ToLower(text), -1)
	for i := range found {
		found[i] = strings.TrimRight(found[i], ".-")
	}
	return found
}

// Of returns the pseudonym of a word. noun is what a new one is called: person, group.
func (p *Pseudonyms) Of(noun, s string) string {
	if s == "" || p.knows(s) {
		return s
	}
	if local, domain, address := strings.Cut(s, "@"); address && local != "" && domain != "" && !strings.Contains(domain, "@") {
		return p.Of(noun, local) + "@" + p.domain(domain)
	}
	return cased(s, p.give(noun, s, "%s%d"))
}

// knows reports whether all words of s are in the configuration.
func (p *Pseudonyms) knows(s string) bool {
	found := words(s)
	for _, w := range found {
		if !p.known[w] {
			return false
		}
	}
	return len(found) > 0
}

// domain keeps one that the configuration mentions: whether an address counts depends on it.
func (p *Pseudonyms) domain(s string) string {
	if p.known[strings.ToLower(s)] {
		return s
	}
	return p.give("domain", s, "%s%d.example")
}

func (p *Pseudonyms) give(noun, s, format string) string {
	key := strings.ToLower(s)
	if made, ok := p.given[key]; ok {
		return made
	}
	if p.given == nil {
		p.given, p.count = make(map[string]string), make(map[string]int)
	}
	for {
		p.count[noun]++
		made := fmt.Sprintf(format, noun, p.count[noun])
		if !p.known[made] {
			p.given[key] = made
			return made
		}
	}
}

// cased writes a pseudonym as the word was written: Mum becomes Person1, MUM becomes PERSON1.
func cased(as, made string) string {
	switch first := []rune(as)[0]; {
	case strings.ToUpper(as) == as && strings.ToLower(as) != as && len(as) > 1:
		return strings.ToUpper(made)
	case unicode.IsUpper(first):
		return strings.ToUpper(made[:1]) + made[1:]
	}
	return made
}
