package ldap

import (
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
)

func TestValuesAreEscaped(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"nothing to do", "ada", "(uid=ada)"},
		{"parentheses, stars and backslashes", `a(b)*\`, `(uid=a\28b\29\2a\5c)`},
		{"a zero byte", "a\x00b", `(uid=a\00b)`},
		{"letters beyond ASCII", "ü", `(uid=\c3\bc)`},
		{"bytes that are no text", "\xff", `(uid=\ff)`},
		{"nothing", "", "(uid=)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := equals("uid", tt.value); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestAddressesAreLookedForInBothForms(t *testing.T) {
	tests := []struct{ name, email, want string }{
		{"ASCII", "mum@Example.org", "(mail=mum@Example.org)"},
		{"an international domain", "mum@münchen.example", `(|(mail=mum@m\c3\bcnchen.example)(mail=mum@xn--mnchen-3ya.example))`},
		{"Punycode", "mum@xn--mnchen-3ya.example", `(|(mail=mum@xn--mnchen-3ya.example)(mail=mum@m\c3\bcnchen.example))`},
		{"both in one", "mum@xn--mnchen-3ya.münchen", `(|(mail=mum@xn--mnchen-3ya.m\c3\bcnchen)(mail=mum@xn--mnchen-3ya.xn--mnchen-3ya)(mail=mum@m\c3\bcnchen.m\c3\bcnchen))`},
		{"a domain that is no host name", "mum@my_nas", "(mail=mum@my_nas)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := addressed("mail", tt.email); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestFiltersAndDNs(t *testing.T) {
	tests := []struct {
		name, text string
		parse      func(string) error
		want       string
	}{
		{"a filter", "(a=b)", parseFilter, ""},
		{"a filter of filters", "(&(a=b)(|(c=*)(!(d>=1))))", parseFilter, ""},
		{"a matching rule", "(userAccountControl:1.2.840.113556.1.4.803:=2)", parseFilter, ""},
		{"no parentheses", "a=b", parseFilter, "not a filter"},
		{"two filters", "(a=b)(c=d)", parseFilter, "not a filter"},
		{"something behind", "(a=b) ", parseFilter, "not a filter"},
		{"an end too early", "(&(a=b)", parseFilter, "not a filter"},
		{"nothing", "", parseFilter, "not a filter"},
		{"far too much", strings.Repeat("(", maxFilter+1), parseFilter, "the filter is too long"},
		{"a DN", "ou=people, dc=example,dc=org", parseDN, ""},
		{"a DN with escapes", `cn=Doe\, Jane\2a,dc=org`, parseDN, ""},
		{"no DN", "people", parseDN, "not a DN"},
		{"half a DN", "ou=people,", parseDN, "not a DN"},
		{"a name of a Windows domain", `CORP\people`, parseDN, "not a DN"},
		{"the empty DN", " ", parseDN, "the DN is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.parse(tt.text); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, filter := range []string{"(a=b)", "(&(a=b)(c=*d*))", "(!(a=b))", "(a:dn:2.4:=x)", "(a=b)(c=d)", "(|(a=b)", "(a=\\2a)", "((a=b))"} {
		for _, value := range []string{"", "ada", "*", "a)(b=*", `\`, "\x00", "ſ", "\xff"} {
			f.Add(filter, value, "uid=ada,dc=org")
		}
	}
	f.Add("(a=b)", "x", `cn=Doe\2C Jane+uid=jane,dc=org`)
	f.Fuzz(checkParsed)
}

// checkParsed holds any filter of a configuration, any value that is asked for and any DN against what must hold for all of them.
func checkParsed(t *testing.T, filter, value, dn string) {
	if parseDN(dn) == nil {
		if _, err := goldap.ParseDN(dn); err != nil {
			t.Errorf("%q is a DN, and is not: %v", dn, err)
		}
	}
	for _, name := range ownNames(dn, "uid", []string{value}) {
		if name != value {
			t.Errorf("%q became %q", value, name)
		}
	}
	if parseFilter(filter) != nil {
		return
	}
	packet, err := goldap.CompileFilter(allOf(filter, anyOf([]string{equals("uid", value), equals("member", dn)})))
	if err != nil {
		t.Fatalf("%q cannot be joined with %q: %v", filter, value, err)
	}
	if packet.Tag != goldap.FilterAnd || len(packet.Children) != 2 {
		t.Fatalf("%q and %q became %d filters", filter, value, len(packet.Children))
	}
	either := packet.Children[1]
	if either.Tag != goldap.FilterOr || len(either.Children) != 2 {
		t.Fatalf("%q and %q became %d filters", value, dn, len(either.Children))
	}
	for i, want := range [][2]string{{"uid", value}, {"member", dn}} {
		if got := assertion(either.Children[i]); got != want {
			t.Errorf("asked for %q, want %q", got, want)
		}
	}
}

// assertion is the attribute and the value that an equality asks for.
func assertion(p *ber.Packet) [2]string {
	if p.Tag != goldap.FilterEqualityMatch || len(p.Children) != 2 {
		return [2]string{}
	}
	return [2]string{p.Children[0].Data.String(), p.Children[1].Data.String()}
}
