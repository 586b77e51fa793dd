package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// autheliaAttributes are what expressions of Authelia see of a person, as far as a connector of Dex knows it.
var autheliaAttributes = map[string]string{
	"username": "identity.preferredUsername", "display_name": "identity.username", "email": "identity.email", "groups": "identity.groups",
}

type autheliaPolicy struct {
	Custom map[string]struct {
		Name      string `yaml:"name"`
		Attribute scalar `yaml:"attribute"`
	} `yaml:"custom_claims"`
	IDToken     []string `yaml:"id_token"`
	AccessToken []string `yaml:"access_token"`
}

type autheliaOIDC struct {
	Policies map[string]autheliaPolicy `yaml:"claims_policies"`
	Scopes   map[string]struct {
		Claims []string `yaml:"claims"`
	} `yaml:"scopes"`
	Clients []struct {
		ID     string `yaml:"client_id"`
		Policy string `yaml:"claims_policy"`
	} `yaml:"clients"`
}

// autheliaConfiguration is a whole configuration, or the part of it below identity_providers.oidc.
type autheliaConfiguration struct {
	Definitions struct {
		Attributes map[string]struct {
			Expression scalar `yaml:"expression"`
		} `yaml:"user_attributes"`
	} `yaml:"definitions"`
	Providers struct {
		OIDC autheliaOIDC `yaml:"oidc"`
	} `yaml:"identity_providers"`
	autheliaOIDC `yaml:",inline"`
}

// authelia reads the claims policies of a document: their custom claims, for the clients that have them.
func (t *translation) authelia(n *yaml.Node) {
	config := decode[autheliaConfiguration](t.in, n)
	oidc := config.Providers.OIDC
	if len(oidc.Policies) == 0 {
		oidc = config.autheliaOIDC
	}
	scopesOf := map[string][]string{} // of a claim
	for _, name := range sortedKeys(oidc.Scopes) {
		for _, claim := range oidc.Scopes[name].Claims {
			scopesOf[claim] = append(scopesOf[claim], name)
		}
	}
	for _, name := range sortedKeys(oidc.Policies) {
		policy := oidc.Policies[name]
		b := &block{title: "the policy " + name, connector: t.connector("upstream"), client: t.client("app")}
		var clients []string
		for _, c := range oidc.Clients {
			if c.Policy == name {
				clients = append(clients, c.ID)
			}
		}
		switch {
		case len(clients) == 1:
			b.client, b.when = clients[0], "client.id == "+strconv.Quote(clients[0])
		case len(clients) > 1:
			b.client, b.when = clients[0], "client.id in "+constant(texts(clients)).text
		case t.o.client != "":
			b.when = "client.id == " + strconv.Quote(t.o.client)
		default:
			b.notes = append(b.notes, "No client of the original has this policy: it is for all, until when: client.id == \"...\" says for which.")
		}
		s := newScope("", autheliaAttributes, t.o.as)
		for _, key := range sortedKeys(policy.Custom) {
			custom := policy.Custom[key]
			r := &rule{claim: key, path: fmt.Sprintf("claims_policies.%s.custom_claims.%s", name, key), at: custom.Attribute.place()}
			if custom.Name != "" {
				r.claim = custom.Name
			}
			attribute := custom.Attribute.text
			if attribute == "" {
				attribute = key
			}
			if r.when = scopeCondition(scopesOf[r.claim]); r.when != "" {
				b.scopes = append(b.scopes, scopesOf[r.claim][0])
			}
			if slices.Contains(policy.IDToken, r.claim) && !slices.Contains(policy.AccessToken, r.claim) {
				r.notes = append(r.notes, "The original has it in ID tokens alone: when: token == \"id\" does that.")
			}
			if defined, ok := config.Definitions.Attributes[attribute]; ok {
				r.at, r.path = defined.Expression.place(), "definitions.user_attributes."+attribute
				t.rule(b, r, defined.Expression)
				continue
			}
			t.rule(b, r, scalar{text: attribute, node: custom.Attribute.node})
		}
		if len(b.scopes) > 0 {
			b.scopes = append([]string{"openid", "profile", "email", "groups"}, slices.Compact(slices.Sorted(slices.Values(b.scopes)))...)
		}
		t.block(b, s)
	}
}

// scopeCondition holds where one of the scopes was asked for.
func scopeCondition(scopes []string) string {
	return strings.Join(each(scopes, func(s string) string { return strconv.Quote(s) + " in scopes" }), " or ")
}
