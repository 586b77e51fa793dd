package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// The facts of an administrator, found by an address and by links of the plugin.
const (
	anAdministrator      = `{"found":true,"name":"doctor","uid":1024,"admin":true,"groups":["administrators","users"]}`
	aLinkedAdministrator = `{"found":true,"name":"doctor","uid":1024,"admin":true,"groups":["administrators","users"],"linked":true}`
)

// administrators looks whether those who rule the NAS can be reached by e-mail, and what the rules make of one.
func (d *doctor) administrators(ctx context.Context, p replay.DeclaredPlugin, users []dsm.User, admins []string, c synology.Config) {
	if d.idle {
		d.skip("administrators", "no rule applies to a client "+d.o.Client+", so none was tried")
		return
	}
	exposed := 0
	var named []string // by links
	for _, u := range users {
		if !active(u) || !slices.Contains(admins, u.Name) {
			continue
		}
		if linked(c, u.Name) {
			named = append(named, u.Name)
		}
		if synology.HasAddress(u) && !leads(c, u) {
			exposed++
		}
	}
	byLink := d.byLink(ctx, p.Name, named)
	if exposed == 0 {
		other := "no "
		if len(named) > 0 {
			other = "no other "
		}
		d.ok("administrators", other+"administrator who is switched on has an e-mail address"+byLink)
		return
	}
	have := many(exposed, "administrator") + " can be reached by e-mail"
	const do = "take the address away from the account, or write deny: nas.admin && not nas.linked in the rules"
	switch outcome, rule := d.tryAdministrator(ctx, p.Name, anAdministrator); outcome {
	case "denied":
		d.ok("administrators", have+", and the rules turn them away ("+rule+")"+byLink)
	case "patched", "unchanged":
		d.wrong("administrators", have+", and the rules let them in: whoever holds such a mailbox rules the NAS"+byLink, do)
	default:
		d.unknown("administrators", have+"; it could not be tried what the rules make of one"+byLink, do)
	}
}

// leads tells whether links of the plugin take the place of the address of an account.
func leads(c synology.Config, u dsm.User) bool {
	return slices.ContainsFunc(c.Links, func(l synology.Link) bool { return synology.SameAddress(l.Email, u.Email) })
}

// byLink says what becomes of the administrators whom links name; empty when there are none.
func (d *doctor) byLink(ctx context.Context, plugin string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	be := map[bool]string{true: "is", false: "are"}[len(names) == 1]
	switch outcome, rule := d.tryAdministrator(ctx, plugin, aLinkedAdministrator); outcome {
	case "denied":
		return fmt.Sprintf("; links name %d, and the rules turn them away all the same (%s): %s", len(names), rule, strings.Join(names, ", "))
	case "patched", "unchanged":
		return fmt.Sprintf("; %d %s let in because links name them: %s", len(names), be, strings.Join(names, ", "))
	}
	return fmt.Sprintf("; links name %d: %s", len(names), strings.Join(names, ", "))
}

// tryAdministrator runs the rules, offline, on somebody of whom the lookups of a plugin find these facts.
func (d *doctor) tryAdministrator(ctx context.Context, plugin, facts string) (outcome, rule string) {
	connector := d.connector()
	if connector == nil {
		return "", ""
	}
	explanation, err := d.imagine(ctx, *connector, func(asked string) string {
		if asked == plugin {
			return facts
		}
		return `{"found":false,"problem":"none"}`
	})
	if err != nil {
		return "", ""
	}
	return explanation.Outcome, explanation.Rule
}

// imagine runs the rules, offline, on somebody who comes by a connector, and of whom a plugin knows what facts say.
func (d *doctor) imagine(ctx context.Context, by replay.OutlinedConnector, facts func(plugin string) string) (*replay.Explanation, error) {
	domain := "example.org"
	if len(by.Domains) > 0 && by.Domains[0] != "*" {
		domain = by.Domains[0]
	}
	req := replay.Request{
		Client: d.o.Client, Connector: by.Name, Facts: map[string]json.RawMessage{},
		Identity: replay.RequestIdentity{UserID: "doctor", Email: "doctor@" + domain, EmailVerified: true},
		Links:    d.assumed(),
	}
	for _, l := range d.outline.Lookups {
		req.Facts[l.Alias] = json.RawMessage(facts(l.Plugin))
	}
	return replay.Explain(ctx, d.o.File, d.o.Sidecar, req)
}
