package main

import (
	"fmt"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// pinnipedDomain is what decides in a FederationDomain of Pinniped.
type pinnipedDomain struct {
	Spec struct {
		Providers []struct {
			Name       string `yaml:"displayName"`
			Transforms struct {
				Constants []struct {
					Name  string   `yaml:"name"`
					Text  string   `yaml:"stringValue"`
					Texts []string `yaml:"stringListValue"`
					Type  string   `yaml:"type"`
				} `yaml:"constants"`
				Expressions []struct {
					Type       scalar `yaml:"type"`
					Expression scalar `yaml:"expression"`
					Message    string `yaml:"message"`
				} `yaml:"expressions"`
				Examples []struct {
					Username string   `yaml:"username"`
					Groups   []string `yaml:"groups"`
				} `yaml:"examples"`
			} `yaml:"transforms"`
		} `yaml:"identityProviders"`
	} `yaml:"spec"`
}

// pinniped reads the identity providers of a document, each of which is a connector of Dex.
func (t *translation) pinniped(n *yaml.Node) {
	domain := decode[pinnipedDomain](t.in, n)
	for i, p := range domain.Spec.Providers {
		path := fmt.Sprintf("spec.identityProviders[%d].transforms", i)
		b := &block{title: p.Name, connector: t.connector(p.Name), client: t.client("kubernetes")}
		b.when = "connector.id == " + strconv.Quote(b.connector)

		user := "identity.preferredUsername"
		addresses := false // whether people are called by them
		for _, e := range p.Transforms.Examples {
			addresses = addresses || anEmail.MatchString(e.Username)
		}
		for _, c := range p.Transforms.Constants {
			addresses = addresses || anEmail.MatchString(c.Text) || slices.ContainsFunc(c.Texts, anEmail.MatchString)
		}
		if addresses {
			user = "identity.email"
		}
		names := map[string]string{"username": user, "groups": "identity.groups"}
		if as := t.o.as["username"]; as != "" {
			user = as
		}
		b.notes = append(b.notes, "The username of Pinniped is "+user+" here: --as username=... says otherwise.")
		s := newScope("", names, t.o.as)
		s.strict, s.sets = true, true
		for _, c := range p.Transforms.Constants {
			if c.Type == "stringList" {
				s.constants["strListConst."+c.Name] = texts(c.Texts)
			} else {
				s.constants["strConst."+c.Name] = c.Text
			}
		}
		for _, e := range p.Transforms.Examples {
			who := person{UserID: "1", Groups: e.Groups}
			if user == "identity.email" {
				who.Email, who.EmailVerified = e.Username, true
			} else {
				who.PreferredUsername = e.Username
			}
			b.people = append(b.people, who)
		}

		named := false
		for j, e := range p.Transforms.Expressions {
			r := &rule{path: fmt.Sprintf("%s.expressions[%d]", path, j), at: e.Expression.place()}
			if !e.Expression.given() {
				r.at = e.Type.place()
			}
			switch e.Type.text {
			case "username/v1":
				r.claim, r.makes, named = "username", "username", true
			case "groups/v1":
				r.claim, r.makes, r.cast = "groups", "groups", castSet
			case "policy/v1":
				if r.message = e.Message; r.message == "" {
					r.message = "authentication was rejected by a configured policy"
				}
			default:
				t.in.wrong(e.Type.place(), r.path, fmt.Sprintf("there is no transform of the type %q", e.Type.text), "the types are username/v1, groups/v1 and policy/v1")
				continue
			}
			t.rule(b, r, e.Expression)
		}
		if !named {
			t.rule(b, &rule{claim: "username", path: path, at: place{n.Line, n.Column}}, scalar{text: "username"})
		}
		t.block(b, s)
	}
}

// castSet is a list of groups as Pinniped has it: each once.
func castSet(x any) any {
	groups, ok := castGroups(x).([]any)
	if !ok {
		return x
	}
	once := []any{}
	for _, g := range groups {
		if !slices.Contains(once, g) {
			once = append(once, g)
		}
	}
	return once
}
