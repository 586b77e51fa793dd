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
	RedirectURI   string `json:"redirectUri"`
	Scope         string `json:"authorizationScope"`
	UsernameClaim string `json:"usernameClaim"`
}

// usernameClaim is the claim that the form names.
const usernameClaim = "username"

func (d *doctor) form(issuer string) *Form {
	f := &Form{
		Profile: "OIDC", AccountType: "Domain/LDAP/local", Name: "Google", WellKnown: wellKnown(issuer), ApplicationID: d.o.Client,
		SecretPlace: "the secret of the client in Dex's configuration", RedirectURI: d.redirect, Scope: "openid profile email", UsernameClaim: usernameClaim,
	}
	if c := d.dexClient(); c != nil {
		var secret string
		secret, f.SecretPlace = d.dex.secret(c, d.o.DexConfig)
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
		secret = "(" + f.SecretPlace + "; --show-secret prints it)"
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
		fmt.Fprintf(b, "  %-20s %s\n", row[0], row[1])
	}
	wrap(b, "  ", "Why not preferred_username: it works too and is weaker. A Dex without the hook fills it from the upstream, where people may choose "+
		"it, so that a Dex started by mistake without the hook would let them choose an account; nobody but these rules sets username.")
}
