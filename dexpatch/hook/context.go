package claimshook

import (
	"context"
	"errors"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// mark is the key of a context value.
type mark int

const (
	markAccess mark = iota // the payload becomes an access token
	markLogin              // the payload is built to be asked about, not to be signed
	markGrant              // the grant type
)

// The grant types that decide something here, as on the wire.
const (
	GrantImplicit          = "implicit"
	grantRefreshToken      = "refresh_token"
	grantClientCredentials = "client_credentials"
	grantTokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// errAsked ends the building of a payload at login: the service was asked, and nothing is to be signed.
var errAsked = errors.New("asked the claims hook at login, nothing to sign")

// WithAccessToken says that the payload which is built under the context becomes an access token.
func WithAccessToken(ctx context.Context) context.Context {
	return context.WithValue(ctx, markAccess, true)
}

// WithGrantType says which grant the tokens of an exchange are issued for, as on the wire.
func WithGrantType(ctx context.Context, grantType string) context.Context {
	return context.WithValue(ctx, markGrant, grantType)
}

// Login asks about a finished login. build has to make the issuer sign an ID token for it; under the context that it gets,
// the payload is built and asked about, and then the work stops before the signature. Without a hook build is not called.
// Any error means that the login must not go on; see Page for what to tell the person.
func Login(ctx context.Context, signer any, build func(context.Context) error) error {
	if _, ok := signer.(extender); !ok {
		return nil
	}
	err := build(context.WithValue(ctx, markLogin, true))
	switch {
	case errors.Is(err, errAsked):
		return nil
	case err == nil:
		return newFailure("", "the issuer signed at login without asking")
	case outcome(err) == nil:
		// Not ours: the payload could not be built, so no token could be issued for this login either.
		return newFailure("", err.Error())
	}
	return err
}

func stage(ctx context.Context) hookv1.Stage {
	if ctx.Value(markLogin) != nil {
		return hookv1.Stage_STAGE_LOGIN
	}
	return hookv1.Stage_STAGE_TOKEN
}

// grant returns the grant type: none at login, because it is the client's choice and has not been made.
func grant(ctx context.Context) string {
	if stage(ctx) == hookv1.Stage_STAGE_LOGIN {
		return ""
	}
	g, _ := ctx.Value(markGrant).(string)
	return g
}

func kind(ctx context.Context) hookv1.TokenKind {
	if ctx.Value(markAccess) != nil {
		return hookv1.TokenKind_TOKEN_KIND_ACCESS
	}
	return hookv1.TokenKind_TOKEN_KIND_ID
}
