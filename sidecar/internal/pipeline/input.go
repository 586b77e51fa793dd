package pipeline

import (
	"context"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// Stage is the moment of a request.
type Stage string

const (
	StageLogin Stage = "login"
	StageToken Stage = "token"
)

// Kind is the kind of a token.
type Kind string

const (
	KindID     Kind = "id"
	KindAccess Kind = "access"
)

// Identity is what the connector returned.
type Identity struct {
	UserID            string
	Username          string
	PreferredUsername string
	Email             string // as the connector gave it: not yet trusted
	EmailVerified     bool   // what the connector says
	Groups            []string
}

// Input is one request. It is not changed by a run.
type Input struct {
	Payload   *claims.Object
	Identity  Identity
	Connector string // empty: client credentials, nobody logged in
	Client    string
	Audience  []string
	Scopes    []string
	Stage     Stage
	Kinds     []Kind
	Grant     string
	RequestID string
	Now       time.Time // when it is decided; zero: Run says. A decision that is made again keeps it

	// Given answers lookups in the place of plugins: tests and explanations run with facts that somebody wrote down, a candidate
	// with those that were found for the rules in use. Lookups may be made side by side. Nil asks the plugins.
	Given func(l *Lookup, q Question) (*Answer, error)

	// Asking gets each question that a plugin is asked, and returns the context to ask it with and what is to be noted of the
	// answer. Lookups may be made side by side. Nil: nothing is noted.
	Asking func(ctx context.Context, s *Step) (context.Context, func(*Answer, error))

	// Bond says what is known of a link; it only reads. Nil knows of none.
	Bond func(ctx context.Context, l *Link) (Bond, error)

	// Explain collects Trace.Steps, with values, for whoever may see them.
	Explain bool

	// TrustedEmail is set by Run: the address if it is verified and the connector's word counts for its domain; else empty.
	TrustedEmail string
}

// fits says which limit the request is beyond, or returns nil.
func (in *Input) fits() error {
	id := &in.Identity
	f := claims.Fields{
		UserID: id.UserID, Username: id.Username, PreferredUsername: id.PreferredUsername, Email: id.Email, Groups: id.Groups,
		Connector: in.Connector, Client: in.Client, Audience: in.Audience, Scopes: in.Scopes, Grant: in.Grant, RequestID: in.RequestID,
	}
	if in.Payload != nil {
		f.Payload = len(in.Payload.Raw())
	}
	return f.Check()
}

// IsUser reports whether the request is about a person: client credentials present the client itself as identity.
func (in *Input) IsUser() bool { return in.Connector != "" }

// Concerns reports whether the request concerns client: it asked, or the token names it as audience.
func (in *Input) Concerns(client string) bool {
	if in.Client == client {
		return true
	}
	for _, a := range in.Audience {
		if a == client {
			return true
		}
	}
	return false
}

// Answer is what a lookup found out.
type Answer struct {
	Found   bool
	Problem string         // one word when not found: none, ambiguous ...
	Facts   map[string]any // complete and typed as package facts says; never nil
	Failed  bool           // the lookup failed and the policy is to continue: Facts must not be read
	Stale   bool           // served past its lifetime because the plugin failed
	Age     time.Duration  // how old the knowledge is
	Size    int            // bytes of the facts as they came; zero: not known
	Source  string         // "plugin", "cache", "store" (known before the start), "stale" or "given"
}

// Memo belongs to the rules.
type Memo interface {
	Release() // called once, at the end of the run
}

// State is what rules can see in a run. Rules read it and keep nothing of it but Memo.
type State struct {
	In     *Input
	Kind   Kind               // the kind of token, where a rule reads it
	Claims *claims.Draft      // the claims as they are before the current step
	Facts  map[string]*Answer // by alias; absent: not asked

	Memo Memo // what the rules keep between the expressions of one run
	// Version grows whenever Claims or Facts changed, so that a memo knows when it is old.
	Version int
}
