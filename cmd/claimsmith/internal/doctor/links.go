package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc"

	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar/replay"
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
func (d *doctor) links(ctx context.Context, p replay.DeclaredPlugin, users []dsm.User) {
	pin := d.pin(p.Name)
	if pin == nil {
		d.warn("links", "no lookup of "+p.Name+" has a pin, so whoever gets somebody's address one day gets the account with it",
			"write pin: {subject: identity.userId, account: "+p.Name+".name, id: "+p.Name+".uid} and state")
		return
	}
	list, err := d.askLinks(ctx)
	switch {
	case err != nil && d.running:
		d.wrong("links", "the running sidecar cannot read its links, so nobody signs in: "+err.Error(), "make the folder of state writable for the user of the sidecar (claimsmith status -c "+d.o.File+" says which it is), and start the sidecar again")
		return
	case err != nil:
		d.unknown("links", "a running sidecar keeps them, and none answers here", d.start())
		return
	}
	if n := list.GetUnreadable(); n > 0 {
		d.wrong("links", many(int(n), "row")+" cannot be read, and nobody gets in whose link they are or who is not linked yet", "bring back the key that state had, or take all apart with claimsmith links reset --all")
	}
	if len(list.GetLinks()) == 0 && (list.GetUnreadable() > 0 || list.GetLost() != nil) {
		return // whether anybody is linked is not known
	}
	byHand, total := 0, 0
	var odd misfits
	for _, l := range list.GetLinks() {
		if l.GetPlugin() != p.Name {
			continue
		}
		total++
		if l.GetExplicit() {
			byHand++
		}
		if why, adopt := d.unfit(l, pin, users); why != "" {
			odd.note(l, why, adopt)
		}
	}
	d.linked(total, byHand, odd, pin)
}

// misfits are links that do not hold.
type misfits struct {
	said  []string // account and reason
	adopt []string // connectors, of those that keep no provider
	reset bool     // there are others
}

func (m *misfits) note(l *adminv1.Link, why string, adopt bool) {
	m.said = append(m.said, l.GetAccount()+" ("+why+")")
	switch {
	case !adopt:
		m.reset = true
	case !slices.Contains(m.adopt, l.GetConnectorId()):
		m.adopt = append(m.adopt, l.GetConnectorId())
	}
}

// do says what to do about them.
func (m *misfits) do() string {
	var do []string
	slices.Sort(m.adopt)
	for _, connector := range m.adopt {
		do = append(do, "claimsmith links adopt --connector "+connector+" if they were made with the provider that is behind it now")
	}
	if m.reset {
		do = append(do, "claimsmith links reset --account NAME for each that is meant")
	}
	return strings.Join(do, "; ")
}

func (d *doctor) linked(total, byHand int, odd misfits, pin *replay.OutlinedPin) {
	said := fmt.Sprintf("%s linked to a person, %d of them by hand", accountsAre(total), byHand)
	if total == 0 {
		said = "nobody is linked to an account yet"
	}
	if pin.Required {
		said += "; only people linked by hand may sign in"
	}
	switch {
	case len(odd.said) > 0:
		text := said + "; " + doNotHold(len(odd.said))
		if d.o.ShowNames {
			slices.Sort(odd.said)
			text += ": " + strings.Join(odd.said, "; ")
		}
		do := odd.do()
		if !d.o.ShowNames {
			do = "--show-names tells which and why; " + do
		}
		d.warn("links", text, do)
	case pin.Required && byHand == 0:
		d.wrong("links", said+", so nobody can sign in", "claimsmith links add -c "+d.o.File)
	default:
		d.ok("links", said)
	}
}

// doNotHold says how many links have no effect.
func doNotHold(n int) string {
	if n == 1 {
		return "1 of these links does not hold, and its person is turned away"
	}
	return fmt.Sprintf("%d of these links do not hold, and the people are turned away", n)
}

// accountsAre is a number of accounts as the beginning of a sentence.
func accountsAre(n int) string {
	if n == 1 {
		return "1 account is"
	}
	return many(n, "account") + " are"
}

// unfit says why a link does not hold, and whether adopting it is enough to mend that; empty: it holds.
func (d *doctor) unfit(l *adminv1.Link, pin *replay.OutlinedPin, users []dsm.User) (why string, adopt bool) {
	issuer := ""
	for _, c := range d.outline.Connectors {
		if c.Name == l.GetConnectorId() {
			issuer = c.Issuer
		}
	}
	switch {
	case issuer == l.GetIssuer():
	case l.GetIssuer() == "":
		return "made before an issuer was named for " + l.GetConnectorId(), true
	default:
		return "made with another provider behind " + l.GetConnectorId(), false
	}
	id, err := strconv.ParseInt(l.GetAccountId(), 10, 64)
	numbered := err == nil && strings.HasSuffix(pin.ID, ".uid")
	for _, u := range users {
		switch {
		case u.Name == l.GetAccount() && numbered && u.UID != 0 && u.UID != id:
			return "the account was made again", false
		case u.Name == l.GetAccount():
			return "", false
		case numbered && u.UID == id:
			return "the account was renamed", false
		}
	}
	return "the account is gone", false
}

// pin is that of a lookup of a plugin, the first that has one.
func (d *doctor) pin(plugin string) *replay.OutlinedPin {
	for _, l := range d.outline.Lookups {
		if l.Plugin == plugin && l.Pin != nil {
			return l.Pin
		}
	}
	return nil
}

func (d *doctor) askLinks(ctx context.Context) (list *adminv1.ListLinksResponse, err error) {
	err = d.operator(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		list, err = adminv1.NewLinkServiceClient(conn).ListLinks(ctx, &adminv1.ListLinksRequest{})
		return err
	})
	return list, err
}
