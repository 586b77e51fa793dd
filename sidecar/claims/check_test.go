package claims_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

func TestCheck(t *testing.T) {
	const payload = `{"sub":"s","email":"m@example.org","email_verified":true,"dept":"x"}`
	verified := claims.Subject{Email: "m@example.org", EmailVerified: true}
	tests := []struct {
		name  string
		set   map[string]json.RawMessage
		drop  []string
		who   claims.Subject
		plain bool // the payload has no e-mail members
		want  string
	}{
		{name: "a new claim", set: set("username", `"mum"`)},
		{name: "any JSON in a claim that is not Dex's", set: set("plan", `{"a":[1,null]}`)},
		{name: "groups", set: set("groups", `["a","b"]`)},
		{name: "no groups", set: set("groups", `[]`)},
		{name: "sub", set: set("sub", `"x"`), want: `claim "sub" is reserved for Dex`},
		{name: "Sub", set: set("Sub", `"x"`), want: `claim "Sub" is reserved for Dex`},
		{name: "ſub", set: set("ſub", `"x"`), want: `claim "ſub" is reserved for Dex`},
		{name: "ıss, which is ISS in capital letters", set: set("ıss", `"x"`), want: `claim "ıss" is reserved for Dex`},
		{name: "İss, which Java's equalsIgnoreCase takes for iss", set: set("İss", `"x"`), want: `claim "İss" is reserved for Dex`},
		{name: "iß, which is ISS in capital letters", set: set("iß", `"x"`), want: `claim "iß" is reserved for Dex`},
		{name: "a ligature that is two letters in capital ones", set: set("email_veriﬁed", `true`), want: `claim "email_veriﬁed" differs from "email_verified" only in case`},
		{name: "sub with a space behind it", set: set("sub ", `"x"`), want: `the name "sub " holds a character that cannot be seen`},
		{name: "another spelling of username", set: set("Username", `"mum"`), want: `claim "Username" differs from "username" only in case`},
		{name: "removing aud", drop: []string{"aud"}, want: `claim "aud" is reserved for Dex`},
		{name: "removing Aud", drop: []string{"Aud"}, want: `claim "Aud" is reserved for Dex`},
		{name: "no name", set: set("", `1`), want: `a claim has no name`},
		{name: "a long name", set: set(strings.Repeat("x", 300), `1`), want: `the name of a claim is longer than 256 bytes`},
		{name: "a name that is no UTF-8", set: set("\xff", `1`), want: `claim "\xff" is not UTF-8`},
		{name: "another spelling of groups", set: set("Groups", `["a"]`), want: `claim "Groups" differs from "groups" only in case`},
		{name: "another spelling of a member", set: set("Dept", `1`), want: `claim "Dept" differs from "dept" only in case`},
		{name: "two spellings in one patch", set: map[string]json.RawMessage{"A": []byte("1"), "a": []byte("1")}, want: `claim "a" differs from "A" only in case`},
		{name: "set and removed", set: set("dept", `1`), drop: []string{"dept"}, want: `claim "dept" is set and removed`},
		{name: "null", set: set("dept", ` null `), want: `claim "dept" is null`},
		{name: "no JSON", set: set("dept", `{`), want: `claim "dept": JSON ends too early`},
		{name: "nothing", set: set("dept", ``), want: `claim "dept": JSON ends too early`},
		{name: "members equal under folding in a value", set: set("dept", `{"a":1,"A":2}`), want: `claim "dept": members inside a claim are equal but for case, the second at byte 7`},
		{name: "groups as a string", set: set("groups", `"a"`), want: `claim "groups" must be a list of strings`},
		{name: "groups with a number", set: set("groups", `["a",1]`), want: `claim "groups" must be a list of strings`},
		{name: "groups with null", set: set("groups", `["a",null]`), want: `claim "groups" must be a list of strings`},
		{name: "name as a number", set: set("name", `1`), want: `claim "name" must be a string`},
		{name: "email_verified as a string", set: set("email_verified", `"false"`), want: `claim "email_verified" must be true or false`},
		{name: "email_verified set to false", set: set("email_verified", `false`)},
		{name: "email_verified set to true", set: set("email_verified", `true`), who: verified, want: `claim "email_verified" can only be set to false`},
		{name: "email_verified removed alone", drop: []string{"email_verified"}, want: `claim "email_verified" can only be removed together with email`},
		{name: "email_verified removed with email", drop: []string{"email", "email_verified"}},
		{name: "email removed alone", drop: []string{"email"}},
		{name: "the verified email", set: set("email", `"m@example.org"`), who: verified},
		{name: "the verified email where the scope gave none", set: set("email", `"m@example.org"`), who: verified, plain: true},
		{name: "another email", set: set("email", `"x@example.org"`), who: verified, want: `claim "email" is not the address that the connector verified, so "email_verified" must be false`},
		{name: "another email where the scope gave none", set: set("email", `"x@example.org"`), who: verified, plain: true, want: `claim "email" is not the address that the connector verified, so "email_verified" must be false`},
		{name: "an address that nobody verified", set: set("email", `"m@example.org"`), who: claims.Subject{Email: "m@example.org"}, want: `claim "email" is not the address that the connector verified, so "email_verified" must be false`},
		{name: "the verified email in capital letters", set: set("email", `"M@Example.ORG"`), who: verified},
		{name: "the verified email with the Kelvin sign", set: set("email", `"m@Kexample.org"`), who: verified, want: `claim "email" is not the address that the connector verified, so "email_verified" must be false`},
		{name: "the verified email with a space", set: set("email", `"m@example.org "`), who: verified, want: `claim "email" is not the address that the connector verified, so "email_verified" must be false`},
		{name: "the verified email without its domain", set: set("email", `"m"`), who: verified, want: `claim "email" is not the address that the connector verified, so "email_verified" must be false`},
		{name: "the verified email with another domain", set: set("email", `"m@example.com"`), who: verified, want: `claim "email" is not the address that the connector verified, so "email_verified" must be false`},
		{name: "the verified email with another local part", set: set("email", `"n@example.org"`), who: verified, want: `claim "email" is not the address that the connector verified, so "email_verified" must be false`},
		{name: "a local part beyond ASCII in capital letters", set: set("email", `"ZOË@example.org"`), who: claims.Subject{Email: "zoë@example.org", EmailVerified: true}, want: `claim "email" is not the address that the connector verified, so "email_verified" must be false`},
		{name: "a local part beyond ASCII with capital A to Z", set: set("email", `"Zoë@example.org"`), who: claims.Subject{Email: "zoë@example.org", EmailVerified: true}, want: `claim "email" is not the address that the connector verified, so "email_verified" must be false`},
		{name: "a domain beyond ASCII in capital letters", set: set("email", `"m@BÜCHER.example"`), who: claims.Subject{Email: "m@bücher.example", EmailVerified: true}, want: `claim "email" is not the address that the connector verified, so "email_verified" must be false`},
		{name: "a domain beyond ASCII with capital A to Z", set: set("email", `"M@BüCHER.example"`), who: claims.Subject{Email: "m@bücher.example", EmailVerified: true}},
		{name: "a local part beyond ASCII, and the domain in capital letters", set: set("email", `"zoë@EXAMPLE.org"`), who: claims.Subject{Email: "zoë@example.org", EmailVerified: true}},
		{name: "another email, and says so", set: map[string]json.RawMessage{"email": []byte(`"x@example.org"`), "email_verified": []byte("false")}, who: verified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := payload
			if tt.plain {
				raw = `{"sub":"s"}`
			}
			o, err := claims.Parse([]byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			if got := message(claims.Check(o, claims.Patch{Set: tt.set, Remove: tt.drop}, tt.who)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestEachReservedNameIsRefusedInEachCase(t *testing.T) {
	o, err := claims.Parse([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range claims.ReservedNames() {
		for _, spelled := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			if claims.Check(o, claims.Patch{Set: set(spelled, `"x"`)}, claims.Subject{}) == nil {
				t.Errorf("%s could be set", spelled)
			}
		}
	}
}
