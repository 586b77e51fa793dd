package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar"
)

// chosen looks whether the accounts that links of the plugin's configuration name are there.
func (d *doctor) chosen(users []dsm.User, c synology.Config) {
	if len(c.Links) == 0 {
		return
	}
	missing := 0
	for _, l := range c.Links {
		if !slices.ContainsFunc(users, func(u dsm.User) bool { return u.Name == l.Name }) {
			missing++
		}
	}
	if missing > 0 {
		d.wrong("links in the file", "links of the plugin name "+many(missing, "account")+" that the NAS does not have, so the addresses lead to nobody",
			"write the name exactly as DSM has it, in upper and lower case too")
		return
	}
	d.ok("links in the file", many(len(c.Links), "link")+" of the plugin, each to an account of the NAS")
}

// links looks at what ties people to the accounts of a plugin. A running sidecar keeps it.
func (d *doctor) links(ctx context.Context, p sidecar.DeclaredPlugin, users []dsm.User) {
	pin := d.pin(p.Name)
	if pin == nil {
		d.warn("links", "no lookup of "+p.Name+" has a pin, so whoever gets somebody's address one day gets the account with it",
			"write pin: {subject: identity.userId, account: "+p.Name+".name, id: "+p.Name+".uid} and state")
		return
	}
	list, err := d.askLinks(ctx)
	if err != nil {
		d.skip("links", "a running sidecar keeps them, and none answers here")
		return
	}
	if n := list.GetUnreadable(); n > 0 {
		d.wrong("links", many(int(n), "row")+" cannot be read, and nobody who is not linked yet gets in while that is so", "bring back the key that state had, or take all apart with claimsmith links reset --all")
	}
	byHand, total := 0, 0
	var odd []string
	for _, l := range list.GetLinks() {
		if l.GetPlugin() != p.Name {
			continue
		}
		total++
		if l.GetExplicit() {
			byHand++
		}
		if why := d.unfit(l, pin, users); why != "" {
			odd = append(odd, l.GetAccount()+" ("+why+")")
		}
	}
	d.linked(total, byHand, odd, pin)
}

func (d *doctor) linked(total, byHand int, odd []string, pin *sidecar.OutlinedPin) {
	said := fmt.Sprintf("%s linked to a person, %d of them by hand", accountsAre(total), byHand)
	if total == 0 {
		said = "nobody is linked to an account yet"
	}
	if pin.Required {
		said += "; only who is linked by hand may sign in"
	}
	switch {
	case len(odd) > 0:
		text := fmt.Sprintf("%s; %d of these links do not hold, and the people are turned away", said, len(odd))
		if d.o.ShowNames {
			slices.Sort(odd)
			text += ": " + strings.Join(odd, "; ")
		}
		do := "claimsmith links reset --account NAME for each that is meant"
		if !d.o.ShowNames {
			do = "--show-names tells which and why; " + do
		}
		d.warn("links", text, do)
	case pin.Required && byHand == 0:
		d.warn("links", said+", so nobody can sign in", "claimsmith links add")
	default:
		d.ok("links", said)
	}
}

// accountsAre is a number of accounts as the beginning of a sentence.
func accountsAre(n int) string {
	if n == 1 {
		return "1 account is"
	}
	return many(n, "account") + " are"
}

// unfit says why a link does not hold; empty: it does.
func (d *doctor) unfit(l *adminv1.Link, pin *sidecar.OutlinedPin, users []dsm.User) string {
	issuer := ""
	for _, c := range d.outline.Connectors {
		if c.Name == l.GetConnectorId() {
			issuer = c.Issuer
		}
	}
	switch {
	case issuer == l.GetIssuer():
	case l.GetIssuer() == "":
		return "made before an issuer was named for " + l.GetConnectorId() + ": claimsmith links adopt"
	default:
		return "made with another provider behind " + l.GetConnectorId()
	}
	id, err := strconv.ParseInt(l.GetAccountId(), 10, 64)
	numbered := err == nil && strings.HasSuffix(pin.ID, ".uid")
	for _, u := range users {
		switch {
		case u.Name == l.GetAccount() && numbered && u.UID != 0 && u.UID != id:
			return "the account was made anew"
		case u.Name == l.GetAccount():
			return ""
		case numbered && u.UID == id:
			return "the account was renamed"
		}
	}
	return "the account is gone"
}

// pin is that of a lookup of a plugin, the first that has one.
func (d *doctor) pin(plugin string) *sidecar.OutlinedPin {
	for _, l := range d.outline.Lookups {
		if l.Plugin == plugin && l.Pin != nil {
			return l.Pin
		}
	}
	return nil
}

func (d *doctor) askLinks(ctx context.Context) (*adminv1.ListLinksResponse, error) {
	at, err := sidecar.AdminSocket(d.o.File)
	if err != nil {
		return nil, err
	}
	conn, err := sidecar.DialAdmin(at)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	client := adminv1.NewLinkServiceClient(conn)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return client.ListLinks(ctx, &adminv1.ListLinksRequest{})
}
