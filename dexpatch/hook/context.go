package claimshook

import (
	"context"
	"errors"
	"sync"
	"time"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// mark is the key of a context value.
type mark int

const (
	markAnswer  mark = iota // an *answer
	markAccess              // the payload becomes an access token
	markAsk                 // the payload is built to be asked about, not to be signed: the hookv1.Stage
	markRequest             // the *tokenRequest
	markRevoke              // func() that ends refresh tokens
)

// The grant types that decide something here, as on the wire.
const (
	GrantImplicit          = "implicit"
	grantAuthorizationCode = "authorization_code"
	grantRefreshToken      = "refresh_token"
	grantClientCredentials = "client_credentials"
	grantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
	grantTokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// errAsked ends the building of a payload that was only asked about.
var errAsked = errors.New("asked the claims hook, nothing to sign")

// tokenRequest is an HTTP request that ends in tokens.
type tokenRequest struct {
	grant string

	mu    sync.Mutex
	ended error         // how the hook ended it
	late  bool          // and that it did so when a code or a refresh token was gone already
	spent time.Duration // on the hook so far
}

// WithAccessToken says that the payload which is built under the context becomes an access token.
func WithAccessToken(ctx context.Context) context.Context {
	return context.WithValue(ctx, markAccess, true)
}

// WithGrantType says which grant the tokens of an exchange are issued for, as on the wire. Under the context the outcome of the
// exchange is kept for TokenError, and all calls of it share one timeout.
func WithGrantType(ctx context.Context, grantType string) context.Context {
	return context.WithValue(ctx, markRequest, &tokenRequest{grant: grantType})
}

// WithRevoke gives the hook a way to end the refresh tokens of the person, for this client, whose token is about to be signed.
// It is used when a denial asks for it and the configuration allows it.
func WithRevoke(ctx context.Context, revoke func()) context.Context {
	return context.WithValue(ctx, markRevoke, revoke)
}

// Login asks about a finished login, before anything of it is stored. sign has to make the issuer sign a token of auth; under the
// context that it gets, the payload is built and asked about, and then the work stops before the signature. An error means
// that the login must not go on; see Page for what to tell the person. What else keeps the issuer from building a payload is no
// error here: it will come up again where Dex expects it.
func Login[A, T any](ctx context.Context, sign func(context.Context, A) (string, T, error), auth A) error {
	_, _, err := sign(context.WithValue(ctx, markAsk, hookv1.Stage_STAGE_LOGIN), auth)
	return asked(err)
}

// Preflight is Login for tokens. It asks before a code or a refresh token is consumed, and the signings of the same HTTP request
// are answered from its reply, so a failure costs nobody a login.
func Preflight[A, T any](ctx context.Context, sign func(context.Context, A) (string, T, error), auth A) error {
	_, _, err := sign(context.WithValue(ctx, markAsk, hookv1.Stage_STAGE_TOKEN), auth)
	return asked(err)
}

func asked(err error) error {
	switch {
	case err == nil:
		return newFailure("", "the issuer signed without asking")
	case outcome(err) != nil:
		return err
	}
	return nil // errAsked, or none of our business
}

// asking reports whether the payload is only asked about.
func asking(ctx context.Context) bool { return ctx.Value(markAsk) != nil }

func stage(ctx context.Context) hookv1.Stage {
	if s, ok := ctx.Value(markAsk).(hookv1.Stage); ok {
		return s
	}
	return hookv1.Stage_STAGE_TOKEN
}

// grant returns the grant type: none at login, because it is the client's choice and has not been made.
func grant(ctx context.Context) string {
	if r, ok := ctx.Value(markRequest).(*tokenRequest); ok && stage(ctx) != hookv1.Stage_STAGE_LOGIN {
		return r.grant
	}
	return ""
}

func kind(ctx context.Context) hookv1.TokenKind {
	if ctx.Value(markAccess) != nil {
		return hookv1.TokenKind_TOKEN_KIND_ACCESS
	}
	return hookv1.TokenKind_TOKEN_KIND_ID
}

// end keeps the error with which the hook ended a request.
func end(ctx context.Context, err error) {
	if r, ok := ctx.Value(markRequest).(*tokenRequest); ok && err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ended = err
		r.late = !asking(ctx) && (r.grant == grantAuthorizationCode || r.grant == grantRefreshToken)
	}
}

// spent adds to the time that a request spent on the hook, and returns what it was before.
func spent(ctx context.Context, more time.Duration) time.Duration {
	r, ok := ctx.Value(markRequest).(*tokenRequest)
	if !ok {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.spent
	r.spent += more
	return before
}
