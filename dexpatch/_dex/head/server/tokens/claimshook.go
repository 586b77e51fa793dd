package tokens

// claimshook.go lets the claims hook change what is signed, and asks it before anything is
// consumed.

import (
	"context"
	"time"

	"github.com/dexidp/dex/server/claimshook"
	"github.com/dexidp/dex/storage"
)

// newToken builds the payload of a token, lets the claims hook change it, and signs it.
func (i *Issuer) newToken(ctx context.Context, kind claimshook.Kind, auth Authorization, accessToken, code string) (string, time.Time, error) {
	payload, expiry, err := i.buildToken(ctx, auth, accessToken, code)
	if err != nil {
		return "", expiry, err
	}
	extended, err := i.ClaimsHook.Extend(ctx, []byte(payload), hookToken(kind, auth))
	if err != nil {
		return "", expiry, err
	}
	return i.signToken(ctx, extended, expiry)
}

// CheckLogin asks the claims hook whether a login may go on, before anything of it is
// stored.
func (i *Issuer) CheckLogin(ctx context.Context, auth Authorization) error {
	return i.ask(ctx, i.ClaimsHook.Login, auth)
}

// CheckTokens asks the claims hook about tokens before a code or a refresh token is
// consumed.
func (i *Issuer) CheckTokens(ctx context.Context, auth Authorization) error {
	return i.ask(ctx, i.ClaimsHook.Preflight, auth)
}

// ask asks with the payload that an access token would have. A payload that cannot be built
// is no answer of the hook: the same error comes again where Dex expects it.
func (i *Issuer) ask(ctx context.Context, ask func(context.Context, []byte, claimshook.Token) error, auth Authorization) error {
	if i.ClaimsHook == nil {
		return nil
	}
	payload, _, err := i.buildToken(ctx, auth, storage.NewID(), "")
	if err != nil {
		return nil
	}
	return ask(ctx, []byte(payload), hookToken(claimshook.AccessToken, auth))
}

func hookToken(kind claimshook.Kind, auth Authorization) claimshook.Token {
	return claimshook.Token{
		Kind: kind, ClientID: auth.Client.ID, ConnectorID: auth.ConnectorID, Scopes: auth.Scopes,
		Identity: claimshook.Identity(auth.Claims),
	}
}
