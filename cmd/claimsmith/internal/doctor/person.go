package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
	"github.com/claimsmith/claimsmith/sidecar/duration"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// person tries what a login of somebody would come to, with the real plugins and without a browser.
func (d *doctor) person(ctx context.Context) {
	d.part = "How long facts live"
	d.lifetimes()
	d.part = "A person"
	if d.o.Email != "" {
		d.part = "A person with the address " + d.o.Email
	}
	switch {
	case d.o.Email == "":
		d.skip("dry run", "--email ADDRESS says who is tried: the plugins are asked, the rules decide, and no token is made")
	case !synology.HasAddress(dsm.User{Email: d.o.Email}):
		d.wrong("dry run", "this is no e-mail address", "write it whole, like --email mum@gmail.com")
	case d.absent:
		d.unknown("dry run", "the configuration says who is let in", "-c FILE names it")
	case d.outline == nil || !d.usable:
		d.unknown("dry run", "the configuration cannot be served", "claimsmith check -c "+d.o.File)
	case d.closed != "":
		d.unknown("dry run", d.closed, "see above")
	case d.connector() == nil:
		d.wrong("dry run", "connectors names nobody whose word on an address counts, so rules see no address", "write connectors: {google: {emailDomains: [gmail.com]}}")
	default:
		d.try(ctx)
	}
}

func (d *doctor) try(ctx context.Context) {
	explanation, err := replay.ExplainLive(ctx, d.o.File, d.o.Sidecar, replay.Request{
		Client: d.o.Client, Connector: d.connector().Name, Scopes: []string{"openid", "profile", "email"},
		Identity: replay.RequestIdentity{UserID: "doctor", Username: "Doctor", Email: d.o.Email, EmailVerified: true}, Links: d.assumed(),
	})
	if err != nil {
		d.wrong("dry run", err.Error(), "claimsmith check -c "+d.o.File)
		return
	}
	more := fmt.Sprintf("claimsmith explain --live -c %s --client %s --connector %s --email ... --verified shows each step", d.o.File, d.o.Client, d.connector().Name)
	switch explanation.Outcome {
	case "failed":
		d.wrong("dry run", "no token, because something failed: "+explanation.Err, more)
		return
	case "denied":
		said, do := "turned away by "+explanation.Rule+"; the person reads: "+explanation.Message, "nothing, if that is meant; otherwise Control Panel, User & Group, the account, Edit, or the rule in "+d.o.File+". "+more
		if explanation.Doubt != "" {
			said, do = said+" Rules see no address, because "+explanation.Doubt, d.believe()+". "+more
		}
		d.warn("dry run", said, do)
		return
	}
	if untouched(explanation) {
		d.warn("dry run", "no rule applies to this login by the client "+d.o.Client+", so its tokens are as Dex makes them, without "+usernameClaim, "name the right client with --client, or write rules for it")
		return
	}
	said := "the rules let this person in, if " + d.connector().Name + " says that the address is verified"
	if len(d.assumed()) > 0 {
		said += " and the account is not linked to somebody else"
	}
	d.ok("dry run", said)
	d.claim(explanation, more)
}

// believe says how a connector's word on an address comes to count.
func (d *doctor) believe() string {
	name := d.connector().Name
	domain := d.o.Email[strings.LastIndexByte(d.o.Email, '@')+1:]
	return fmt.Sprintf("add %s to emailDomains of %s under connectors, if %s's word on addresses of that domain is to count", domain, name, name)
}

// assumed are the links that a person is given who was not asked who they are: that their account is theirs.
func (d *doctor) assumed() map[string]string {
	out := map[string]string{}
	for _, l := range d.outline.Lookups {
		switch {
		case l.Pin == nil:
		case l.Pin.Required:
			out[l.Alias] = "explicit"
		default:
			out[l.Alias] = "first"
		}
	}
	return out
}

// claim looks where the claim would be. Dex's userinfo repeats the access token, so what is in that is in userinfo.
func (d *doctor) claim(explanation *replay.Explanation, more string) {
	values := map[string]string{}
	for _, t := range explanation.Tokens {
		var claims map[string]any
		if json.Unmarshal(t.Claims, &claims) != nil {
			continue
		}
		value, _ := claims[usernameClaim].(string)
		for _, kind := range strings.Split(t.Kind, " and ") {
			values[kind] = value
		}
	}
	id, access := values["id"], values["access"]
	switch {
	case id != "" && id == access:
		d.ok("claim", fmt.Sprintf("the rules would set %s to %q in the ID token and in /userinfo, which is where DSM is thought to read it; no token was made", usernameClaim, id))
	case access == "":
		d.wrong("claim", usernameClaim+" is not in /userinfo, which is where DSM is thought to read it: DSM shows an empty user in its log", "set "+usernameClaim+" in a step that does not depend on token. "+more)
	default:
		d.warn("claim", usernameClaim+" is in /userinfo and not the same in the ID token", "set it in a step that does not depend on token. "+more)
	}
}

// lifetimes adds up how long somebody can go on signing in after the account was switched off.
func (d *doctor) lifetimes() {
	switch {
	case d.absent:
		d.skip("facts", "the configuration says so")
		return
	case d.outline == nil:
		d.skip("facts", "the configuration cannot be read")
		return
	}
	worst := *d.outline.Worst
	said := "a fact is up to " + duration.Short(worst.Facts()) + " old when it is used: what the plugin keeps, and the longer of ttl and maxStale"
	if worst.Facts() == 0 {
		said = "facts are asked for each time"
	}
	if names := worst.Undeclared(); len(names) > 0 {
		said += "; older where a plugin keeps what it does not declare: " + strings.Join(names, ", ")
	}
	d.ok("facts", said)
	if d.dex == nil {
		d.skip("tokens", "a token lives on as long as expiry.idTokens in Dex's configuration says: --dex-config; DSM's own session is up to DSM")
		return
	}
	if d.dex.Expiry.IDTokens != "" {
		parsed, err := time.ParseDuration(d.dex.Expiry.IDTokens)
		if err != nil {
			d.wrong("tokens", "expiry.idTokens is no duration", "write it like 10m")
			return
		}
		worst.Token = parsed
	}
	said = "a token lives for " + duration.Short(worst.Token) + ", so the worst case after an account is switched off is " + duration.Short(worst.Total()) + ", and then DSM's own session"
	if worst.Token > time.Hour {
		d.warn("tokens", said, "write expiry: {idTokens: 10m} in Dex's configuration: DSM needs the token for the moment of the login only")
		return
	}
	d.ok("tokens", said)
}
