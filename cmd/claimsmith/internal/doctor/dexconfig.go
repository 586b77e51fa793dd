package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
	"github.com/claimsmith/claimsmith/sidecar"
)

// dexConfig is the part of Dex's configuration that is looked at.
type dexConfig struct {
	Issuer string `json:"issuer"`
	Web    struct {
		AllowedOrigins []string `json:"allowedOrigins"`
	} `json:"web"`
	Connectors    []dexConnector `json:"connectors"`
	StaticClients []dexClient    `json:"staticClients"`
	Expiry        struct {
		IDTokens string `json:"idTokens"`
	} `json:"expiry"`
	ClaimsHook *claimshook.Config `json:"claimsHook"` // the hook's own type, which refuses what the hook would
}

type dexConnector struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Config struct {
		Issuer string `json:"issuer"`
	} `json:"config"`
}

// issuer is the provider behind a connector, if that is known.
func (c dexConnector) issuer() string {
	if c.Type == "google" {
		return "https://accounts.google.com" // it cannot be another
	}
	return c.Config.Issuer
}

type dexClient struct {
	ID           string   `json:"id"`
	IDEnv        string   `json:"idEnv"`
	Secret       string   `json:"secret"`
	SecretEnv    string   `json:"secretEnv"`
	RedirectURIs []string `json:"redirectURIs"`
}

// readDexConfig reads the file before all else, because other parts compare themselves with it.
func (d *doctor) readDexConfig() {
	d.redirect = d.o.RedirectURI
	if d.o.DexConfig == "" {
		return
	}
	d.part = "Dex's configuration " + d.o.DexConfig
	c, err := loadDexConfig(d.o.DexConfig)
	if err != nil {
		d.wrong("file", err.Error(), "mend it, or name another with --dex-config")
		return
	}
	d.dex = c
	if d.o.Dex == "" {
		d.o.Dex = c.Issuer
	}
	if client := d.dexClient(); client != nil && d.redirect == "" && len(client.RedirectURIs) > 0 {
		d.redirect = client.RedirectURIs[0]
	}
}

func loadDexConfig(file string) (*dexConfig, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var document map[string]any
	if yaml.Unmarshal(text, &document) != nil {
		return nil, errors.New("it is not YAML") // the error would repeat what may be a secret
	}
	asJSON, err := json.Marshal(document)
	if err != nil {
		return nil, errors.New("it is not the configuration of a Dex")
	}
	c := &dexConfig{}
	if err := json.Unmarshal(asJSON, c); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return nil, fmt.Errorf("%s is of another kind than Dex wants", wrong.Field)
		}
		return nil, err
	}
	return c, nil
}

// dexClient is the NAS as Dex knows it, if that is known.
func (d *doctor) dexClient() *dexClient {
	if d.dex == nil {
		return nil
	}
	for i := range d.dex.StaticClients {
		if d.dex.StaticClients[i].ID == d.o.Client {
			return &d.dex.StaticClients[i]
		}
	}
	return nil
}

// dexClients are the clients that Dex knows, if that is known.
func (d *doctor) dexClients() (names []string) {
	if d.dex == nil {
		return nil
	}
	for _, c := range d.dex.StaticClients {
		names = append(names, c.ID)
	}
	return names
}

// secret of a client, which may not be known here, and the place where it stands.
func (*dexConfig) secret(c *dexClient, file string) (secret, place string) {
	if c.SecretEnv != "" {
		return os.Getenv(c.SecretEnv), fmt.Sprintf("the variable %s in the environment of Dex, named in %s", c.SecretEnv, file)
	}
	return c.Secret, fmt.Sprintf("the key secret of the client %s in %s", c.ID, file)
}

// dexFile compares Dex's configuration with that of the sidecar.
func (d *doctor) dexFile() {
	if d.o.DexConfig == "" {
		d.skip("file", "--dex-config FILE names it: then the client, its redirect URI and the hook's part are looked at")
		return
	}
	if d.dex == nil {
		return // said when it was read
	}
	client := d.dexClient()
	if client == nil {
		d.wrong("client", fmt.Sprintf("staticClients has no client %s; it has %s", d.o.Client, list(d.dexClients())), "add it, or name the right one with --client")
		return
	}
	if secret, place := d.dex.secret(client, d.o.DexConfig); secret == "" && client.SecretEnv == "" {
		d.wrong("client", "the client has no secret, and DSM wants one", "write secretEnv: NAME, and give Dex that variable")
	} else {
		d.ok("client", "Dex knows the client "+client.ID+"; its secret is "+place)
	}
	if len(client.RedirectURIs) > 1 {
		d.warn("redirect URIs", "the client has several; DSM sends one of them, the one for the name under which it was opened", "give each name of the NAS a client of its own, or open DSM under one name only")
	}
	d.hook()
	d.providers()
	if d.o.Connector != "" && !slices.ContainsFunc(d.dex.Connectors, func(c dexConnector) bool { return c.ID == d.o.Connector }) {
		d.wrong("connector", "connectors has none with the id "+d.o.Connector, "rules name connectors by these ids")
	}
}

// providers compares who stands behind the connectors. Dex does not tell the sidecar, so the two files have to agree.
func (d *doctor) providers() {
	if d.outline == nil {
		return
	}
	pinned := slices.ContainsFunc(d.outline.Lookups, func(l sidecar.OutlinedLookup) bool { return l.Pin != nil })
	for _, c := range d.outline.Connectors {
		i := slices.IndexFunc(d.dex.Connectors, func(other dexConnector) bool { return other.ID == c.Name })
		if i < 0 || d.dex.Connectors[i].issuer() == "" {
			continue
		}
		name, theirs := "provider "+c.Name, d.dex.Connectors[i].issuer()
		switch {
		case c.Issuer == theirs:
			d.ok(name, "links are kept for "+theirs+", which is the one that Dex asks")
		case c.Issuer != "":
			d.wrong(name, "links are kept for "+c.Issuer+", and Dex asks "+theirs, "write issuer: "+theirs+" under connectors: who was linked with the other provider is turned away then, until claimsmith links reset")
		case pinned:
			d.warn(name, "no issuer is named for it, so links would hold for another provider too, should one stand behind this connector one day",
				"write issuer: "+theirs+" under connectors, then claimsmith links adopt --connector "+c.Name)
		}
	}
}

// hook compares claimsHook with the configuration of the sidecar.
func (d *doctor) hook() {
	h := d.dex.ClaimsHook
	switch {
	case h == nil:
		d.wrong("claimsHook", "there is no claimsHook in it, so Dex signs tokens without asking", "add claimsHook: {address: unix:///run/claimsmith/hook.sock, clients: ["+d.o.Client+"], claimsSupported: [username]}")
		return
	case d.outline != nil && d.outline.Socket != "" && h.Address != "unix://"+d.outline.Socket:
		d.warn("claimsHook", fmt.Sprintf("it asks at %s, and the sidecar listens at unix://%s", h.Address, d.outline.Socket), "that is right only where containers see the same socket under two names")
	case len(h.Clients) > 0 && !slices.Contains(h.Clients, d.o.Client):
		d.wrong("claimsHook", fmt.Sprintf("clients has %s, so Dex does not ask for tokens of %s", list(h.Clients), d.o.Client), "add "+d.o.Client+" to claimsHook.clients")
		return
	default:
		d.ok("claimsHook", "Dex asks at "+h.Address+" for tokens of "+d.o.Client)
	}
	if slices.Contains(h.SignUnchanged, d.o.Client) {
		d.warn("signUnchanged", "while the sidecar is down Dex signs tokens without "+usernameClaim+", and DSM shows an empty user in its log", "take "+d.o.Client+" off signUnchanged")
	}
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
