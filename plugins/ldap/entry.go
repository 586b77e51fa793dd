package ldap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	goldap "github.com/go-ldap/ldap/v3"
)

const (
	primaryGroupID = "primaryGroupID" // of Active Directory: the last number of the SID of a group that does not list the account
	objectSID      = "objectSid"
	maxText        = 4096 // bytes of one text
	maxValues      = 256  // texts of one answer
)

// text gives s if it can stand in facts. Errors do not repeat it.
func text(s string) (string, error) {
	switch {
	case !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError):
		return "", errors.New("cannot be decoded")
	case len(s) > maxText:
		return "", fmt.Errorf("is longer than %d bytes", maxText)
	}
	return s, nil
}

// nameOf gives the one value of an attribute that names an entry. Of several it is the one that is part of the DN.
func nameOf(e *goldap.Entry, attribute string) (string, error) {
	values := e.GetEqualFoldAttributeValues(attribute)
	if len(values) > 1 {
		values = ownNames(e.DN, attribute, values)
	}
	if len(values) != 1 || values[0] == "" {
		return "", errors.New("has not one name")
	}
	if strings.ContainsFunc(values[0], unicode.IsControl) {
		return "", errors.New("holds a control character")
	}
	return text(values[0])
}

// ownNames gives the values that are part of the first component of a DN. The spelling is that of values.
func ownNames(dn, attribute string, values []string) []string {
	parsed, err := goldap.ParseDN(dn)
	if err != nil || len(parsed.RDNs) == 0 {
		return nil
	}
	var own []string
	for _, part := range parsed.RDNs[0].Attributes {
		for _, value := range values {
			if strings.EqualFold(part.Type, attribute) && part.Value == value {
				own = append(own, value)
			}
		}
	}
	return own
}

// oneOf gives the first value of an attribute; empty when there is none.
func oneOf(e *goldap.Entry, attribute string) (string, error) {
	return text(e.GetEqualFoldAttributeValue(attribute))
}

// numberOf gives the number that an attribute holds; zero when there is none.
func numberOf(e *goldap.Entry, attribute string) (int64, error) {
	values := e.GetEqualFoldAttributeValues(attribute)
	if len(values) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || len(values) > 1 {
		return 0, errors.New("is not one number")
	}
	return n, nil
}

// idOf gives what stays when an account is renamed; empty when the server does not say.
func idOf(e *goldap.Entry, attribute string, guid bool) (string, error) {
	if !guid {
		return oneOf(e, attribute)
	}
	raw := e.GetEqualFoldRawAttributeValue(attribute)
	switch len(raw) {
	case 0:
		return "", nil
	case 16: // the first three numbers are little endian, as Windows has them
		return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(raw), binary.LittleEndian.Uint16(raw[4:]),
			binary.LittleEndian.Uint16(raw[6:]), raw[8:10], raw[10:]), nil
	}
	return "", errors.New("has not sixteen bytes")
}

// primaryGroupOf gives the SID of the group that an account of Active Directory belongs to without being listed there: its own SID
// with another number at the end. It is empty when the server does not say.
func primaryGroupOf(e *goldap.Entry) (string, error) {
	sids, numbers := e.GetEqualFoldRawAttributeValues(objectSID), e.GetEqualFoldAttributeValues(primaryGroupID)
	if len(sids) == 0 || len(numbers) == 0 {
		return "", nil
	}
	n, err := strconv.ParseUint(numbers[0], 10, 32)
	if sid := sids[0]; err != nil || len(sid) < 12 || len(sid) != 8+4*int(sid[1]) {
		return "", errors.New("cannot be decoded")
	}
	group := append([]byte(nil), sids[0]...)
	binary.LittleEndian.PutUint32(group[len(group)-4:], uint32(n))
	return string(group), nil
}

// textsOf gives the values of attributes under the names that rules have for them.
func textsOf(e *goldap.Entry, sources []TextSource) ([]Text, error) {
	var texts []Text
	for _, source := range sources {
		for _, value := range e.GetEqualFoldAttributeValues(source.Attribute) {
			clean, err := text(value)
			if err != nil {
				return nil, fmt.Errorf("a value of %s %w", source.Attribute, err)
			}
			texts = append(texts, Text{Name: source.Name, Value: clean})
		}
	}
	if len(texts) > maxValues {
		return nil, fmt.Errorf("texts has more than %d values", maxValues)
	}
	return texts, nil
}
