package rules

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// stranger is somebody whose connector does not call the address verified. Nothing else differs between two of them.
func stranger(t *testing.T, email string) *pipeline.State {
	t.Helper()
	o, err := claims.Parse([]byte(fmt.Sprintf(`{"sub":"s","email":%q,"email_verified":false,"name":"mum","groups":["a"]}`, email)))
	if err != nil {
		t.Fatal(err)
	}
	s := newState(t)
	s.In.Identity.Email, s.In.Identity.EmailVerified, s.In.TrustedEmail, s.In.Payload = email, false, "", o
	s.Claims = claims.NewDraft(o)
	return s
}

// leaves are the leaves of TestWhatIsNotFromTheAddressDoesNotDependOnIt.
var leaves = []string{
	`true`, `false`, `identity.isUser`, `identity.username == "Mum"`, `claims.name == "mum"`, `nas.found`,
	`claims.email_verified == true`, `claims.email_verified != true`, `true == claims.email_verified`, `(claims.email_verified ?? false) == true`,
	`identity.emailVerified`, `identity.email == ""`, `identity.email != ""`, `identity.email in ["a@x.example"]`, `identity.email endsWith "@x.example"`,
	`has(identity.email)`, `emailDomain(identity.email) == "x.example"`, `default(identity.email, "b") == "b"`, `lower(identity.email) == ""`,
	`claims.email == "a@x.example"`, `claims.email endsWith "@x.example"`, `identity.unverifiedEmail == "a@x.example"`, `claims["em" + "ail"] == "a@x.example"`,
	`any(["a@x.example", "b"], # == claims.email)`, `"a@x.example" in [claims.email]`, `glob(identity.unverifiedEmail, "*@x.example")`,
	`default(identity.email, claims.email) == "a@x.example"`, `(claims.email ?? "b") == "a@x.example"`, `len(identity.unverifiedEmail) > 11`,
	`emailDomain(identity.unverifiedEmail) == "x.example"`, `claims == {}`, `{a: [claims.email]}.a[0] == "a@x.example"`, `first(filter([claims.email], # == "a@x.example")) != nil`,
	`"email" in claims`, `has(claims.email)`, `claims.email != nil`, `claims.email == ""`, `identity.unverifiedEmail != ""`,
	`firstMatch([identity.unverifiedEmail], "*@x.example", "yes", "no") == "yes"`, `let i = identity; i.unverifiedEmail == "a@x.example"`,
}

// grown makes a condition of a depth.
func grown(r *rand.Rand, depth int) string {
	if depth == 0 {
		return "(" + leaves[r.IntN(len(leaves))] + ")"
	}
	next := func() string { return grown(r, r.IntN(depth)) }
	switch r.IntN(8) {
	case 0, 1:
		return fmt.Sprintf("(%s && %s)", next(), next())
	case 2, 3:
		return fmt.Sprintf("(%s || %s)", next(), next())
	case 4:
		return fmt.Sprintf("(not %s)", next())
	case 5:
		return fmt.Sprintf("(%s ? %s : %s)", next(), next(), next())
	case 6:
		return fmt.Sprintf("(%s == %s)", next(), next())
	}
	name := fmt.Sprintf("v%d", r.Int())
	return fmt.Sprintf("(let %s = %s; %s || not %s)", name, next(), next(), name)
}

// TestWhatIsNotFromTheAddressDoesNotDependOnIt: what the analysis lets decide comes to the same for strangers with different addresses.
func TestWhatIsNotFromTheAddressDoesNotDependOnIt(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4)) // the same at each run
	c := newCompiler(t)
	checked := 0
	for range 3000 {
		src := grown(r, r.IntN(4))
		if c.Origin(src, World{}).Unverified {
			continue
		}
		cond, err := c.Condition(src)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		one, failed := cond.Holds(t.Context(), stranger(t, "a@x.example"))
		other, alsoFailed := cond.Holds(t.Context(), stranger(t, "bob@yy.example"))
		if failed == nil && alsoFailed == nil && one != other {
			t.Errorf("%s depends on the address", src)
		}
		if strings.Contains(src, "mail ==") || strings.Contains(src, "mail endsWith") {
			checked++
		}
	}
	if checked < 150 {
		t.Errorf("only %d of them read the address", checked)
	}
}

func TestOrigin(t *testing.T) {
	set := World{}
	set.Set("addr", Origin{Unverified: true, By: "claims.addr (of line 3)"})
	set.Set("clean", Origin{})
	marked := World{}
	marked.Set("email_verified", Origin{})
	tests := []struct {
		src   string
		world World
		want  Origin
	}{
		{`identity.email`, World{}, Origin{}},
		{`nas.name + grant`, World{}, Origin{}},
		{`"x" + identity.unverifiedEmail`, World{}, Origin{Unverified: true, By: "identity.unverifiedEmail", Offset: 15}},
		{`identity.username`, World{}, Origin{Asserted: true, By: "identity.username", Offset: 9}},
		{`[identity.username, claims.email]`, World{}, Origin{Unverified: true, Asserted: true, By: "claims.email", Offset: 27}},
		{`claims.addr`, set, Origin{Unverified: true, By: "claims.addr (of line 3)", Offset: 7}},
		{`claims.clean`, set, Origin{Offset: 7}},
		{`claims.addr`, World{}.Or(set), Origin{Unverified: true, Asserted: true, By: "claims.addr (of line 3)", Offset: 7}},
		{`claims.email_verified == true`, set, Origin{Is: False}},
		{`claims.email_verified == true`, marked, Origin{}},
		{`claims.email_verified == true`, set.Or(marked), Origin{}},
		{`identity.email == "" || claims.email == "x"`, World{}, Origin{Is: True}},
		{`not a +`, World{}, Origin{}},
	}
	c := newCompiler(t)
	for _, tt := range tests {
		if got := c.Origin(tt.src, tt.world); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.src, got, tt.want)
		}
	}
}
