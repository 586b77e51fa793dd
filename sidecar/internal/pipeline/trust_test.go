package pipeline_test

import (
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/address"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// TestADomainCountsAsWritten: no mapping makes a trusted domain of another one.
func TestADomainCountsAsWritten(t *testing.T) {
	tests := []struct{ name, domain, want string }{
		{"small letters", "gmail.com", "gmail.com"},
		{"A to Z", "GMail.COM", "gmail.com"},
		{"beyond ASCII", "münchen.example", "xn--mnchen-3ya.example"},
		{"the same as Punycode", "XN--mnchen-3YA.example", "xn--mnchen-3ya.example"},
		{"ß", "straße.example", "xn--strae-oqa.example"},
		{"one label of each", "xn--mnchen-3ya.münchen.example", "xn--mnchen-3ya.xn--mnchen-3ya.example"},
		{"nothing", "", ""},
		{"a zero-width space", "gmail\u200b.com", ""},
		{"a joiner at the end", "gmail.com\u200d", ""},
		{"a word joiner", "\u2060gmail.com", ""},
		{"a soft hyphen", "gm\u00adail.com", ""},
		{"a variation selector", "gmail\ufe0f.com", ""},
		{"an ideographic full stop", "gmail\u3002com", ""},
		{"a full-width full stop", "gmail\uff0ecom", ""},
		{"a half-width full stop", "gmail\uff61com", ""},
		{"full-width letters", "ｇｍａｉｌ.com", ""},
		{"the Kelvin sign", "\u212aiosk.example", ""},
		{"a script l", "gmai\u2113.com", ""},
		{"capital letters beyond ASCII", "MÜNCHEN.example", ""},
		{"a letter of two characters", "mu\u0308nchen.example", ""},
		{"Punycode that says nothing", "xn--gmail-.com", ""},
		{"NUL", "gmail.com\x00", ""},
		{"a space", "gmail.com ", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := address.Domain(tt.domain); ok != (tt.want != "") || got != tt.want {
				t.Errorf("%q is %q, %v; want %q", tt.domain, got, ok, tt.want)
			}
			trust := map[string]pipeline.Trust{"google": {Domains: map[string]bool{"gmail.com": true}}}
			in := input(func(in *pipeline.Input) { in.Identity.Email = "mum@" + tt.domain })
			if _, err := (&pipeline.Pipeline{Connector: trust}).Run(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			if trusted := in.TrustedEmail != ""; trusted != (tt.want == "gmail.com") {
				t.Errorf("trusted: %v", trusted)
			}
		})
	}
}

// TestNoDomainIsMappedWhereAllAreTrusted: emailDomains ["*"] trusts each domain, and what is none is none.
func TestNoDomainIsMappedWhereAllAreTrusted(t *testing.T) {
	in := input(func(in *pipeline.Input) { in.Identity.Email = "mum@gmail\u200b.com" })
	if _, err := (&pipeline.Pipeline{Connector: map[string]pipeline.Trust{"google": {Any: true}}}).Run(t.Context(), in); err != nil || in.TrustedEmail != "" {
		t.Errorf("trusted, %v", err)
	}
}
