package main

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// kubernetesAuthentication is what decides in an AuthenticationConfiguration of Kubernetes.
type kubernetesAuthentication struct {
	JWT []struct {
		Issuer struct {
			URL       string   `yaml:"url"`
			Audiences []string `yaml:"audiences"`
		} `yaml:"issuer"`
		Validations []struct {
			Claim      scalar `yaml:"claim"`
			Required   string `yaml:"requiredValue"`
			Expression scalar `yaml:"expression"`
			Message    string `yaml:"message"`
		} `yaml:"claimValidationRules"`
		Mappings struct {
			Username kubernetesMapping `yaml:"username"`
			Groups   kubernetesMapping `yaml:"groups"`
			UID      kubernetesMapping `yaml:"uid"`
			Extra    []struct {
				Key   string `yaml:"key"`
				Value scalar `yaml:"valueExpression"`
			} `yaml:"extra"`
		} `yaml:"claimMappings"`
		Users []struct {
			Expression scalar `yaml:"expression"`
			Message    string `yaml:"message"`
		} `yaml:"userValidationRules"`
	} `yaml:"jwt"`
}

type kubernetesMapping struct {
	Claim      scalar `yaml:"claim"`
	Prefix     string `yaml:"prefix"`
	Expression scalar `yaml:"expression"`
}

// kubernetes reads the authenticators of a document. What they check and map becomes claims that Kubernetes maps as they are.
func (t *translation) kubernetes(n *yaml.Node) {
	config := decode[kubernetesAuthentication](t.in, n)
	for i, jwt := range config.JWT {
		path := fmt.Sprintf("jwt[%d]", i)
		b := &block{title: "the API server", connector: t.connector("upstream"), client: t.client("kubernetes")}
		if len(jwt.Issuer.Audiences) > 0 && t.o.client == "" {
			b.client = jwt.Issuer.Audiences[0]
			b.when = "client.id == " + strconv.Quote(b.client)
			if len(jwt.Issuer.Audiences) > 1 {
				b.when = "client.id in " + constant(texts(jwt.Issuer.Audiences)).text
			}
		} else {
			b.when = "client.id == " + strconv.Quote(b.client)
		}
		s := newScope("claims.", tokenClaims, t.o.as)
		s.strict, s.token = true, true

		for j, v := range jwt.Validations {
			path := fmt.Sprintf("%s.claimValidationRules[%d]", path, j)
			from, src := v.Expression, v.Expression
			if v.Claim.given() {
				from, src = v.Claim, scalar{text: "claims[" + strconv.Quote(v.Claim.text) + "] == " + strconv.Quote(v.Required)}
			}
			t.rule(b, &rule{message: v.Message, path: path, at: from.place()}, src)
		}
		for _, m := range []struct {
			claim string
			kubernetesMapping
		}{{"username", jwt.Mappings.Username}, {"groups", jwt.Mappings.Groups}, {"uid", jwt.Mappings.UID}} {
			r := &rule{claim: m.claim, makes: "user." + m.claim, path: path + ".claimMappings." + m.claim}
			if m.claim == "groups" {
				r.shape, r.cast = groupsOf, castGroups
			}
			switch {
			case m.Expression.given():
				r.at = m.Expression.place()
				t.rule(b, r, m.Expression)
			case m.Claim.given():
				r.at = m.Claim.place()
				read := "claims[" + strconv.Quote(m.Claim.text) + "]"
				src := read
				if m.claim == "groups" { // a token without groups is one of nobody's
					src = "claims[?" + strconv.Quote(m.Claim.text) + "].orValue([])"
				}
				switch {
				case m.Prefix == "":
				case m.claim == "groups":
					src += ".map(g, " + strconv.Quote(m.Prefix) + " + g)"
				default:
					src = strconv.Quote(m.Prefix) + " + " + src
				}
				t.rule(b, r, scalar{text: src})
			}
		}
		for j, x := range jwt.Mappings.Extra {
			t.rule(b, &rule{claim: x.Key, makes: "user.extra." + x.Key, path: fmt.Sprintf("%s.claimMappings.extra[%d]", path, j), at: x.Value.place(), cast: emptyToNothing}, x.Value)
		}
		for j, u := range jwt.Users {
			t.rule(b, &rule{message: u.Message, path: fmt.Sprintf("%s.userValidationRules[%d]", path, j), at: u.Expression.place()}, u.Expression)
		}
		t.block(b, s)
	}
}

// groupsOf is a list of groups: one name is a list of one.
func groupsOf(v value) value {
	if v.kind == kindText {
		v.missing = v.missing || !v.filled
		return list([]value{stored(v)})
	}
	return v
}

func castGroups(x any) any {
	switch x := x.(type) {
	case string:
		return castGroups([]any{x})
	case []any:
		kept := []any{} // an empty name never reaches a token
		for _, name := range x {
			if name != "" {
				kept = append(kept, name)
			}
		}
		return kept
	case nil:
		return []any{}
	}
	return x
}

func emptyToNothing(x any) any {
	if x == "" {
		return nil
	}
	return x
}
