package dexpatch

// Edit adds some lines to one file of Dex.
type Edit struct {
	// Name is a word under which variants of other shapes are found; see between.
	Name string
	// Why is a sentence for the reader of the diff.
	Why string
	// Core marks the edits without which there is no hook: configuration, carrying and calling it.
	Core bool
	// Lost says what is missing where the edit finds no place. Empty: Dex is not supported then.
	Lost string
	// Variants are the shapes of Dex that are known. Exactly one of them has to fit.
	Variants []Variant
}

// Variant is an edit for one shape of Dex. It fits if all its anchors stand as often as they should.
type Variant struct {
	// File is the path in the Dex tree.
	File string
	// Inserts are the lines to add.
	Inserts []Insert
	// Needs are lines that other files have to hold, by path: what the inserted lines call there.
	Needs map[string]string
	// Lacks are lines that other files must not hold, by path.
	Lacks map[string]string
	// Lay are new files that the lines call: paths in the folder _dex, the first element of which names the shape.
	Lay []string
}

// Insert adds lines around a statement.
type Insert struct {
	// Func is the name of the function or method in which the anchor stands. Empty: anywhere in the file.
	Func string
	// Anchor is a whole line without its indentation.
	Anchor string
	// Count is how often the anchor must stand there; each gets the lines. 0 means once, absent not at all.
	Count int
	// Before and After are the lines, with the indentation that they have beside the anchor. Both may be empty: then the
	// anchor only tells one shape of Dex from another.
	Before, After string
}

// imports adds the import of the package that is laid in before another import.
func imports(before string) Insert {
	return Insert{Anchor: `"github.com/dexidp/dex/` + before + `"`, Before: hookImportLine}
}

// Edits returns the edits in the order in which a reader should meet them.
func Edits() []Edit {
	var all []Edit
	for _, group := range [][]Edit{coreEdits(), configEdits(), loginEdits(), tokenEdits(), optionalEdits()} {
		all = append(all, group...)
	}
	more := between()
	for i, e := range all {
		all[i].Variants = append(e.Variants, more[e.Name]...)
	}
	return all
}

// wrap carries the hook beside the signer.
func wrap(requestIDKey string) string {
	return `hook, err := claimshook.New(c.ClaimsHook, claimshook.Options{RequestIDKey: ` + requestIDKey + `, Logger: logger, Registry: prometheusRegistry})
if err != nil {
	return fmt.Errorf("invalid config: %v", err)
}
signerInstance = struct {
	signer.Signer
	*claimshook.Hook
}{signerInstance, hook}
`
}

// coreEdits configure the hook, carry it beside the signer and call it.
func coreEdits() []Edit {
	return []Edit{
		{Core: true, Name: "sign", Why: "Each payload passes the hook before it is signed; Sign itself, and so logout tokens, stay as they are.", Variants: []Variant{
			{File: "server/tokens/issuer.go", Inserts: []Insert{
				imports("server/signer"),
				{Func: "SignAccessToken", Anchor: `return i.SignIDToken(ctx, auth, storage.NewID(), "")`, Before: "ctx = claimshook.WithAccessToken(ctx)\n"},
				{Func: "SignIDToken", Anchor: `idToken, err := i.signer.Sign(ctx, payload)`, Before: `payload, err = claimshook.Extend(ctx, i.signer, payload, claimshook.Token{ClientID: clientID, ConnectorID: auth.ConnectorID, Scopes: auth.Scopes, Identity: claimshook.Identity(auth.Claims)})
if err != nil {
	return "", expiry, err
}

`},
			}},
			{File: "server/oauth2.go", Inserts: []Insert{
				imports("server/internal"),
				{Func: "newAccessToken", Anchor: `return s.newIDToken(ctx, clientID, claims, scopes, nonce, storage.NewID(), "", connID)`, Before: "ctx = claimshook.WithAccessToken(ctx)\n"},
				{Func: "newIDToken", Anchor: `if idToken, err = s.signer.Sign(ctx, payload); err != nil {`, Before: `payload, err = claimshook.Extend(ctx, s.signer, payload, claimshook.Token{ClientID: clientID, ConnectorID: connID, Scopes: scopes, Identity: claimshook.Identity(claims)})
if err != nil {
	return "", expiry, err
}

`},
			}},
		}},
		{Core: true, Name: "config", Why: "claimsHook is a key of the configuration.", Variants: []Variant{
			{File: "cmd/dex/config.go", Inserts: []Insert{imports("server/connectors"), configKey}},
			{File: "cmd/dex/config.go", Inserts: []Insert{{Anchor: `"github.com/dexidp/dex/server"`, After: hookImportLine}, configKey, none(`"github.com/dexidp/dex/server/connectors"`)}},
		}},
		{Core: true, Name: "carry", Why: "The hook travels beside the signer, which is at hand wherever it is needed.", Variants: []Variant{
			{File: "cmd/dex/serve.go", Inserts: []Insert{
				imports("server/connectors"),
				{Anchor: `"github.com/dexidp/dex/server/session"`, Before: "\"github.com/dexidp/dex/server/reqctx\"\n"},
				{Func: "runServe", Anchor: `serverConfig := server.Config{`, Before: wrap("reqctx.RequestKeyRequestID")},
			}},
			{File: "cmd/dex/serve.go", Inserts: []Insert{
				{Anchor: `"github.com/dexidp/dex/server"`, After: hookImportLine}, none(`"github.com/dexidp/dex/server/connectors"`),
				{Func: "runServe", Anchor: `serverConfig := server.Config{`, Before: wrap("server.RequestKeyRequestID")},
			}},
		}},
	}
}

const hookImportLine = "\"github.com/dexidp/dex/server/claimshook\"\n"

// configKey is the field of the configuration.
var configKey = Insert{Anchor: "Signer Signer `json:\"signer\"`", After: "// ClaimsHook asks a service which claims tokens carry, before they are signed.\nClaimsHook claimshook.Config `json:\"claimsHook\"`\n"}

// absent is the Count of a statement that must not stand in a shape.
const absent = -1

// none says that a statement must not stand in a shape.
func none(anchor string) Insert { return Insert{Anchor: anchor, Count: absent} }

// configEdits are what an operator sees of the hook beside its key.
func configEdits() []Edit {
	return []Edit{
		{Why: "A Dex that is meant to have the hook does not start without it, and a stock Dex does not know the flag.", Variants: []Variant{{
			File: "cmd/dex/serve.go", Inserts: []Insert{
				{Anchor: `grpcAddr      string`, After: "\nrequireClaimsHook bool\n"},
				{Func: "commandServe", Anchor: `flags.StringVar(&options.grpcAddr, "grpc-addr", "", "gRPC API address")`,
					After: "flags.BoolVar(&options.requireClaimsHook, \"require-claims-hook\", false, \"Do not start without claimsHook in the config file\")\n"},
				{Func: "runServe", Anchor: `applyConfigOverrides(options, &c)`, After: "c.ClaimsHook.Required = options.requireClaimsHook\n"},
			},
		}}},
		{Name: "discovery", Why: "Discovery lists the claims that the hook adds.", Lost: "claimsSupported is not listed in discovery", Variants: []Variant{
			{File: "server/discovery/discovery.go", Inserts: []Insert{
				imports("server/oauth2"),
				{Func: "Construct", Anchor: `d.GrantTypes = h.GrantTypes`, After: "d.Claims = append(d.Claims, claimshook.ClaimsSupported(h.Signer)...)\n"},
			}},
			{File: "server/handlers.go", Inserts: []Insert{
				imports("server/internal"),
				{Func: "constructDiscovery", Anchor: `d.GrantTypes = s.supportedGrantTypes`, After: "d.Claims = append(d.Claims, claimshook.ClaimsSupported(s.signer)...)\n"},
			}},
		}},
	}
}
