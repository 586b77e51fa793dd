package dexpatch

import "slices"

// Edit changes some lines of Dex.
type Edit struct {
	// Why is a sentence for the reader of the diff.
	Why string
	// Core marks the edits without which there is no hook: configuration, carrying and calling it.
	Core bool
	// Lost says what is missing where the edit finds no place. Empty: Dex is not supported then.
	Lost string
	// Variants are the shapes of Dex that are known. Exactly one of them has to fit.
	Variants []Variant
}

// Variant is an edit of one file for one shape of Dex. It fits if all its anchors stand as often as they should.
type Variant struct {
	// File is the path in the Dex tree.
	File string
	// Inserts are the lines to add.
	Inserts []Insert
	// Lay are new files that the lines call: paths in the folder _dex, the first element of which names the shape.
	Lay []string
}

// Insert adds lines around a statement, or puts them in its place.
type Insert struct {
	// Func is the name of the function or method in which the anchor stands. Empty: anywhere in the file.
	Func string
	// Anchor is a whole line without its indentation.
	Anchor string
	// Count is how often the anchor must stand there; each gets the lines. 0 means once.
	Count int
	// Before and After are the lines, with the indentation that they have beside the anchor, and Instead those in its place. All
	// may be empty: then the anchor only tells one shape of Dex from another.
	Before, After, Instead string
	// Outside says that the lines end a function and begin another: their indentation is their own.
	Outside bool
}

// hookImportLine is the import of the package that is laid in.
const hookImportLine = "\"" + hookImport + "\"\n"

// imports adds the import of the hook before another import.
func imports(before string) Insert {
	return Insert{Anchor: `"` + DexModule + "/" + before + `"`, Before: hookImportLine}
}

// Edits returns the edits in the order in which a reader should meet them.
func Edits() []Edit { return slices.Concat(coreEdits(), loginEdits(), tokenEdits(), optionalEdits()) }

// field is the hook in a struct of Dex.
const field = "\n// ClaimsHook is asked about each token before it is signed. Nil: nobody is asked.\nClaimsHook *claimshook.Hook\n"

// split parts the function that makes a token of the receiver: the payload is built, passes the hook, and is signed.
func split(receiver, name, signature, arguments, built, signed, header, sign string) []Insert {
	return []Insert{
		{Func: name, Anchor: header, Outside: true, After: `	return ` + receiver[:1] + `.newToken(ctx, claimshook.IDToken, ` + arguments + `)
}

// buildToken makes the payload of a token.
func (` + receiver + `) buildToken(ctx context.Context, ` + signature + `) ` + built + ` {
`},
		{Func: name, Anchor: sign, Outside: true, Before: `	return string(payload), expiry, nil
}

// signToken signs the payload of a token.
func (` + receiver + `) signToken(ctx context.Context, payload []byte, expiry time.Time) ` + signed + ` {
`},
	}
}

// coreEdits configure the hook, carry it to where tokens are made, and call it.
func coreEdits() []Edit {
	const (
		signature = "clientID string, claims storage.Claims, scopes []string, nonce, accessToken, code, connID string"
		arguments = "clientID, claims, scopes, nonce, accessToken, code, connID"
		results   = "(string, time.Time, error)"
		opened    = "if err != nil {\n\treturn fmt.Errorf(\"invalid config: signer: %v\", err)\n}\n\n"
	)
	return []Edit{
		{Core: true, Why: "A token is built, passes the hook, and is signed. The signer stays as it is, so logout tokens never meet the hook.", Variants: []Variant{
			{File: "server/oauth2.go", Lay: []string{"v2.45/server/claimshook.go"}, Inserts: slices.Concat(
				[]Insert{
					imports("server/internal"),
					{Func: "newAccessToken", Anchor: `return s.newIDToken(ctx, clientID, claims, scopes, nonce, storage.NewID(), "", connID)`,
						Instead: `return s.newToken(ctx, claimshook.AccessToken, clientID, claims, scopes, nonce, storage.NewID(), "", connID)` + "\n"},
				},
				split("s *Server", "newIDToken", signature, arguments, "(built string, expiry time.Time, err error)", "(idToken string, _ time.Time, err error)",
					`func (s *Server) newIDToken(ctx context.Context, `+signature+`) (idToken string, expiry time.Time, err error) {`,
					`if idToken, err = s.signer.Sign(ctx, payload); err != nil {`),
			)},
			{File: "server/tokens/issuer.go", Lay: []string{"head/server/tokens/claimshook.go"}, Inserts: slices.Concat(
				[]Insert{
					imports("server/signer"),
					{Anchor: `Refresh *RefreshStore`, After: field},
					{Func: "SignAccessToken", Anchor: `return i.SignIDToken(ctx, auth, storage.NewID(), "")`,
						Instead: `return i.newToken(ctx, claimshook.AccessToken, auth, storage.NewID(), "")` + "\n"},
				},
				split("i *Issuer", "SignIDToken", "auth Authorization, accessToken, code string", "auth, accessToken, code", results, results,
					`func (i *Issuer) SignIDToken(ctx context.Context, auth Authorization, accessToken, code string) (string, time.Time, error) {`,
					`idToken, err := i.signer.Sign(ctx, payload)`),
			)},
		}},
		{Core: true, Why: "claimsHook is a type of signer, which a Dex without the hook does not know.", Variants: []Variant{{
			File: "cmd/dex/config.go", Lay: []string{"any/cmd/dex/claimshook.go"}, Inserts: []Insert{
				imports("server/signer"),
				{Anchor: `"vault": func() SignerConfig { return new(signer.VaultConfig) },`, After: "\n\"claimsHook\": func() SignerConfig { return new(claimshook.Config) },\n"},
			},
		}}},
		{Core: true, Why: "The hook is opened before the signer that it lies around.", Variants: []Variant{
			{File: "cmd/dex/serve.go", Inserts: []Insert{
				{Func: "runServe", Anchor: `// Create signer`, Before: "claimsHook, err := openClaimsHook(&c.Signer, server.RequestKeyRequestID, logger, prometheusRegistry)\n" + opened},
				{Func: "runServe", Anchor: `if c.Expiry.AuthRequests != "" {`, Before: "serverConfig.ClaimsHook = claimsHook\n\n"},
				{Func: "runServe", Anchor: `refreshTokenPolicy, err := server.NewRefreshTokenPolicy(`},
			}},
			{File: "cmd/dex/serve.go", Inserts: []Insert{
				{Anchor: `"github.com/dexidp/dex/server/session"`, Before: "\"github.com/dexidp/dex/server/reqctx\"\n"},
				{Func: "runServe", Anchor: `// Create signer`, Before: "claimsHook, err := openClaimsHook(&c.Signer, reqctx.RequestKeyRequestID, logger, prometheusRegistry)\n" + opened},
				{Func: "runServe", Anchor: `if c.Expiry.AuthRequests != "" {`, Before: "serverConfig.ClaimsHook = claimsHook\n\n"},
			}},
		}},
		{Core: true, Why: "The server takes it as a part of its configuration.", Variants: []Variant{
			{File: "server/server.go", Inserts: []Insert{
				imports("server/signer"),
				{Anchor: `Signer signer.Signer`, After: field},
				{Anchor: `signer signer.Signer`, After: "\nclaimsHook *claimshook.Hook\n"},
				{Func: "newServer", Anchor: `// Retrieves connector objects in backend storage. This list includes the static connectors`, Before: "s.claimsHook = c.ClaimsHook\n\n"},
			}},
			{File: "server/config.go", Inserts: []Insert{imports("server/mfa"), {Anchor: `Signer signer.Signer`, After: field}}},
		}},
		{Core: true, Why: "It goes where tokens are made, and to discovery.", Variants: []Variant{
			{File: "server/server.go", Inserts: []Insert{{Anchor: `signer signer.Signer`}}}, // done above
			{File: "server/server.go", Inserts: []Insert{
				{Anchor: `s.issuer = tokens.NewIssuer(s.storage, c.Signer, s.issuerURL.URL, rc.idTokensValidFor, rc.now, s.logger)`, After: "s.issuer.ClaimsHook = c.ClaimsHook\n"},
				{Anchor: `if err := s.openConnectors(ctx, c); err != nil {`, Before: "s.discovery.ClaimsHook = c.ClaimsHook\n\n"},
			}},
		}},
	}
}
