package claims_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// TestLimits holds each field to its row of the table, at the edge and one beyond.
func TestLimits(t *testing.T) {
	fields := map[string]func(f *claims.Fields, one string, many []string){
		"payload":            func(f *claims.Fields, one string, _ []string) { f.Payload = len(one) },
		"user id":            func(f *claims.Fields, one string, _ []string) { f.UserID = one },
		"username":           func(f *claims.Fields, one string, _ []string) { f.Username = one },
		"preferred username": func(f *claims.Fields, one string, _ []string) { f.PreferredUsername = one },
		"e-mail address":     func(f *claims.Fields, one string, _ []string) { f.Email = one },
		"groups":             func(f *claims.Fields, _ string, many []string) { f.Groups = many },
		"connector id":       func(f *claims.Fields, one string, _ []string) { f.Connector = one },
		"client id":          func(f *claims.Fields, one string, _ []string) { f.Client = one },
		"audience":           func(f *claims.Fields, _ string, many []string) { f.Audience = many },
		"scopes":             func(f *claims.Fields, _ string, many []string) { f.Scopes = many },
		"grant type":         func(f *claims.Fields, one string, _ []string) { f.Grant = one },
		"request id":         func(f *claims.Fields, one string, _ []string) { f.RequestID = one },
		"features":           func(f *claims.Fields, _ string, many []string) { f.Features = many },
	}
	if len(claims.Limits()) != len(fields) {
		t.Errorf("%d limits, %d fields", len(claims.Limits()), len(fields))
	}
	for _, l := range claims.Limits() {
		check := func(bytes, count int) error {
			var f claims.Fields
			one := strings.Repeat("x", bytes)
			fields[l.What](&f, one, slices.Repeat([]string{one}, count))
			return f.Check()
		}
		if err := check(l.Bytes, l.Count); err != nil {
			t.Errorf("%s at the edge: %v", l.What, err)
		}
		if err := check(l.Bytes+1, l.Count); err == nil || !strings.Contains(err.Error(), l.What) {
			t.Errorf("%s that is too long: %v", l.What, err)
		}
		if err := check(1, l.Count+1); l.Count > 0 && (err == nil || !strings.Contains(err.Error(), l.What)) {
			t.Errorf("too many %s: %v", l.What, err)
		}
	}
}
