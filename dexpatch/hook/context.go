package claimshook

import (
	"context"
	"sync"
	"time"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// mark is the key of a context value.
type mark int

const (
	markAnswer  mark = iota // an *answer
	markRequest             // the *tokenRequest
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

// tokenRequest is an HTTP request that ends in tokens.
type tokenRequest struct {
	grant string

	mu    sync.Mutex
	ended error         // how the hook ended it
	late  bool          // and that it did so when a code or a refresh token was gone already
	spent time.Duration // on the hook so far
}

// WithGrantType says which grant the tokens of an exchange are issued for, as on the wire. Under the context the outcome of the
// exchange is kept for TokenError, and all calls of it share one timeout.
func WithGrantType(ctx context.Context, grantType string) context.Context {
	return context.WithValue(ctx, markRequest, &tokenRequest{grant: grantType})
}

// grant returns the grant type: none at login, because it is the client's choice and has not been made.
func grant(ctx context.Context, stage hookv1.Stage) string {
	if r, ok := ctx.Value(markRequest).(*tokenRequest); ok && stage != hookv1.Stage_STAGE_LOGIN {
		return r.grant
	}
	return ""
}

// end keeps the error with which the hook ended a request. asked says that nothing was consumed yet.
func end(ctx context.Context, asked bool, err error) {
	if r, ok := ctx.Value(markRequest).(*tokenRequest); ok && err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ended = err
		r.late = !asked && (r.grant == grantAuthorizationCode || r.grant == grantRefreshToken)
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
