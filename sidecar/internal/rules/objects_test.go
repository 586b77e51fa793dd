package rules

import "testing"

// TestDistinguishedNames is RFC 4514, and what Active Directory writes.
func TestDistinguishedNames(t *testing.T) {
	for _, tt := range []struct{ name, attribute, want string }{
		{"CN=Ada,OU=People,DC=example,DC=org", "cn", "Ada"},
		{"CN=Ada,OU=People,DC=example,DC=org", "DC", "example"},
		{`CN=M\C3\BCller\, Ada,OU=x`, "cn", "Müller, Ada"},
		{`cn="Ada, the first",ou=x`, "cn", "Ada, the first"},
		{`ou=x + cn = Ada Lovelace , dc=org`, "cn", "Ada Lovelace"},
		{`cn=Ada\ ,dc=org`, "cn", "Ada "},
		{`ou=cn\=x`, "cn", ""},
		{"", "cn", ""},
		{`cn=\`, "cn", `\`},
	} {
		if got, _ := dn(tt.name, tt.attribute); got != tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}

func FuzzDN(f *testing.F) {
	f.Add(`CN=M\C3\BCller\, Ada,OU=x`, "cn")
	f.Fuzz(func(t *testing.T, s, attribute string) {
		if value, ok := dn(s, attribute); len(value) > len(s) || value != "" && !ok {
			t.Errorf("%q", value)
		}
	})
}

// TestAttributesAreReadByName is about facts that are lists of names and values.
func TestAttributesAreReadByName(t *testing.T) {
	c, s := newCompiler(t).After(), newState(t)
	for src, want := range map[string]string{
		`nas.tags.quota ?? "none"`:                     `"5 GB"`,
		`nas.tags.other ?? "none"`:                     `"none"`,
		`int(split(nas.tags.quota ?? "0 GB", " ")[0])`: `5`,
		`nas.tags.quota`:                               "nas.tags.quota may be missing: not everybody has it",
	} {
		v, err := c.Claim("x", src)
		if err != nil {
			if err.Error() != want {
				t.Errorf("%s: %v", src, err)
			}
			continue
		}
		if raw, err := v.JSON(t.Context(), s); string(raw) != want {
			t.Errorf("%s: %s %v", src, raw, err)
		}
	}
}
