package ldap

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	goldap "github.com/go-ldap/ldap/v3"
	"golang.org/x/net/idna"
)

const (
	maxFilter = 4096 // bytes of a filter in a configuration
	maxValue  = 1024 // bytes of a value that is asked for
)

// attributeName is what can be asked for by name. Options (;lang-de) and numbers (2.5.4.3) are not, because servers answer them under
// other names.
var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,127}$`)

// attribute checks the name of an attribute and gives it, or its default; an empty default means that one is wanted.
func attribute(check *checker, path, given, otherwise string) string {
	switch {
	case given == "" && otherwise != "":
		return otherwise
	case !attributeName.MatchString(given):
		check.wrong(path, "not the name of an attribute", "letters, digits and -, beginning with a letter")
	}
	return given
}

// base checks the DN of an entry below which something is searched.
func base(check *checker, path, given string) string {
	check.bad(path, parseDN(given), "write it like ou=people,dc=example,dc=org")
	return given
}

// filter checks a filter and gives it, or its default.
func filter(check *checker, path, given, otherwise string) string {
	if given == "" {
		return otherwise
	}
	check.bad(path, parseFilter(given), "write it like (objectClass=person), with parentheses around it")
	return given
}

// parseDN is nil for what is a DN and not the empty one.
func parseDN(s string) error {
	dn, err := goldap.ParseDN(s)
	switch {
	case strings.TrimSpace(s) == "":
		return errors.New("the DN is empty")
	case err != nil || !utf8.ValidString(s) || len(dn.RDNs) == 0:
		return errors.New("not a DN")
	}
	return nil
}

// parseFilter is nil for what is exactly one filter. The texts of its errors do not repeat the filter.
func parseFilter(s string) error {
	if len(s) > maxFilter {
		return errors.New("the filter is too long")
	}
	if _, err := goldap.CompileFilter(s); err != nil {
		return errors.New("not a filter")
	}
	return nil
}

// equals is the filter of entries of which attribute has the value. Whatever the value is, it cannot end the filter or become a pattern.
func equals(attribute, value string) string {
	return "(" + attribute + "=" + goldap.EscapeFilter(value) + ")"
}

// anyOf is the filter of entries that match one of some filters. There must be one.
func anyOf(filters []string) string {
	if len(filters) == 1 {
		return filters[0]
	}
	return "(|" + strings.Join(filters, "") + ")"
}

// allOf is the filter of entries that match two filters.
func allOf(a, b string) string { return "(&" + a + b + ")" }

// addressed is the filter of entries that may have an address. A domain beyond ASCII is looked for in both of its forms.
func addressed(attribute, email string) string {
	filters := []string{equals(attribute, email)}
	at := strings.LastIndexByte(email, '@')
	local, domain := email[:at+1], email[at+1:]
	for _, form := range []func(string) (string, error){idna.Lookup.ToASCII, idna.Lookup.ToUnicode} {
		if other, err := form(domain); err == nil && !strings.EqualFold(other, domain) {
			filters = append(filters, equals(attribute, local+other))
		}
	}
	return anyOf(filters)
}
