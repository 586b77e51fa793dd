package sidecar_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// TestAFailureSaysWhereInTheFileItWas runs rules whose mistakes only a request shows.
func TestAFailureSaysWhereInTheFileItWas(t *testing.T) {
	for _, tt := range []struct{ set, want string }{
		{"      n: >-\n        1 +\n        int(identity.userId)", `c.yaml:6:22: int needs a number, and this text is none`},
		{"      o:\n        deep: [1, 'int(identity.userId)']", `c.yaml:5:33 (pipeline[0].set.o.deep[1]): int needs a number, and this text is none`},
	} {
		file := filepath.Join(t.TempDir(), "c.yaml")
		text := "listen: unix:///run/c.sock\npipeline:\n  - set:\n" + tt.set + "\ntests:\n  - name: a\n    given: {client: a, connector: g, identity: {userId: Zoë}}\n    want: {claims: {x: 1}}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		report, err := replay.Test(t.Context(), file, galleryOptions())
		if err != nil {
			t.Fatal(err)
		}
		if _ = report.Render(&out); !strings.Contains(out.String(), tt.want) {
			t.Errorf("%s\nwant %s", out.String(), tt.want)
		}
	}
}

// TestAComposedListMayBeLong has more members than one expression may have bytes.
func TestAComposedListMayBeLong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	var text, want strings.Builder
	text.WriteString("listen: unix:///run/c.sock\npipeline:\n  - set:\n      o:\n")
	for i := range 300 {
		fmt.Fprintf(&text, "        member-%d: identity.username + \"-and-something-longer\"\n", i)
		fmt.Fprintf(&want, "member-%d: Ada-and-something-longer, ", i)
	}
	text.WriteString("tests:\n  - name: a\n    given: {client: a, connector: g, identity: {username: Ada}}\n    want: {claims: {o: {" + want.String() + "}}}\n")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := replay.Test(t.Context(), file, galleryOptions())
	if err != nil {
		t.Fatal(err)
	}
	if report.Failed() > 0 {
		var out strings.Builder
		_ = report.Render(&out)
		t.Error(out.String())
	}
}
