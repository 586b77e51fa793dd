package doctor

import (
	"fmt"
	"strings"
)

// Form is what DSM's form takes: Control Panel, Domain/LDAP, SSO Client. Empty values are not known.
type Form struct {
	Profile       string `json:"profile"`
	AccountType   string `json:"accountType"`
	Name          string `json:"name"`
	WellKnown     string `json:"wellKnownUrl"`
	ApplicationID string `json:"applicationId"`
	Secret        string `json:"applicationSecret,omitempty"` // only when it was asked for
	SecretPlace   string `json:"applicationSecretPlace"`      // where it stands
	SecretHint    string `json:"applicationSecretHint"`       // how to get at it
	RedirectURI   string `json:"redirectUri"`
	Scope         string `json:"authorizationScope"`
	UsernameClaim string `json:"usernameClaim"`
}

// usernameClaim is the claim that the form names.
const usernameClaim = "username"

func (d *doctor) form(issuer string) *Form {
	f := &Form{
		Profile: "OIDC", AccountType: "Domain/LDAP/local", Name: "Google", WellKnown: wellKnown(issuer), ApplicationID: d.o.Client,
		SecretPlace: "the secret of the client in Dex's configuration", SecretHint: "--dex-config names that, and --show-secret prints it",
		RedirectURI: d.redirect, Scope: "openid profile email", UsernameClaim: usernameClaim,
	}
	switch c := d.dexClient(); {
	case c == nil && d.dex != nil:
		f.SecretPlace, f.SecretHint = "Dex has no client "+d.o.Client, "name the right one with --client"
	case c != nil:
		var secret string
		secret, f.SecretPlace = d.dex.secret(c, d.o.DexConfig)
		f.SecretHint = "--show-secret prints it"
		if secret == "" {
			f.SecretHint = "not set here: look where Dex gets it, like secrets/dex.env"
		}
		if d.o.ShowSecret {
			f.Secret = secret
		}
	}
	return f
}

func (f *Form) render(b *strings.Builder) {
	b.WriteString("\nDSM: Control Panel, Domain/LDAP, SSO Client, tick Enable OpenID Connect SSO service, OpenID Connect SSO Settings\n")
	secret := f.Secret
	if secret == "" {
		secret = "(" + f.SecretPlace + "; " + f.SecretHint + ")"
	}
	redirect := f.RedirectURI
	if redirect == "" {
		redirect = "(the address of DSM, as Dex's redirectURIs have it: --dex-config or --redirect-uri)"
	}
	for _, row := range [][2]string{
		{"Profile", f.Profile}, {"Account type", f.AccountType}, {"Name", f.Name}, {"Well-known URL", f.WellKnown},
		{"Application ID", f.ApplicationID}, {"Application secret", secret}, {"Redirect URI", redirect},
		{"Authorization scope", f.Scope}, {"Username claim", f.UsernameClaim},
	} {
		if heading := fmt.Sprintf("  %-20s ", row[0]); strings.HasPrefix(row[1], "(") {
			wrap(b, heading, row[1])
		} else {
			b.WriteString(heading + row[1] + "\n") // as it is: it is copied
		}
	}
	wrap(b, "  ", "Why not preferred_username: it works too and is weaker. A Dex without the hook fills it from the upstream, where people may choose "+
		"it, so that a Dex started by mistake without the hook would let them choose an account; nobody but these rules sets username.")
}
