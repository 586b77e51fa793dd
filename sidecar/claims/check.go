package claims

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is how long the name of a claim may be, in bytes.
const maxName = 256

// Subject is what the connector said of the person's address.
type Subject struct {
	Email         string
	EmailVerified bool
}

// Check reports why a patch must not be applied to o, or nil. It refuses
//
//   - names that belong to Dex, in any spelling,
//   - names that differ only in case from another member, before or after the patch,
//   - names with hidden characters, at any depth, and such characters in what the token calls people and groups,
//   - values that are null, are not JSON, or have a type that a member of Dex's own does not have,
//   - email_verified set to true, or taken away while email stays,
//   - an email other than the connector's verified one, as SameAddress compares them, without email_verified false.
//
// Errors name claims, never values.
func Check(o *Object, p Patch, s Subject) error {
	names := p.Names()
	for i, name := range names {
		if err := checkName(o, name, names[:i]); err != nil {
			return err
		}
		if err := checkValue(name, p.Set[name]); err != nil {
			return err
		}
	}
	for _, name := range p.Remove {
		if err := CheckName(name); err != nil {
			return err
		}
		if Reserved(name) {
			return fmt.Errorf("claim %q is reserved for Dex", name)
		}
		if _, both := p.Set[name]; both {
			return fmt.Errorf("claim %q is set and removed", name)
		}
	}
	if err := checkNamesOfPeople(o, p); err != nil {
		return err
	}
	return checkEmail(o, p, s)
}

func checkName(o *Object, name string, others []string) error {
	switch {
	case name == "":
		return fmt.Errorf("a claim has no name")
	case len(name) > maxName:
		return fmt.Errorf("the name of a claim is longer than %d bytes", maxName)
	case !utf8.ValidString(name):
		return fmt.Errorf("claim %q is not UTF-8", name)
	case Reserved(name):
		return fmt.Errorf("claim %q is reserved for Dex", name)
	}
	if err := CheckName(name); err != nil {
		return err
	}
	if own := OnlySo(name); own != "" {
		return onlyInCase(name, own)
	}
	for _, m := range o.members {
		if alike(m.name, name) {
			return onlyInCase(name, m.name)
		}
	}
	for _, other := range others {
		if alike(other, name) {
			return onlyInCase(name, other)
		}
	}
	return nil
}

// alike reports whether two different names are equal under case folding.
func alike(a, b string) bool { return a != b && EqualFold(a, b) }

func onlyInCase(name, other string) error {
	return fmt.Errorf("claim %q differs from %q only in case", name, other)
}

func checkValue(name string, value json.RawMessage) error {
	if err := Valid(value); err != nil {
		return fmt.Errorf("claim %q: %w", name, err)
	}
	if string(bytes.TrimSpace(value)) == "null" {
		return fmt.Errorf("claim %q is null", name)
	}
	kind, own := OwnMember(name)
	if own && !kind.fits(value) {
		return fmt.Errorf("claim %q must be %s", name, kind)
	}
	return nil
}

// fits reports whether a valid JSON value has the type. The first byte tells the type of a JSON value.
func (k Kind) fits(value []byte) bool {
	value = bytes.TrimSpace(value)
	switch k {
	case KindString:
		return value[0] == '"'
	case KindBool:
		return value[0] == 't' || value[0] == 'f'
	case KindStrings:
		return value[0] == '[' && allStrings(value)
	}
	return false
}

// allStrings reports whether every element of a valid JSON list is a string.
func allStrings(list []byte) bool {
	s := scanner{data: list, pos: 1}
	for s.space(); s.peek() != ']'; s.space() {
		if s.peek() == ',' {
			s.pos++
			continue
		}
		if s.peek() != '"' || s.value(1) != nil {
			return false
		}
	}
	return true
}

func checkEmail(o *Object, p Patch, s Subject) error {
	const flag = "email_verified"
	setFlag, flagIsSet := p.Set[flag]
	if flagIsSet && !isFalse(setFlag) {
		return fmt.Errorf("claim %q can only be set to false", flag)
	}
	_, hadEmail := o.Get("email")
	email, emailIsSet := p.Set["email"]
	staysEmail := emailIsSet || hadEmail && !slices.Contains(p.Remove, "email")
	if _, hadFlag := o.Get(flag); hadFlag && staysEmail && slices.Contains(p.Remove, flag) {
		return fmt.Errorf("claim %q can only be removed together with email", flag)
	}
	if !emailIsSet {
		return nil
	}
	var address string
	if err := json.Unmarshal(email, &address); err == nil && s.EmailVerified && SameAddress(address, s.Email) {
		return nil
	}
	now, there := setFlag, flagIsSet
	if !there {
		now, there = o.Get(flag)
	}
	if !there || !isFalse(now) {
		return fmt.Errorf("claim %q is not the address that the connector verified, so %q must be false", "email", flag)
	}
	return nil
}

// SameAddress reports whether two e-mail addresses are the same but for the case of A to Z. Other letters are not folded, and a local part
// that has some is compared byte for byte, as directories do: full folding would make one address of those of two people.
func SameAddress(a, b string) bool {
	x, y := strings.LastIndexByte(a, '@'), strings.LastIndexByte(b, '@')
	if a == b || x <= 0 || y <= 0 {
		return a == b
	}
	return equalASCII(a[x:], b[y:]) && (a[:x] == b[:y] || isASCII(a[:x]) && isASCII(b[:y]) && strings.EqualFold(a[:x], b[:y]))
}

// equalASCII is strings.EqualFold for A to Z only.
func equalASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		x, y := a[i], b[i]
		if x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

func isFalse(value []byte) bool { return string(bytes.TrimSpace(value)) == "false" }
