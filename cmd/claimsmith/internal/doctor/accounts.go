package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// accounts signs in, once, and counts. It tells why DSM did not show the accounts; empty: it did.
func (d *doctor) accounts(ctx context.Context, p replay.DeclaredPlugin, c synology.Config, trust *tls.Config) string {
	client, err := d.client(c, trust)
	if err != nil {
		d.wrong("login", err.Error(), "claimsmith check -c "+d.o.File+" shows the line")
		return "the accounts of " + p.Name + " could not be read: see above"
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = client.Close(ctx) // a session that is not ended ends by itself
	}()
	began := d.o.Now()
	users, err := client.Users(ctx)
	if err != nil {
		return d.refused(err, p.Name)
	}
	d.ok("login", "DSM lets the account of the plugin in")
	d.ok("list", fmt.Sprintf("the account may list users; there are %d", len(users)))
	d.addresses(users, c)
	d.chosen(users, c)
	d.links(ctx, p, users)
	admins, err := client.Administrators(ctx)
	if err != nil {
		d.warn("administrators", "the members of the group administrators cannot be read: "+err.Error(), "the account of the plugin has to be in that group itself")
		return ""
	}
	d.took = max(d.took, d.o.Now().Sub(began))
	d.administrators(ctx, p, users, admins, c)
	return ""
}

// refused says what DSM said to the login, or to the first list after it, and returns why nobody can be tried then.
func (d *doctor) refused(err error, plugin string) string {
	var refusal *dsm.Error
	if !errors.As(err, &refusal) {
		d.wrong("login", err.Error(), "open DSM in a browser at the url of the plugin; once its login page is there, run the doctor again")
		return "the accounts of " + plugin + " could not be read: see above"
	}
	if refusal.Method == "login" {
		d.wrong("login", sentence(refusal), "Control Panel, User & Group, the account of the plugin; and stop a sidecar that runs with the same password: the doctor tried once and does not repeat it")
		return "DSM refused the account of " + plugin + ", and a login that DSM refused is not repeated: it would count towards Auto Block"
	}
	d.ok("login", "DSM lets the account of the plugin in")
	do := "Control Panel, User & Group, the account of the plugin, Edit: applications and groups; the code says more in Log Center"
	if refusal.Code == 105 {
		do = "Control Panel, User & Group, the account, Edit, User Groups: tick administrators; deny it all applications but DSM and all shared folders"
	}
	d.wrong("list", sentence(refusal), do)
	return "DSM does not show the list to the account of " + plugin + ": see above"
}

// sentence is a refusal without the name of the call, and without what a client does about it that lives longer than this one.
func sentence(refusal *dsm.Error) string {
	text := strings.TrimPrefix(refusal.Error(), refusal.API+" "+refusal.Method+": ")
	said, _, stops := strings.Cut(text, "; no login is tried again")
	if !stops {
		return text
	}
	return fmt.Sprintf("%s (code %d)", said, refusal.Code)
}

// active tells whether DSM says that an account is not switched off. Dates are left to the plugin.
func active(u dsm.User) bool { return u.Expired != "now" && u.Expired != dsm.Unstated }

// addresses counts who can be found by an address, and who cannot.
func (d *doctor) addresses(users []dsm.User, c synology.Config) {
	without, on, with, unstated, spaced := 0, 0, 0, 0, 0
	for _, u := range users {
		if u.Expired == dsm.Unstated {
			unstated++
		}
		if synology.HasAddress(u) {
			with++
		}
		if strings.ContainsFunc(u.Email, unicode.IsSpace) {
			spaced++
		}
		if !active(u) {
			continue
		}
		on++
		if !synology.HasAddress(u) && u.Name != c.Account && !linked(c, u.Name) {
			without++
		}
	}
	if unstated > 0 {
		d.warn("state", fmt.Sprintf("of %s DSM does not say whether they are switched off, so they are taken to be", many(unstated, "account")), "that is known of some directories; use local accounts")
	}
	const edit = "Control Panel, User & Group, the account, Edit, Info: Email"
	switch {
	case with == 0 && len(c.Links) == 0:
		d.wrong("addresses", "no account has an e-mail address, so nobody can be found by one", edit)
	case without > 0:
		d.warn("addresses", fmt.Sprintf("%d of %s that are switched on have no e-mail address, and cannot be found by one", without, many(on, "account")), edit+"; nothing to do for those who need no single sign-on")
	default:
		d.ok("addresses", "every account that is switched on has an e-mail address, but for the plugin's own")
	}
	if spaced > 0 {
		d.warn("spaces", "a space is in "+many(spaced, "address")+": addresses are compared whole, and no provider sends such a one", edit)
	}
	d.duplicates(users)
}

func (d *doctor) duplicates(users []dsm.User) {
	var shared []string
	for _, names := range synology.SharedAddresses(users) {
		shared = append(shared, strings.Join(names, " and "))
	}
	said := "1 address is that of several accounts, and finds nobody"
	if len(shared) > 1 {
		said = fmt.Sprintf("%d addresses are each that of several accounts, and find nobody", len(shared))
	}
	switch {
	case len(shared) == 0:
		d.ok("duplicates", "no two accounts share an address")
	case d.o.ShowNames:
		d.warn("duplicates", said+": "+strings.Join(shared, "; "), "give each account an address of its own, or write links")
	default:
		d.warn("duplicates", said, "--show-names tells whose; give each account an address of its own, or write links")
	}
}

func linked(c synology.Config, name string) bool {
	return slices.ContainsFunc(c.Links, func(l synology.Link) bool { return l.Name == name })
}

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "s") {
		what += "e"
	}
	return fmt.Sprintf("%d %ss", n, what)
}
