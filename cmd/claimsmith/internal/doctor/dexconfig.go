package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
	"github.com/claimsmith/claimsmith/sidecar/duration"
	"github.com/claimsmith/claimsmith/sidecar/replay"
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
	Storage struct {
		Type string `json:"type"`
	} `json:"storage"`
	Signer     dexSigner       `json:"signer"`
	ClaimsHook json.RawMessage `json:"claimsHook"` // which Dex does not know, and ignores
}

// dexSigner is the hook in a signer of the type claimsHook, and nil in any other.
type dexSigner struct{ hook *claimshook.Config }

// UnmarshalJSON takes the hook's own type, which refuses what the hook would.
func (s *dexSigner) UnmarshalJSON(data []byte) error {
	var signer struct {
		Type   string          `json:"type"`
		Config json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal(data, &signer); err != nil || signer.Type != "claimsHook" {
		return err
	}
	s.hook = new(claimshook.Config)
	if len(signer.Config) == 0 {
		signer.Config = json.RawMessage("null")
	}
	return s.hook.UnmarshalJSON(signer.Config)
}

type dexConnector struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Config struct {
		Issuer      string `json:"issuer"`
		ClientID    string `json:"clientID"`
		RedirectURI string `json:"redirectURI"`
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
		d.wrong("file", err.Error(), "correct the file; dex serve says the line")
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

// DexStorage returns the type of the storage in a configuration of Dex, or nothing if none stands there.
func DexStorage(file string) (string, error) {
	c, err := loadDexConfig(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return c.Storage.Type, nil
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
func (d *doctor) dexFile(ctx context.Context) {
	if d.o.DexConfig == "" {
		d.unknown("file", "the client, its redirect URIs, its connectors and the hook's part were not looked at", "--dex-config FILE names it")
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
	d.storage()
	d.hook()
	d.providers()
	d.callbacks()
	d.ways(ctx)
	if d.o.Connector != "" && !slices.ContainsFunc(d.dex.Connectors, func(c dexConnector) bool { return c.ID == d.o.Connector }) {
		d.wrong("connector", "connectors has none with the id "+d.o.Connector, "rules name connectors by these ids")
	}
}

// providers compares who stands behind the connectors. Dex does not tell the sidecar, so the two files have to agree.
func (d *doctor) providers() {
	if d.outline == nil {
		return
	}
	pinned := slices.ContainsFunc(d.outline.Lookups, func(l replay.OutlinedLookup) bool { return l.Pin != nil })
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
			d.wrong(name, "links are kept for "+c.Issuer+", and Dex asks "+theirs, "write issuer: "+theirs+" under connectors: people linked with the other provider are turned away then, until claimsmith links reset")
		case pinned:
			d.warn(name, "no issuer is named for it, so links would hold for another provider too, should one stand behind this connector one day",
				"write issuer: "+theirs+" under connectors, then claimsmith links adopt --connector "+c.Name)
		}
	}
}

// callbacks looks whether each connector sends people back to this Dex, and whether somebody filled it in.
func (d *doctor) callbacks() {
	for _, c := range d.dex.Connectors {
		name := "connector " + c.ID
		want := strings.TrimRight(d.dex.Issuer, "/") + "/callback"
		switch {
		case strings.Contains(c.Config.ClientID, "YOUR-"):
			d.wrong(name, "clientID is still "+c.Config.ClientID, "write the client ID that the provider gave you")
		case c.Config.RedirectURI != "" && c.Config.RedirectURI != want:
			d.wrong(name, "redirectURI is "+c.Config.RedirectURI+", and this Dex answers at "+want, "write redirectURI: "+want+" here, and the same at the provider")
		}
	}
	if d.outline == nil || len(d.dex.Connectors) == 0 {
		return
	}
	for _, c := range d.outline.Connectors {
		if !slices.ContainsFunc(d.dex.Connectors, func(other dexConnector) bool { return other.ID == c.Name }) {
			d.warn("connector "+c.Name, "the rules name it, and Dex has no connector of that id", "write the id that Dex has in connectors: "+list(d.connectorIDs()))
		}
	}
}

func (d *doctor) connectorIDs() (ids []string) {
	for _, c := range d.dex.Connectors {
		ids = append(ids, c.ID)
	}
	return ids
}

// ways tries, offline, what the rules make of a person of the household by each connector of Dex.
func (d *doctor) ways(ctx context.Context) {
	if d.outline == nil || !d.usable || d.idle || len(d.outline.Lookups) == 0 {
		return
	}
	var closed []string
	for _, id := range d.connectorIDs() {
		by := replay.OutlinedConnector{Name: id}
		for _, c := range d.outline.Connectors {
			if c.Name == id {
				by = c
			}
		}
		explanation, err := d.imagine(ctx, by, func(string) string { return aPerson })
		switch {
		case err != nil:
			d.unknown("way in "+id, "the rules could not be tried: "+err.Error(), "claimsmith check -c "+d.o.File)
		case explanation.Outcome == "denied":
			closed = append(closed, id)
			d.warn("way in "+id, "Dex offers it, and the rules turn away whoever comes by it ("+explanation.Rule+"): "+explanation.Message, "write the id of the connector in the rules as Dex has it, or take the connector out of Dex")
		}
	}
	if len(closed) > 0 && len(closed) == len(d.dex.Connectors) {
		d.wrong("ways in", "the rules turn away whoever comes by any of the connectors of Dex: "+list(closed), "use one id in both files: connectors in "+d.o.File+" and in "+d.o.DexConfig)
	}
}

// aPerson is somebody of the household, as a plugin knows one.
const aPerson = `{"found":true,"name":"doctor","uid":1030,"admin":false,"groups":["users"]}`

// storage says what a Dex that was built without cgo, as images for another platform may be, does not know.
func (d *doctor) storage() {
	if d.dex.Storage.Type == "sqlite3" {
		d.warn("storage", "storage is sqlite3, which is only in a Dex that was built with a C compiler; dex version says no-sqlite3 where it is not",
			"build Dex where there is a C compiler, or write another storage: memory, postgres, mysql, etcd or kubernetes")
	}
}

// hook compares the signer of the type claimsHook with the configuration of the sidecar.
func (d *doctor) hook() {
	h := d.dex.Signer.hook
	switch {
	case h == nil && d.dex.ClaimsHook != nil:
		d.wrong("claimsHook", "claimsHook stands at the top, where Dex ignores it and signs tokens without asking", "write signer: {type: claimsHook, config: ...} with what stands under it")
		return
	case h == nil:
		d.wrong("claimsHook", "its signer is not of the type claimsHook, so Dex signs tokens without asking", "add signer: {type: claimsHook, config: {address: unix:///run/claimsmith/hook.sock, clients: ["+d.o.Client+"], claimsSupported: [username]}}")
		return
	case d.outline != nil && d.outline.Socket != "" && h.Address != "unix://"+d.outline.Socket:
		d.socketName(h.Address, fmt.Sprintf("it asks at %s, and the sidecar listens at unix://%s", h.Address, d.outline.Socket))
	case len(h.Clients) > 0 && !slices.Contains(h.Clients, d.o.Client):
		d.wrong("claimsHook", fmt.Sprintf("clients has %s, so Dex does not ask for tokens of %s", list(h.Clients), d.o.Client), "add "+d.o.Client+" to clients of signer.config")
		return
	default:
		d.ok("claimsHook", "Dex asks at "+h.Address+" for tokens of "+d.o.Client)
	}
	switch {
	case d.took > h.Timeout:
		d.wrong("timeout", fmt.Sprintf("Dex waits for %s, and the NAS took %s to show its accounts", duration.Short(h.Timeout), duration.Short(d.took.Round(100*time.Millisecond))),
			"write a longer timeout in signer.config and a longer budget in "+d.o.File)
	case d.outline != nil && d.outline.Budget > h.Timeout:
		d.warn("timeout", fmt.Sprintf("Dex waits for %s, and the sidecar may take %s", duration.Short(h.Timeout), duration.Short(d.outline.Budget)),
			"write timeout: "+duration.Short(d.outline.Budget+time.Second)+" in signer.config")
	}
	if slices.Contains(h.SignUnchanged, d.o.Client) {
		d.warn("signUnchanged", "while the sidecar is down Dex signs tokens without "+usernameClaim+", and DSM shows an empty user in its log", "take "+d.o.Client+" off signUnchanged")
	}
}

// socketName judges a socket that Dex and the sidecar do not call the same. Containers may see one folder under two names.
func (d *doctor) socketName(address, said string) {
	if path.Base(address) != path.Base(d.outline.Socket) {
		d.wrong("claimsHook", said, "write address: unix://"+d.outline.Socket+" in signer.config")
		return
	}
	d.warn("claimsHook", said, "that is right only where containers see the same folder under two names")
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
