package rules

import "testing"

// TestTextIsCountedInCharacters: claims.text is "café "x" <b>", of which é has two bytes.
func TestTextIsCountedInCharacters(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"the beginning", `"Zoë Ångström"[0:3]`, `"Zoë"`},
		{"of a claim", `claims.text[0:4]`, `"café"`},
		{"without beginning", `claims.text[:4]`, `"café"`},
		{"without end", `claims.text[3:]`, `"é \"x\" <b>"`},
		{"from the end", `"Zoë"[-1:]`, `"ë"`},
		{"up to the end", `"Zoë"[:-1]`, `"Zo"`},
		{"beyond the end", `"Zoë"[1:9]`, `"oë"`},
		{"the wrong way round", `"Zoë"[2:1]`, `""`},
		{"nothing", `""[0:3]`, `""`},
		{"beyond the plane", `"a😀b"[1:2]`, `"😀"`},
		{"in a map", `map(["Zoë", "Ångström"], #[0:1])`, `["Z","Å"]`},
		{"up to a place", `let s = "Zoë@x"; s[0:indexOf(s, "@")]`, `"Zoë"`},
		{"behind a place", `let s = "ë.ë.x"; s[lastIndexOf(s, ".") + 1:]`, `"x"`},
		{"no place", `[indexOf("ë", "x"), lastIndexOf("ë", "x"), indexOf("ë", ""), lastIndexOf("ëë", "")]`, `[-1,-1,0,2]`},
		{"how many", `len("Zoë") + len(claims.text)`, `15`},
		{"a list", `claims.groups[0:1]`, `["dev-a"]`},
		{"a typed list", `identity.groups[-1:]`, `["g2"]`},
		{"a mixed list", `claims.mixed[1:3]`, `[1,null]`},
		{"of no text", `claims.big[0:1]`, `failed at 1:11: only a list or a string can be cut, and this is a number`},
		{"of nothing", `claims.nothing[:1]`, `failed at 1:15: only a list or a string can be cut, and this is nil`},
		{"an element of a text", `claims.text[0]`, `failed at 1:8: a list is needed, and this is a string: write x[0:1] for a character`},
		{"an element of a text by a computed place", `let i = 1; claims.text[i]`, `failed at 1:19: a list is needed, and this is a string: write x[0:1] for a character`},
		{"the first of a text", `first(claims.text)`, `failed at 1:14: a list is needed, and this is a string: write x[0:1] for a character`},
		{"the last of a text", `last(claims.text)`, `failed at 1:13: a list is needed, and this is a string: write x[0:1] for a character`},
		{"the first of an object", `first(claims.address)`, `failed at 1:14: a list is needed, and this is an object`},
		{"the first of nothing", `first(claims.nothing) ?? "none"`, `"none"`},
		{"a member of an object", `let n = "country"; claims.address[n]`, `"de"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := newCompiler(t).Claim("x", tt.src)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := v.JSON(t.Context(), newState(t))
			if got := string(raw) + message(err); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// An empty name of a group is nobody's group, and some applications take it for all of them.
func TestNoGroupHasAnEmptyName(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"a list of strings", `map(["a/", "a/b", "/"], last(split(#, "/")))`, `["b"]`},
		{"a list of any type", `flatten([["", "a"], [""]])`, `["a"]`},
		{"nothing else", `addPrefix([""], "")`, `[]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for claim, want := range map[string]bool{"groups": true, "x": false} {
				v, err := newCompiler(t).Claim(claim, tt.src)
				if err != nil {
					t.Fatal(err)
				}
				raw, err := v.JSON(t.Context(), newState(t))
				if got := string(raw) + message(err); (got == tt.want) != want {
					t.Errorf("%s: got %s", claim, got)
				}
			}
		})
	}
	for _, src := range []string{`["a", ""]`, `union(["a"], [""])`, `client.id == "a" ? [""] : []`} {
		_, err := newCompiler(t).Claim("groups", src)
		if got := compileError(t, err, src).Message; got != "a group has no empty name" {
			t.Errorf("%s: got %q", src, got)
		}
	}
}
