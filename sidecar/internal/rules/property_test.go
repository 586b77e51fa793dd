package rules

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

var executions = flag.Int("executions", 20_000, "runs of random rules over random payloads")

// maker makes expressions of a type, many of which do not compile.
type maker struct {
	*rand.Rand
	made map[string][]string // claims by type, those of steps before among them
}

func (m *maker) pick(of ...string) string { return of[m.IntN(len(of))] }

func (m *maker) claim(typ string) string {
	if len(m.made[typ]) == 0 {
		return "0"
	}
	return "claims." + m.pick(m.made[typ]...)
}

func (m *maker) expr(typ string, depth int) string {
	if depth == 0 || m.IntN(6) == 0 {
		switch typ {
		case "text":
			return m.pick(`"a"`, `"dev-a"`, `""`, "identity.username", "nas.name", "nas.phone", "nas.tags.quota", "client.id", m.claim(typ), "now.day")
		case "list":
			return m.pick(`[]`, `["a", "dev-a"]`, "identity.groups", "nas.groups", "scopes", m.claim(typ))
		case "number":
			return m.pick("0", "1", "-2", "0.5", "nas.age", m.claim(typ))
		}
		return m.pick("true", "false", "nas.found", "identity.isUser", m.claim(typ))
	}
	x := func(typ string) string { return m.expr(typ, depth-1) }
	any := x(m.pick("text", "list", "number", "bool"))
	switch m.IntN(5) {
	case 0:
		return "(" + x("bool") + " ? " + x(typ) + " : " + x(typ) + ")"
	case 1:
		return "(" + x(typ) + " ?? " + x(typ) + ")"
	case 2:
		return "default(" + x(typ) + ", " + x(typ) + ")"
	}
	switch typ {
	case "text":
		return m.pick("("+x("text")+" + "+x("text")+")", "lower("+x("text")+")", "first("+x("list")+")", x("list")+"[0]", "join("+x("list")+`, "-")`, x("text")+"[0:2]",
			"string("+any+")", "find("+x("list")+", it != "+x("text")+")", `split(`+x("text")+`, "-")[0]`, "ascii("+x("text")+")", "toJSON("+any+")")
	case "list":
		return m.pick("filter("+x("list")+", it startsWith "+x("text")+")", "map("+x("list")+", "+x("text")+" + it)", "union("+x("list")+", "+x("list")+")", "keep("+x("list")+`, "dev-*")`,
			"split("+x("text")+`, "-")`, "uniq("+x("list")+")", "sort("+x("list")+")", "take("+x("list")+", 1)", "concat("+x("list")+", "+x("list")+")", "["+x("text")+"]", "addPrefix("+x("list")+", "+x("text")+")", "compact("+x("list")+")")
	case "number":
		return m.pick("("+x("number")+m.pick(" + ", " - ", " * ")+x("number")+")", "len("+x("list")+")", "len("+x("text")+")", "indexOf("+x("text")+", "+x("text")+")")
	}
	return m.pick("("+x("bool")+m.pick(" and ", " or ")+x("bool")+")", "not "+x("bool"), "has("+any+")", "("+any+m.pick(" == ", " != ")+m.pick("nil", any, x("text"))+")",
		"("+x("text")+" in "+x("list")+")", "any("+x("list")+", it == "+x("text")+")", "("+x("text")+" contains "+x("text")+")", "("+x("number")+" < "+x("number")+")", "("+m.claim("bool")+" == true)")
}

// TestWhatCompilesDoesNotFail makes rules of which each reads the claims of those before, and runs those that compile over payloads with and
// without what Dex sometimes writes. None may fail. What is too long for a limit may.
func TestWhatCompilesDoesNotFail(t *testing.T) {
	for ran, seed := 0, uint64(0); ran < *executions; seed++ {
		m := &maker{Rand: rand.New(rand.NewPCG(seed, 1)), made: map[string][]string{
			"text": {"name", "email", "preferred_username", "sub"}, "list": {"groups"}, "bool": {"email_verified"}}}
		c := newCompiler(t).After()
		var rules []pipeline.Assignment
		var sources []string
		for len(rules) < 4 {
			name, typ := fmt.Sprintf("c%d", len(rules)), m.pick("text", "list", "number", "bool")
			src := m.expr(typ, 1+m.IntN(3))
			if m.IntN(5) == 0 {
				src = m.pick("{a: "+src+"}", "["+src+"]", "optional("+src+")")
			}
			v, err := c.Claim(name, src)
			if err != nil {
				continue
			}
			rules, sources = append(rules, pipeline.Assignment{Name: name, Value: v}), append(sources, src)
			if !strings.ContainsAny(src[:1], "{[") {
				m.made[typ] = append(m.made[typ], name)
			}
			if after := c.After(Made{name, v}); m.IntN(2) == 0 {
				c = after
			} else {
				c, rules[len(rules)-1].Asserted = c.Or(after, "token == \"id\""), true // only sometimes done
			}
		}
		for range max(25, *executions/2000) {
			ran++
			s := randomState(t, m)
			sometimes := m.IntN(2) == 0
			for i, r := range rules {
				if r.Asserted && sometimes {
					continue
				}
				raw, err := r.Value.JSON(t.Context(), s)
				if err != nil && !strings.Contains(err.Error(), "longer than") && !strings.Contains(err.Error(), "64 bits") {
					t.Fatalf("seed %d: %q of\n%s\n%s", seed, err, strings.Join(sources[:i+1], "\n"), s.Claims.Names())
				}
				switch {
				case err != nil:
				case raw == nil:
					s.Claims.Remove(r.Name)
				case !json.Valid(raw):
					t.Fatalf("%s: %s", sources[i], raw)
				default:
					s.Claims.Set(r.Name, raw)
				}
				s.Version++
				if err != nil {
					break
				}
			}
		}
	}
}

func randomState(t *testing.T, m *maker) *pipeline.State {
	raw := `{"iss":"i","sub":"s","aud":"a"`
	for _, member := range []string{`"name":"Zoë"`, `"preferred_username":"zoe"`, `"email":"z@x.org"`, `"email_verified":true`, `"groups":["dev-a","ops",""]`} {
		if m.IntN(2) == 0 {
			raw += "," + member
		}
	}
	o, err := claims.Parse([]byte(raw + "}"))
	if err != nil {
		t.Fatal(err)
	}
	s := newState(t)
	s.In.Payload, s.Claims = o, claims.NewDraft(o)
	if m.IntN(2) == 0 {
		s.In.Identity = pipeline.Identity{}
		facts, err := schema(t).Decode(nil)
		if err != nil {
			t.Fatal(err)
		}
		s.Facts["nas"] = &pipeline.Answer{Facts: facts}
	}
	return s
}
