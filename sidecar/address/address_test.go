package address

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAddressesAreCompared(t *testing.T) {
	tests := []struct {
		name, a, b string
		want       bool
	}{
		{"upper and lower case of A to Z are the same", "Mum@GMail.com", "mUM@gmail.COM", true},
		{"dots count", "m.um@gmail.com", "mum@gmail.com", false},
		{"plus tags count", "mum+nas@gmail.com", "mum@gmail.com", false},
		{"a blank before is not trimmed", " mum@gmail.com", "mum@gmail.com", false},
		{"a blank behind is not trimmed", "mum@gmail.com ", "mum@gmail.com", false},
		{"a dot behind the domain is not trimmed", "mum@gmail.com.", "mum@gmail.com", false},
		{"the long s is not an s", "ſam@gmail.com", "sam@gmail.com", false},
		{"the Kelvin sign is not a k", "\u212aim@gmail.com", "kim@gmail.com", false},
		{"a dotless i is not an i", "dıana@gmail.com", "diana@gmail.com", false},
		{"an umlaut is not folded", "MÜLLER@gmail.com", "müller@gmail.com", false},
		{"A to Z are not folded beside an umlaut", "Müller@gmail.com", "müller@gmail.com", false},
		{"a local part beyond ASCII matches byte for byte", "müller@GMAIL.com", "müller@gmail.com", true},
		{"composed and decomposed are not the same before the @", "mu\u0308ller@gmail.com", "müller@gmail.com", false},
		{"a domain and its Punycode are the same", "mum@münchen.example", "mum@xn--mnchen-3ya.example", true},
		{"a domain is not folded beyond ASCII", "mum@MÜNCHEN.example", "mum@MÜNCHEN.example", false},
		{"a domain of which one label is Punycode", "mum@xn--mnchen-3ya.münchen.example", "mum@münchen.xn--mnchen-3ya.example", true},
		{"Punycode in upper case", "mum@XN--MNCHEN-3YA.example", "mum@münchen.example", true},
		{"ß is not ss", "mum@straße.example", "mum@strasse.example", false},
		{"a domain that is no host name is still compared", "mum@my_nas", "mum@MY_NAS", true},
		{"the last @ divides", "a@b@c.example", "a@B@C.example", true},
		{"a wide @ does not divide", "a@b\uff20c.example", "a@b@c.example", false},
		{"other domains", "mum@gmail.com", "mum@gmail.co", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, okA := Parse(tt.a)
			b, okB := Parse(tt.b)
			if got := okA && okB && a == b; got != tt.want {
				t.Errorf("%q and %q: same %v (%v %v, %v %v), want %v", tt.a, tt.b, got, a, okA, b, okB, tt.want)
			}
		})
	}
}

func TestWhatIsNoAddressMatchesNothing(t *testing.T) {
	for _, s := range []string{
		"", "@", "mum", "mum@", "@gmail.com", "mum@xn--\u0080", "mum@xn--a", "mum@\u00ad", "m\ufffdm@gmail.com",
		"mum@gm\xffail.com", "m\xffum@gmail.com", "mum@a\uff20b.example",
		// What a mapping would drop or fold: a zero-width space, a soft hyphen, three other dots, wide letters, letters that are not
		// A to Z, composition, Punycode of what needs none.
		"mum@gmail\u200b.com", "mum@gm\u00adail.com", "mum@gmail\u3002com", "mum@gmail\uff0ecom", "mum@gmail\uff61com", "mum@ｇｍａｉｌ.com",
		"mum@gmai\u2113.com", "mum@\u212aiosk.example", "mum@mu\u0308nchen.example", "mum@xn--gmail-.com", "mum@gmail.com\u200d", "mum@\u2060gmail.com",
		"mum\u200b@gmail.com", "m\u00adum@gmail.com", "ｍum@gmail.com", "mum\ufe0f@gmail.com", "ſam@gmail.com", "MÜLLER@gmail.com", "mu\u0308ller@gmail.com",
	} {
		if a, ok := Parse(s); ok {
			t.Errorf("%q is an address: %v", s, a)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "mum@gmail.com", "Mum@GMail.com", "ſam@gmail.com", "mum@MÜNCHEN.example", "mum@xn--mnchen-3ya.example", "a@b@c"} {
		f.Add(s)
	}
	f.Fuzz(check)
}

// check holds s against the rules that hold for every address.
func check(t *testing.T, s string) {
	a, ok := Parse(s)
	if !ok {
		return
	}
	if a.local == "" || a.domain == "" || !utf8.ValidString(s) {
		t.Errorf("%q is an address: %v", s, a)
	}
	again, ok := Parse(a.local + "@" + a.domain)
	if !ok || again != a {
		t.Errorf("%q: the form %v is not that of itself: %v %v", s, a, again, ok)
	}
	local := s[:strings.LastIndexByte(s, '@')]
	if a.local != local && !(isASCII(local) && a.local == strings.ToLower(local)) {
		t.Errorf("%q: the local part became %q", s, a.local)
	}
	if strings.ContainsRune(a.domain, '@') {
		t.Errorf("%q: the domain became %q", s, a.domain)
	}
}
