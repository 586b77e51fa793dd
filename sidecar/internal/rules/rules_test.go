package rules

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

func TestConditions(t *testing.T) {
	tests := []struct {
		name, src string
		want      bool
	}{
		{"a person", `identity.isUser`, true},
		{"the trusted address", `identity.email == "mum@gmail.com"`, true},
		{"all fields of the identity", `identity.userId == "u1" && identity.username == "Mum" && identity.preferredUsername == "" &&
			identity.unverifiedEmail == "mum@gmail.com" && identity.emailVerified && identity.groups == ["g1", "g2"]`, true},
		{"the rest of the request", `connector.id == "google" && scopes == ["openid", "groups"] && audience == ["synology", "cli"] &&
			grant == "authorization_code" && stage == "token" && token == "id"`, true},
		{"a string in a list", `"groups" in scopes`, true},
		{"a string not in a list", `"email" not in scopes`, true},
		{"a group by its beginning", `any(identity.groups, # startsWith "g")`, true},
		{"fields by index", `identity["email"] == claims["email"] && nas["home-dir"] == "/h"`, true},
		{"optional chaining", `nas?.name == "mum" && identity?.email != "" && nas?.home?.path == "/home/mum"`, true},
		{"a fact", `nas.name == "mum" && not nas.admin`, true},
		{"integers beyond 2^53 are exact", `nas.uid == 9007199254740993 && nas.uid != 9007199254740992`, true},
		{"integers beyond 2^53 beside numbers with a fraction",
			`nas.uid == 9007199254740992.0 || claims.big == 9007199254740992.0 || [nas.uid] == [9007199254740992.0] || nas.uid in [9007199254740992.0]`, false},
		{"integers that are numbers", `nas.ids[0] == 3.0 && 3.0 == nas.ids[0] && nas.ids[0] in [3.0] && 0 == nas.quota`, true},
		{"claims with integers beyond 2^53 are exact", `claims.big == 9007199254740993 && claims.big != 9007199254740992`, true},
		{"what the host knows of a lookup", `nas.asked && nas.found && not nas.failed && not nas.stale && nas.problem == "" && nas.age == 90`, true},
		{"nested objects", `nas.home.path startsWith "/home"`, true},
		{"lists of objects", `any(nas.shares, .name == "music" && .writable) && nas.shares[1].name == "video"`, true},
		{"lists of integers", `3 in nas.ids && 4 not in nas.ids && nas.ids[0] == 3`, true},
		{"claims", `claims.email == "mum@gmail.com" && claims.admin == true && claims.ratio == 0.5`, true},
		{"claims with objects", `claims.address.country == "de"`, true},
		{"claims with lists", `"ops" in claims.groups && claims.groups == ["dev-a", "ops"]`, true},
		{"claims with mixed lists", `claims.mixed[1] == 1 && claims.mixed[3].x == 2`, true},
		{"a claim that is missing is nil", `claims.nothing == nil && claims.nothing?.deeper == nil && (claims.nothing ?? "x") == "x"`, true},
		{"a claim that is missing ends with nothing", `claims.nothing endsWith "x"`, false},
		{"whether there is a claim", `"email" in claims && "nothing" not in claims`, true},
		{"what may still change is not in claims", `"exp" not in claims && claims["e" + "xp"] == nil && "iat" not in keys(claims)`, true},
		{"a claim by a computed name", `claims["em" + "ail"] == identity.email`, true},
		{"all claims", `len(claims) > 5 && "sub" in keys(claims)`, true},
		{"let", `let g = identity.groups; len(g) == 2 && g[0] == "g1"`, true},
		{"facts as a value", `let n = nas; n.name == "mum" && n.found && n.age == 90`, true},
		{"the identity as a value", `let i = identity; i.email == "mum@gmail.com"`, true},
		{"the first of an empty list is nothing", `first(claims.empty) == "x" || first(filter(nas.groups, false)) == "x"`, false},
		{"find without a result is nothing", `find(nas.groups, # == "x") == nil`, true},
		{"a string in a constant list", `grant in ["implicit", "authorization_code"] && "x" not in ["a", "b"] && claims.nothing not in ["", "a"] && claims.big not in ["a"]`, true},
		{"a number in a constant list", `nas.age in [1, 90] && claims.ratio in [0.5]`, true},
		{"a string in a list of a claim", `identity.username in claims.mixed || claims.big in claims.groups || claims.nothing in claims.nothing`, false},
		{"pipes", `(identity.groups | filter(# != "g1") | len()) == 1`, true},
		{"if and else", `if nas.found { nas.name == "mum" } else { false }`, true},
		{"the conditional operator", `nas.found ? nas.name == "mum" : false`, true},
		{"patterns", `nas.name matches "^m.m$"`, true},
		{"numbers", `nas.age / 60 > 1 && nas.age % 60 == 30 && nas.uid + 1 > nas.uid`, true},
		{"lists of lists", `[["a"], [1, 2.5]] == [["a"], [1, 2.5]] && ["a"] in [["b"], ["a"]]`, true},
		{"objects", `{a: 1, "b": [nil]} == {"b": [nil], "a": 1} && {a: 1} != {a: 2} && {a: 1} != {b: 1} && "a" in {a: 1}`, true},
		{"things of different types are not equal", `claims.groups == "dev-a" || claims.address == claims.groups || claims.admin == 1`, false},
	}
	c := newCompiler(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cond, err := c.Condition(tt.src)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, tt.src))
			}
			got, err := cond.Holds(t.Context(), newState(t))
			if err != nil || got != tt.want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestARequestConcernsEveryClientOfItsAudience(t *testing.T) {
	tests := []struct {
		src     string
		want    bool
		clients []string
	}{
		{`client.id == "cli"`, true, []string{"cli"}},
		{`client.id == "synology"`, true, []string{"synology"}},
		{`"synology" == client.id`, true, []string{"synology"}},
		{`client.id == "gitea"`, false, []string{"gitea"}},
		{`client.id != "synology"`, false, []string{"synology"}},
		{`client.id != "gitea"`, true, []string{"gitea"}},
		{`not (client.id == "synology")`, false, []string{"synology"}},
		{`client.id in ["gitea", "synology"]`, true, []string{"gitea", "synology"}},
		{`client.id not in ["gitea", "synology"]`, false, []string{"gitea", "synology"}},
		{`client.id not in ["gitea"]`, true, []string{"gitea"}},
		{`client["id"] == "synology"`, true, []string{"synology"}},
		{`client?.id == "synology"`, true, []string{"synology"}},
		{`let c = client.id; c == "synology" && c != "gitea"`, true, []string{"gitea", "synology"}},
		{`client.id == identity.groups[0]`, false, nil},
		{`any(audience, # == client.id)`, true, nil},
		{`client.id in audience`, true, nil},
		{`client.id in claims.nothing`, false, nil},
		{`client.id == claims.nothing`, false, nil},
		{`client.id startsWith "syno"`, true, nil},
		{`client.id endsWith "logy" && client.id contains "nolo" && client.id matches "^syn.*y$"`, true, nil},
		{`client.id not startsWith "syno"`, false, nil},
		{`client.id matches "^gitea$"`, false, nil},
		{`client.id + "" == "cli"`, true, nil},
	}
	c := newCompiler(t)
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			cond, err := c.Condition(tt.src)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, tt.src))
			}
			got, err := cond.Holds(t.Context(), newState(t))
			if err != nil || got != tt.want {
				t.Errorf("got %v, %v", got, err)
			}
			if diff := cmp.Diff(tt.clients, cond.Reads().Clients); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNotToKnowIsNeitherYesNorNo(t *testing.T) {
	tests := []struct {
		src     string
		asked   string // what the condition gives when nas failed
		notAsk  string // and when it was not asked
		goAhead string // and when it was asked
	}{
		{`nas.found`, "nas failed", "nas was not asked", "true"},
		{`not nas.found`, "nas failed", "nas was not asked", "false"},
		{`nas.name == ""`, "nas failed", "nas was not asked", "false"},
		{`nas.problem == "none"`, "nas failed", "nas was not asked", "false"},
		{`nas.stale`, "nas failed", "nas was not asked", "false"},
		{`nas.age > 1000`, "nas failed", "nas was not asked", "false"},
		{`nas["found"]`, "nas failed", "nas was not asked", "true"},
		{`nas?.found`, "nas failed", "nas was not asked", "true"},
		{`(nas?.found) ?? true`, "nas failed", "nas was not asked", "true"},
		{`"a" in nas.groups`, "nas failed", "nas was not asked", "false"},
		{`nas.home.path == ""`, "nas failed", "nas was not asked", "false"},
		{`len(nas) > 0`, "nas failed", "nas was not asked", "true"},
		{`nas == nil`, "nas failed", "nas was not asked", "false"},
		{`let n = nas; n.asked`, "nas failed", "nas was not asked", "true"},
		{`nas.asked`, "true", "false", "true"},
		{`nas.failed`, "true", "false", "false"},
		{`nas.asked && nas.found`, "nas failed", "false", "true"},
		{`nas.asked && !nas.failed && nas.found`, "false", "false", "true"},
		{`nas.failed ? false : nas.found`, "false", "nas was not asked", "true"},
	}
	c := newCompiler(t)
	for _, tt := range tests {
		t.Run(tt.src, func(t *testing.T) {
			cond, err := c.Condition(tt.src)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, tt.src))
			}
			s := newState(t)
			for _, state := range []struct {
				answer *pipeline.Answer
				want   string
			}{{s.Facts["nas"], tt.goAhead}, {nil, tt.notAsk}, {&pipeline.Answer{Failed: true}, tt.asked}} {
				s.Version++
				delete(s.Facts, "nas")
				if state.answer != nil {
					s.Facts["nas"] = state.answer
				}
				if got := outcome(cond, s); got != state.want {
					t.Errorf("got %s, want %s", got, state.want)
				}
			}
		})
	}
}

func outcome(c pipeline.Condition, s *pipeline.State) string {
	switch yes, err := c.Holds(context.Background(), s); {
	case err != nil:
		return err.Error()
	case yes:
		return "true"
	}
	return "false"
}

func TestTheMemoFollowsTheState(t *testing.T) {
	c := newCompiler(t)
	name, err := c.Claim("x", `[claims.name ?? "none", len(claims), token]`)
	if err != nil {
		t.Fatal(err)
	}
	s := newState(t)
	check := func(want string) {
		t.Helper()
		got, err := name.JSON(t.Context(), s)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
	check(`["Mum",14,"id"]`)
	s.Claims.Set("name", []byte(`"Dad"`))
	s.Claims.Set("new", []byte(`1`))
	s.Version++
	check(`["Dad",15,"id"]`)
	s.Claims.Remove("name")
	s.Version++
	check(`["none",14,"id"]`)
	s.Claims, s.Kind = claims.NewDraft(s.In.Payload), pipeline.KindAccess
	check(`["Mum",14,"access"]`)
	fresh := newState(t)
	fresh.Memo = s.Memo // of another request
	fresh.In.Connector = "other"
	s = fresh
	check(`["Mum",14,"id"]`)
}

func TestConstantsOfClaims(t *testing.T) {
	tests := []struct {
		name, claim string
		value       any
		want        string // JSON, or the error
	}{
		{"groups", "groups", []any{"a"}, `["a"]`},
		{"any claim", "x", []any{int64(1)}, `[1]`},
		{"groups with a number", "groups", []any{"a", int64(1)}, `claim "groups" must be a list of strings`},
		{"groups that are a boolean", "groups", true, `claim "groups" must be a list of strings`},
		{"a name that is a number", "name", int64(1), `claim "name" must be a string`},
		{"email_verified", "email_verified", false, `false`},
		{"an empty user name", "username", "", `claim "username" cannot be empty`},
		{"null", "x", nil, `claim "x" would be null: use remove to take it away`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			v, err := ConstantClaim(tt.claim, tt.value)
			if err == nil {
				raw, failed := v.JSON(t.Context(), nil)
				got, err = string(raw), failed
			}
			if got += message(err); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestConstants(t *testing.T) {
	for _, yes := range []bool{true, false} {
		got, err := Bool(yes).Holds(t.Context(), newState(t))
		if got != yes || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
	}
	tests := []struct {
		name  string
		value any
		want  string // JSON, or the error
	}{
		{"a boolean", true, `true`},
		{"an integer", int64(9007199254740993), `9007199254740993`},
		{"a small integer", 7, `7`},
		{"a number", 0.5, `0.5`},
		{"a list", []any{"a", int64(1), nil, "${x}"}, `["a",1,null,"${x}"]`},
		{"an object", map[string]any{"b": []any{}, "a": map[string]any{}}, `{"a":{},"b":[]}`},
		{"null", nil, `a constant cannot be null`},
		{"something else", time.Time{}, `the value cannot be written as JSON`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if v, err := Constant(tt.value); err != nil {
				got = err.Error()
			} else {
				raw, err := v.JSON(t.Context(), nil)
				got = string(raw) + message(err)
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
