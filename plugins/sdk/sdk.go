package sdk

import (
	"context"
	"log/slog"
	"strings"
	"time"
)

// Spec is a plugin: C its configuration, P the parameters of a lookup and F the facts of an answer, all of them structs.
type Spec[C, P, F any] struct {
	Name    string // for people
	Version string // for people

	// Open checks a configuration and allocates what answers with it. It makes no network call. If the returned Lookup is
	// also an io.Closer it is closed when the plugin ends or another configuration takes its place.
	Open func(ctx context.Context, h Host, config C) (Lookup[P, F], error)

	// Keeps says how old the knowledge can be, at most, from which answers under a configuration are given. Zero: nothing is kept. An
	// answer with a larger Age is a failure. Nil: the plugin does not say, and nobody can tell how long an account that was switched off is
	// let in. The configuration may be one that Open would refuse, without its secrets.
	Keeps func(config C) time.Duration
}

// Host is what a plugin gets from the process that started it.
type Host struct {
	Log *slog.Logger // reaches the log of claimsmith
	Dir string       // the plugin's own working directory: only its user can read it
}

// Lookup answers questions. It is called by many goroutines at the same time.
type Lookup[P, F any] interface {
	// Lookup answers one question. Nobody found is an answer; an error means that the plugin does not know. Texts of errors are
	// kept for the operator and not logged; they hold no secrets. ctx has the deadline of the one who asks.
	Lookup(ctx context.Context, params P) (Answer[F], error)
}

// Func is a function that is a Lookup.
type Func[P, F any] func(ctx context.Context, params P) (Answer[F], error)

// Lookup calls f.
func (f Func[P, F]) Lookup(ctx context.Context, params P) (Answer[F], error) { return f(ctx, params) }

// Answer is what a lookup found out.
type Answer[F any] struct {
	// Found tells whether exactly the one who was asked for was found, and may be used.
	Found bool
	// Problem is why nobody was found, in one word that rules compare with: "none", "ambiguous", "disabled". It is empty when
	// Found is true. A word is letters, digits, "-" and "_".
	Problem string
	// Facts may be given whether Found is true or not.
	Facts F
	// Age is how old the knowledge is. Zero: the plugin asked just now.
	Age time.Duration
}

// Unanswerable returns err as an error that is about this question only: the record of this person does not fit, or what was asked
// cannot be asked. claimsmith goes on asking the plugin about others, however many such errors it gets, where other errors
// make it leave the plugin alone for a while. A connection, a deadline or a refused login is never one. It returns nil for nil.
func Unanswerable(err error) error {
	if err == nil {
		return nil
	}
	return unanswerable{err}
}

type unanswerable struct{ error }

func (u unanswerable) Unwrap() error { return u.error }

// Plugin is a plugin of any types. [Spec] is the one implementation.
type Plugin interface {
	// Describe returns what claimsmith reads before anything else. An error means that a type cannot be described.
	Describe() (Description, error)
	// MaxAge returns how old answers under a configuration may be. It reports false when the plugin does not say.
	MaxAge(config []byte) (time.Duration, bool)

	open(ctx context.Context, h Host, config []byte) (session, error)
}

// Description introduces a plugin. The schemas are JSON Schemas.
type Description struct {
	Name, Version                           string
	ConfigSchema, ParamsSchema, FactsSchema []byte
}

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Path    string // inside the configuration, like accounts[2].name; empty: the configuration as a whole
	Message string // what is wrong, without the value of a secret
	Hint    string // how to mend it; may be empty
}

// Problems is all that is wrong with a configuration. Open returns it as its error.
type Problems []Problem

// Error returns one line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Message
		if one.Path != "" {
			lines[i] = one.Path + ": " + one.Message
		}
		if one.Hint != "" {
			lines[i] += " (" + one.Hint + ")"
		}
	}
	return strings.Join(lines, "\n")
}

// Duration is a time span that is written like 90s, 10m or 1h30m.
type Duration time.Duration

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes d as UnmarshalText reads it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }
