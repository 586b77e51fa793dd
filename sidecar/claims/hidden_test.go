package claims_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// hiddenCharacters are one of each kind that must not stand in a name, and the ends of the ranges.
var hiddenCharacters = []rune{
	0, 1, '\n', 0x1f, 0x7f, 0x80, 0x85, 0x9f, // control characters: C0, DEL, C1
	0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x180b, 0x180e, 0x180f, // soft hyphen, joiners, fillers, Mongolian
	0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, // zero width, directions, separators
	0x2060, 0x2064, 0x2065, 0x2066, 0x2069, 0x206a, 0x206f, 0x3164, 0xffa0, 0xfeff,
	0xfe00, 0xfe0f, 0xe0100, 0xe01ef, 0xe0001, 0xe0020, 0xe007f, // variation selectors and tags
	0x2800, 0xfffc, 0x13441, 0x16fe4, 0x1d159, // what has an empty place for a shape
	0xfff9, 0xfffd, 0xffff, 0x10ffff, // annotations, what could not be decoded, no characters
}

func TestHiddenCharactersAreRefusedInNames(t *testing.T) {
	verify := func(t *testing.T, what string, err error, want string) {
		t.Helper()
		if got := message(err); got != want {
			t.Errorf("%s: got  %s\nwant %s", what, got, want)
		}
	}
	o, err := claims.Parse([]byte(`{"sub":"s"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range hiddenCharacters {
		t.Run(fmt.Sprintf("%U", r), func(t *testing.T) {
			if !claims.Hidden(r) {
				t.Error("can be seen")
			}
			name := "sub" + string(r)
			raw := `"sub` + string(r) + `"`
			if r < ' ' {
				raw = escaped(name)
			}
			said := "the name " + strconv.Quote(name) + " holds a character that cannot be seen"
			for _, key := range []string{raw, escaped(name)} {
				_, err := claims.Parse([]byte(`{` + key + `:1}`))
				verify(t, "a member", err, said)
				_, err = claims.Parse([]byte(`{"a":[{` + key + `:1}]}`))
				verify(t, "a member inside", err, "a name inside a claim holds a character that cannot be seen, at byte 7")
				verify(t, "a member of a value", claims.Check(o, claims.Patch{Set: set("x", `{`+key+`:1}`)}, claims.Subject{}),
					`claim "x": a name inside a claim holds a character that cannot be seen, at byte 1`)
			}
			verify(t, "a claim", claims.Check(o, claims.Patch{Set: set(name, `1`)}, claims.Subject{}), said)
			verify(t, "a claim that is removed", claims.Check(o, claims.Patch{Remove: []string{name}}, claims.Subject{}), said)
		})
	}
}

// escaped writes every character of s as JSON escapes.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= 0x10000 {
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			continue
		}
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return `"` + b.String() + `"`
}

func TestNamesThatCanBeSeenAreTaken(t *testing.T) {
	for _, name := range []string{"a b", "über", "https://example.org/roles", "имя", "名前", "e\u0301", "a~!\"\\/", "👪", "a\u00a0b", "開発\u3000部"} {
		raw, err := json.Marshal(map[string]any{name: map[string]any{name: 1}})
		if err != nil {
			t.Fatal(err)
		}
		o, err := claims.Parse(raw)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if err := claims.Check(o, claims.Patch{Set: set(name, string(raw))}, claims.Subject{}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestHalvesOfCharactersAreRefusedInNames: encoding/json makes one and the same name of all of them.
func TestHalvesOfCharactersAreRefusedInNames(t *testing.T) {
	for _, key := range []string{`"sub\ud800"`, `"sub\udfff"`, `"sub\udc00\ud800"`, `"\ud800\u0000"`} {
		for _, in := range []string{`{` + key + `:1}`, `{"a":{` + key + `:1}}`} {
			if _, err := claims.Parse([]byte(in)); !strings.HasPrefix(message(err), "JSON has half a character in the string at byte ") {
				t.Errorf("%s: got %v", in, err)
			}
		}
	}
}

// TestNamesOfPeopleAndGroupsCanBeSeen: what relying parties take for a login name or a group, whoever wrote it.
func TestNamesOfPeopleAndGroupsCanBeSeen(t *testing.T) {
	refused := func(claim string) string {
		return fmt.Sprintf("claim %q holds a character that cannot be seen", claim)
	}
	tests := []struct {
		name, payload string
		patch         claims.Patch
		want          string
	}{
		{"a login name", `{}`, claims.Patch{Set: set("username", `"admin\u0000x"`)}, refused("username")},
		{"a login name without an escape", `{}`, claims.Patch{Set: set("username", "\"admin\u200b\"")}, refused("username")},
		{"a login name that is a list", `{}`, claims.Patch{Set: set("username", `["a",{"x":"\u202e"}]`)}, refused("username")},
		{"a preferred one", `{}`, claims.Patch{Set: set("preferred_username", `"\u007fadmin"`)}, refused("preferred_username")},
		{"a group", `{}`, claims.Patch{Set: set("groups", `["a","ad\u00admin"]`)}, refused("groups")},
		{"a group that nobody could decode", `{}`, claims.Patch{Set: set("groups", "[\"a\uFFFD\"]")}, refused("groups")},
		{"a login name with a space behind it", `{}`, claims.Patch{Set: set("username", `"admin "`)}, refused("username")},
		{"a group with one before it", `{}`, claims.Patch{Set: set("groups", `["a", " admin"]`)}, refused("groups")},
		{"a group with another space behind it", `{"groups":["admin\u00a0"]}`, claims.Patch{}, refused("groups")},
		{"a group that is a space", `{}`, claims.Patch{Set: set("groups", `[" "]`)}, refused("groups")},
		{"spaces inside names and between them", `{}`, claims.Patch{Set: set("groups", ` [ "Domain Users" , "b" , "" ] `)}, ""},
		{"another claim is not a name", `{}`, claims.Patch{Set: set("note", `"a\nb\u200d"`)}, ""},
		{"escapes of what can be seen", `{}`, claims.Patch{Set: set("groups", `["a\"b","\u00e9\\"]`)}, ""},
		{"a group of Dex's", `{"groups":["a\u0000"]}`, claims.Patch{}, refused("groups")},
		{"a group of Dex's, and another claim is set", `{"groups":["a\u0000"]}`, claims.Patch{Set: set("x", `1`)}, refused("groups")},
		{"a group of Dex's that a rule takes away", `{"groups":["a\u0000"]}`, claims.Patch{Remove: []string{"groups"}}, ""},
		{"a group of Dex's that a rule replaces", `{"groups":["a\u0000"]}`, claims.Patch{Set: set("groups", `["a"]`)}, ""},
		{"a login name of Dex's", `{"preferred_username":"mum\u0000"}`, claims.Patch{}, refused("preferred_username")},
		{"a display name of Dex's", `{"name":"mum\u200d"}`, claims.Patch{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := claims.Parse([]byte(tt.payload))
			if err != nil {
				t.Fatal(err)
			}
			if got := message(claims.Check(o, tt.patch, claims.Subject{})); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
