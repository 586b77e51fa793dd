package ldap

import (
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// The host leaves a plugin alone after a few other codes.
func TestBadRecordsAreAboutNobodyElse(t *testing.T) {
	s := startSlapd(t)
	c := sdktest.Start(t, Plugin(), s.config(func(c *Config) { c.UserSearch.UIDAttribute = "employeeNumber" }))
	for i := range 100 {
		if _, _, err := c.Lookup(t.Context(), Params{Name: fmt.Sprintf("odd%d", i)}, nil); status.Code(err) != codes.DataLoss {
			t.Fatalf("bad record %d: %v", i, err)
		}
		if found, _, err := c.Lookup(t.Context(), Params{Name: "ada"}, nil); !found || err != nil {
			t.Fatalf("after %d bad records: %v, %v", i+1, found, err)
		}
	}
	tests := []struct {
		name   string
		change func(*Config)
		params Params
		want   codes.Code
	}{
		{"too many groups", func(c *Config) { c.GroupSearch.BaseDN = "ou=many,dc=example,dc=org" }, Params{Name: "hoarder"}, codes.DataLoss},
		{"too many accounts with an address", nil, Params{Email: "crowd@example.org"}, codes.OK}, // ambiguous
		{"two questions in one", nil, Params{Email: "ada@example.org", Name: "ada"}, codes.DataLoss},
		{"a wrong password", func(c *Config) { c.PasswordFile = s.path("wrong") }, Params{Name: "ada"}, codes.Unavailable},
		{"no server", func(c *Config) { c.URL = "ldaps://127.0.0.1:1" }, Params{Name: "ada"}, codes.Unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := sdktest.Start(t, Plugin(), s.config(tt.change)).Lookup(t.Context(), tt.params, nil)
			if status.Code(err) != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
