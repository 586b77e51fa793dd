package replay

import (
	"testing"
)

func TestPseudonyms(t *testing.T) {
	p := NewPseudonyms(`
connectors: {google: {emailDomains: [gmail.com]}}
pipeline:
  - {deny: '"staff" in nas.groups', message: "Ask admin@example.org."}
  - {set: {plan: '"Family Gold"'}}
`)
	tests := []struct{ name, noun, text, want string }{
		{"an address keeps its domain where that is known", "person", "mum@gmail.com", "person1@gmail.com"},
		{"the same word gets the same name", "text", "mum", "person1"},
		{"case is kept", "person", "Mum", "Person1"},
		{"all of it", "person", "MUM@gmail.com", "PERSON1@gmail.com"},
		{"another gets another", "person", "Dad Miller", "Person2"},
		{"a domain that is not known", "person", "mum@home.example", "person1@domain1.example"},
		{"and again", "person", "dad@home.example", "person3@domain1.example"},
		{"a word of the configuration stays", "group", "staff", "staff"},
		{"in any case", "group", "Staff", "Staff"},
		{"with its domain", "group", "staff@example.org", "staff@example.org"},
		{"several words of it", "group", "family gold", "family gold"},
		{"one word of it is not enough", "group", "gold rush", "group1"},
		{"an address that the configuration mentions", "person", "admin@example.org", "admin@example.org"},
		{"what only looks like an address", "text", "a@b@c", "text1"},
		{"a word without letters", "subject", "108 22", "subject1"},
		{"nothing", "person", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := p.Of(test.noun, test.text); got != test.want {
				t.Errorf("%q becomes %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func TestAPseudonymIsNoWordOfTheConfiguration(t *testing.T) {
	if got := NewPseudonyms(`"person1"`).Of("person", "mum"); got != "person2" {
		t.Errorf("%q", got)
	}
}
