package claims

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Hidden reports whether a character does not belong into a name, because a person cannot see it or a reader may drop it, cut the
// name at it, or turn the text around it. Of Unicode these are
//
//   - control characters (Cc): C0 with NUL, DEL, C1,
//   - format characters (Cf): bidi controls, zero-width space and joiners, U+00AD, U+180E, U+2060 to U+2064, U+FEFF, tags,
//   - separators of lines and paragraphs (Zl, Zp),
//   - variation selectors, and fillers and joiners that are ignored where they are not known (Other_Default_Ignorable_Code_Point),
//   - characters whose shape is an empty place, such as U+2800, and U+FFFC,
//   - surrogates, noncharacters, and U+FFFD, which stands for what could not be decoded.
func Hidden(r rune) bool {
	switch r {
	case 0x2800, 0xfffc, 0x13441, 0x13442, 0x16fe4, 0x1d159:
		return true
	}
	return r < ' ' || r >= 0x7f && (r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Zl, unicode.Zp,
		unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point))
}

// unseen reports whether a name holds what cannot be seen: hidden characters, or a space at an end, which some readers take away.
func unseen(name string) bool {
	return strings.ContainsFunc(name, Hidden) || strings.TrimSpace(name) != name
}

// ErrUnfit is wrapped by what is wrong with a value that came with a request, such as a name with a character that cannot be seen.
var ErrUnfit = errors.New("the value is none that a token may carry")

// unfit is an error that wraps ErrUnfit and does not say so.
type unfit string

func (e unfit) Error() string { return string(e) }
func (unfit) Unwrap() error   { return ErrUnfit }

func unfitf(format string, args ...any) error { return unfit(fmt.Sprintf(format, args...)) }

// CheckName reports why rules cannot give a claim this name, or nil: no payload may hold it at any depth.
func CheckName(name string) error {
	if unseen(name) {
		return unfitf("the name %q holds a character that cannot be seen", name)
	}
	return nil
}

// namesOfPeople are claims in which relying parties look for the name of a person or of a group.
var namesOfPeople = [...]string{"groups", "preferred_username", "username"}

// CheckValue reports why a claim cannot have a value, which is valid JSON, or nil. Texts in claims that name people and groups hold
// no hidden characters, and no space at an end.
func CheckValue(name string, value json.RawMessage) error {
	if !slices.Contains(namesOfPeople[:], name) || plainJSON(value) {
		return nil
	}
	var v any
	if err := json.Unmarshal(value, &v); err != nil || hides(v) {
		return unfitf("claim %q holds a character that cannot be seen", name)
	}
	return nil
}

// checkNamesOfPeople looks at what the token will say, whoever wrote it: Dex passes on what an upstream calls its groups.
func checkNamesOfPeople(o *Object, p Patch) error {
	for _, name := range namesOfPeople {
		value, there := p.Set[name]
		if !there && !slices.Contains(p.Remove, name) {
			value, there = o.Get(name)
		}
		if !there {
			continue
		}
		if err := CheckValue(name, value); err != nil {
			return err
		}
	}
	return nil
}

// plainJSON reports whether JSON shows all its characters as they are, and has no space at a quotation mark.
func plainJSON(value []byte) bool {
	return !bytes.Contains(value, []byte(`" `)) && !bytes.Contains(value, []byte(` "`)) && !slices.ContainsFunc(value, func(c byte) bool { return c == '\\' || c >= 0x7f })
}

// hides reports whether a text anywhere in a value holds what cannot be seen.
func hides(v any) bool {
	switch v := v.(type) {
	case string:
		return unseen(v)
	case []any:
		return slices.ContainsFunc(v, hides)
	case map[string]any:
		for _, inside := range v {
			if hides(inside) {
				return true
			}
		}
	}
	return false
}
