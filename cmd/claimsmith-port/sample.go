package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What tests of a configuration have in the place of what Dex makes up.
const (
	sampleSubject = "subject"
	sampleIssuer  = "https://dex.example.org"
)

// elsewhere is a domain for which nobody is trusted.
const elsewhere = "@elsewhere.example"

// maxSamples is how many tests a block gets.
const maxSamples = 6

// person is who signs in in a test: the given of it.
type person struct {
	UserID            string   `json:"userId,omitempty"`
	Username          string   `json:"username,omitempty"`
	PreferredUsername string   `json:"preferredUsername,omitempty"`
	Email             string   `json:"email,omitempty"`
	EmailVerified     bool     `json:"emailVerified,omitempty"`
	Groups            []string `json:"groups,omitempty"`
}

// outcome is what the original does with a person: the want of a test.
type outcome struct {
	Claims  map[string]any `json:"claims,omitempty"`
	Removed []string       `json:"removed,omitempty"`
	Denied  string         `json:"denied,omitempty"`
}

// kind tells outcomes apart by more than the names of the person in them.
func (o outcome) kind(p person) string {
	var pairs []string
	for _, own := range []string{p.Email, p.PreferredUsername, p.Username} {
		if own != "" {
			pairs = append(pairs, own, "~")
		}
	}
	names := strings.NewReplacer(pairs...)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %v", o.Denied, o.Removed)
	for _, name := range sortedKeys(o.Claims) {
		fmt.Fprintf(&b, " %s=%s", name, names.Replace(fmt.Sprint(o.Claims[name])))
	}
	return b.String()
}

func (o outcome) nothing() bool { return len(o.Claims) == 0 && len(o.Removed) == 0 && o.Denied == "" }

// sample is a test.
type sample struct {
	name string
	who  person
	want outcome
}

// outcome runs the originals of all rules that came over. The error is that of an engine: the original has no outcome.
func (b *block) outcome(p person) (outcome, error) {
	vars := b.initial.sample(p)
	out := outcome{Claims: map[string]any{}}
	for _, r := range b.rules {
		if r.lost() {
			continue
		}
		x, err := r.from.run(vars)
		if err != nil {
			return outcome{}, fmt.Errorf("%s: %w", r.path, err)
		}
		if r.claim == "" {
			if x != true {
				return outcome{Denied: r.message}, nil
			}
			continue
		}
		if r.cast != nil {
			x = r.cast(x)
		}
		if r.makes != "" {
			put(vars, strings.Split(r.makes, "."), x)
		}
		delete(out.Claims, r.claim)
		out.Removed = slices.DeleteFunc(out.Removed, func(name string) bool { return name == r.claim })
		if x == nil {
			out.Removed = append(out.Removed, r.claim)
			continue
		}
		out.Claims[r.claim] = x
	}
	return out, nil
}

var (
	aDomain  = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)
	anEmail  = regexp.MustCompile(`^[^@\s]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)
	atDomain = regexp.MustCompile(`^@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)
)

// samples are people of whom each gets something else of the original.
func (b *block) samples() []sample {
	if !slices.ContainsFunc(b.rules, func(r *rule) bool { return !r.lost() }) {
		return nil
	}
	var found []sample
	seen, named := map[string]bool{}, map[string]bool{}
	for _, c := range b.candidates() {
		want, err := b.outcome(c.who)
		if err != nil {
			continue
		}
		if want.nothing() {
			want.Claims = map[string]any{"sub": sampleSubject} // there is a token
		}
		if untrusted := !c.who.EmailVerified || strings.HasSuffix(c.who.Email, elsewhere); c.who.Email != "" && untrusted && want.Denied == "" {
			continue // rules do not see such an address
		}
		key := want.kind(c.who)
		if seen[key] || named[c.name] {
			continue
		}
		seen[key], named[c.name] = true, true
		if found = append(found, sample{c.name, c.who, want}); len(found) == maxSamples {
			break
		}
	}
	return found
}

// reads reports whether a rule that came over has a name in it.
func (b *block) reads(name string) bool {
	return slices.ContainsFunc(b.rules, func(r *rule) bool { return !r.lost() && strings.Contains(r.ours.text, name) })
}

// candidates are people made of the texts in the originals.
func (b *block) candidates() (list []sample) {
	base := person{UserID: "1", Username: "Ada Lovelace", PreferredUsername: "ada", Email: "ada@example.org", EmailVerified: true, Groups: []string{"staff"}}
	for i, p := range b.people {
		list = append(list, sample{name: fmt.Sprintf("example %d of the original", i+1), who: p})
	}
	var literals []string
	for _, r := range b.rules {
		if r.from != nil {
			literals = append(literals, r.from.literals()...)
		}
	}
	for _, c := range sortedKeys(b.initial.constants) {
		switch c := b.initial.constants[c].(type) {
		case string:
			literals = append(literals, c)
		case []any:
			for _, one := range c {
				literals = append(literals, one.(string))
			}
		}
	}
	slices.Sort(literals)
	literals = slices.DeleteFunc(slices.Compact(literals), func(s string) bool { return s == "" || len(s) > 80 || strings.ContainsAny(s, "\n\r") })
	if len(literals) > 24 {
		literals = literals[:24]
	}
	add := func(name string, change func(*person)) {
		who := base
		who.Groups = slices.Clone(base.Groups)
		change(&who)
		list = append(list, sample{name: name, who: who})
	}
	for _, s := range literals { // who passes conditions on addresses passes them in all other samples
		switch {
		case anEmail.MatchString(s):
			add("the address "+s, func(p *person) { p.Email = s })
		case atDomain.MatchString(s):
			base.Email = "ada" + s
		case aDomain.MatchString(s):
			base.Email = "ada@" + s
		}
	}
	add("somebody of the staff", func(*person) {})
	for _, s := range literals {
		if b.reads("groups") {
			add("the group "+s, func(p *person) { p.Groups = []string{s, "staff"} })
			add("a group like "+s, func(p *person) { p.Groups = []string{s + "team", "staff"} })
		}
		if b.reads("identity.preferredUsername") {
			add("the user name "+s, func(p *person) { p.PreferredUsername = s })
			add("a user name like "+s, func(p *person) { p.PreferredUsername = s + "ada" })
		}
	}
	add("all groups", func(p *person) { p.Groups = literals })
	add("a group that nothing names", func(p *person) { p.Groups = []string{"gardeners"} })
	add("many groups", func(p *person) {
		p.Groups = []string{"staff", "gardeners", "a group with a rather long name", "cooks", "pilots"}
	})
	add("an address elsewhere", func(p *person) { p.Email = "ada" + elsewhere })
	add("an address that nobody verified", func(p *person) { p.EmailVerified = false })
	add("no groups", func(p *person) { p.Groups = nil })
	add("no user name", func(p *person) { p.PreferredUsername = "" })
	return list
}
