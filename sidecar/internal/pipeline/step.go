package pipeline

import (
	"context"
	"encoding/json"
	"time"
)

// Step is one entry of the pipeline. Exactly one of Lookup, Set, Remove, Deny and Steps is used.
//
// A step is built once and run by many requests at the same time: what it points at must not change any more.
type Step struct {
	Pos  Pos    // where it stands, for logs and traces
	Path string // pipeline[2].steps[0]
	Name string // the operator's name for it; empty when there is none

	When   Condition // nil means always
	From   time.Time // it is not done before; zero: always
	Until  time.Time // and not from then on; zero: for ever
	Lookup *Lookup
	Set    []Assignment
	Remove []string
	Deny   *Deny
	Steps  []Step

	no   int32 // of Number
	only Only  // of When
}

// outside says why a step is not done at a time.
func (s *Step) outside(now time.Time) string {
	const minute = "2006-01-02T15:04Z"
	switch {
	case !s.From.IsZero() && now.Before(s.From):
		return "it is " + now.Format(minute) + ", and this begins at " + s.From.UTC().Format(minute)
	case !s.Until.IsZero() && !now.Before(s.Until):
		return "it is " + now.Format(minute) + ", and this ended at " + s.Until.UTC().Format(minute)
	}
	return ""
}

// Pos is a place in the configuration, one-based. The zero value means unknown.
type Pos struct {
	File      string
	Line, Col int
}

// Lookup asks a plugin for facts.
type Lookup struct {
	Alias   string       // the name under which rules see the facts; unique in a pipeline
	Plugin  string       // the declared plugin that answers
	With    []Assignment // the parameters, sorted by their names, which are names of a schema
	Asker   Asker
	OnError FailurePolicy
	Grants  []string // grant types in which it is made; nil means the default: browser, refresh and device grants
	Pin     *Pin     // nil: the person is not linked to the account
	After   []string // aliases whose facts When or With read: these lookups are waited for
}

// FailurePolicy says what a failed lookup means. The zero value is Fail.
type FailurePolicy int

const (
	Fail     FailurePolicy = iota // no token: the request fails
	Continue                      // go on, with failed true
)

// Deny refuses the request when When holds.
type Deny struct {
	If      Condition
	Message Text
}

// Assignment gives a name a value.
type Assignment struct {
	Pos   Pos
	Path  string
	Name  string
	Value Value

	// Asserted: what the connector calls the person may be in Value. It is refused where that is the person's address, unless the
	// connector calls it verified.
	Asserted bool
}

// Condition is a yes or no. Implementations are safe for concurrent use, as are those of Value and Text.
type Condition interface {
	Holds(ctx context.Context, s *State) (bool, error)
	Reads() Reads
}

// Explainer is a Condition or a Value that can say what its parts come to. It is for explanations, so it may be slow.
type Explainer interface {
	Explain(ctx context.Context, s *State) []Part
}

// Part is a part of an expression and what it comes to; Err instead of Value where it comes to nothing.
type Part struct {
	Source string          `json:"source"`
	Value  json.RawMessage `json:"value,omitempty"`
	Err    string          `json:"err,omitempty"`
}

// Value gives the JSON of a claim or of a parameter. Of a claim, nil with no error leaves it out.
type Value interface {
	JSON(ctx context.Context, s *State) (json.RawMessage, error)
	Reads() Reads
}

// Text gives a sentence.
type Text interface {
	Text(ctx context.Context, s *State) (string, error)
	Reads() Reads
}

// Reads tells what an expression can read. It is found once, when the expression is compiled.
type Reads struct {
	Facts     []string // like "nas.name", sorted; "nas" when the facts are used as a whole
	Claims    []string // names read as constants, sorted
	AllClaims bool     // claims is used as a value or with a computed key
	Token     bool     // the kind of token matters
	Time      bool     // the time matters
	Clients   []string // constants that client.id is compared with
	AnyClient bool     // client.id is used in another way too: it may be about any client
	Grant     bool     // the grant or the stage is read
	Only      Only     // of a condition: for anything else it is false
}

// Watched is the step under another condition, which is evaluated for every request.
func (s Step) Watched(when Condition) Step {
	s.When, s.only = when, Only{}
	return s
}

// Only is a client, a connector and a grant; empty is any.
type Only struct{ Client, Connector, Grant string }

func (o Only) admits(in *Input) bool {
	return (o.Client == "" || o.Client == in.Client) && (o.Connector == "" || o.Connector == in.Connector)
}

// Asker answers the question of a lookup. It is safe for concurrent use.
type Asker interface {
	// Ask returns an answer, also for "nobody found". An error means "don't know"; its text holds no personal data.
	Ask(ctx context.Context, q Question) (*Answer, error)
}

// Question is what a lookup asks.
type Question struct {
	Connector string          // connector of the login: part of the identity of a cached answer
	Exchange  string          // request id: one exchange gets one answer; empty means no such promise
	Params    json.RawMessage // JSON object with sorted keys
	Person    []string        // what the person is known by: an address, an id; by these what is kept of the answer can be dropped
}
