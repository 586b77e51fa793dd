package ldap

import (
	"fmt"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
)

func TestValuesOfEntries(t *testing.T) {
	const sid = "\x01\x05\x00\x00\x00\x00\x00\x05\x15\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x51\x04\x00\x00"
	entry := func(dn string, pairs ...string) *goldap.Entry {
		values := map[string][]string{}
		for i := 0; i < len(pairs); i += 2 {
			values[pairs[i]] = append(values[pairs[i]], pairs[i+1])
		}
		return goldap.NewEntry(dn, values)
	}
	name := func(e *goldap.Entry) (string, error) { return nameOf(e, "uid") }
	number := func(e *goldap.Entry) (string, error) {
		n, err := numberOf(e, "uidNumber")
		return fmt.Sprint(n), err
	}
	id := func(guid bool) func(*goldap.Entry) (string, error) {
		return func(e *goldap.Entry) (string, error) { return idOf(e, "id", guid) }
	}
	group := func(e *goldap.Entry) (string, error) {
		sid, err := primaryGroupOf(e)
		return fmt.Sprintf("%x", sid), err
	}
	texts := func(e *goldap.Entry) (string, error) {
		all, err := textsOf(e, []TextSource{{"t", "title"}})
		return fmt.Sprint(all), err
	}
	tests := []struct {
		name string
		read func(*goldap.Entry) (string, error)
		e    *goldap.Entry
		want string // or the error
	}{
		{"one name", name, entry("cn=x", "UID", "ada"), "ada"},
		{"no name", name, entry("cn=x"), "has not one name"},
		{"an empty name", name, entry("cn=x", "uid", ""), "has not one name"},
		{"two names", name, entry("cn=x", "uid", "a", "uid", "b"), "has not one name"},
		{"two names, one in the DN", name, entry("UID=b,dc=org", "uid", "a", "uid", "b"), "b"},
		{"two names, one in the DN beside something else", name, entry("cn=x+uid=b,dc=org", "uid", "a", "uid", "b"), "b"},
		{"two names, one in the DN with escapes", name, entry(`uid=b\2cc,dc=org`, "uid", "a", "uid", "b,c"), "b,c"},
		{"two names, both in the DN", name, entry("uid=a+uid=b,dc=org", "uid", "a", "uid", "b"), "has not one name"},
		{"two names, one further up", name, entry("cn=x,uid=b", "uid", "a", "uid", "b"), "has not one name"},
		{"two names and no DN", name, entry("x", "uid", "a", "uid", "b"), "has not one name"},
		{"a name that is no text", name, entry("cn=x", "uid", "a\xff"), "cannot be decoded"},
		{"a name that was no text", name, entry("cn=x", "uid", "a\ufffd"), "cannot be decoded"},
		{"a name of two lines", name, entry("cn=x", "uid", "a\nb"), "holds a control character"},
		{"a number", number, entry("cn=x", "uidNumber", "1001"), "1001"},
		{"no number", number, entry("cn=x"), "0"},
		{"two numbers", number, entry("cn=x", "uidNumber", "1", "uidNumber", "2"), "is not one number"},
		{"a number that is none", number, entry("cn=x", "uidNumber", "9223372036854775808"), "is not one number"},
		{"an id", id(false), entry("cn=x", "id", "1-2"), "1-2"},
		{"no id", id(false), entry("cn=x"), ""},
		{"a GUID", id(true), entry("cn=x", "id", "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"), "03020100-0504-0706-0809-0a0b0c0d0e0f"},
		{"half a GUID", id(true), entry("cn=x", "id", "12345678"), "has not sixteen bytes"},
		{"no GUID", id(true), entry("cn=x"), ""},
		{"a primary group", group, entry("cn=x", "objectSid", sid, "primaryGroupID", "513"),
			"01050000000000051500000001000000020000000300000001020000"},
		{"no primary group", group, entry("cn=x", "objectSid", sid), ""},
		{"a primary group that is no number", group, entry("cn=x", "objectSid", sid, "primaryGroupID", "-1"), "cannot be decoded"},
		{"a SID that is too short", group, entry("cn=x", "objectSid", sid[:24], "primaryGroupID", "513"), "cannot be decoded"},
		{"an empty SID", group, entry("cn=x", "objectSid", "", "primaryGroupID", "513"), "cannot be decoded"},
		{"texts, of several lines too", texts, entry("cn=x", "title", "a\nb", "title", ""), "[{t a\nb} {t }]"},
		{"a picture", texts, entry("cn=x", "title", "\xff\xd8"), "a value of title cannot be decoded"},
		{"a long text", texts, entry("cn=x", "title", strings.Repeat("a", maxText+1)), "a value of title is longer than 4096 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.read(tt.e)
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	t.Run("too many texts", func(t *testing.T) {
		e := goldap.NewEntry("cn=x", map[string][]string{"title": make([]string, maxValues+1)})
		if _, err := texts(e); err == nil || err.Error() != "texts has more than 256 values" {
			t.Errorf("%v", err)
		}
	})
}
