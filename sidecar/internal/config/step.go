package config

import "time"

// Step is one entry of the pipeline. In a file without problems exactly one of Lookup, Set, Remove, Deny and Steps is used.
type Step struct {
	Place
	Name string     `key:"name" doc:"What this step is for, in your words; shown in logs and explanations."`
	When *Condition `key:"when" doc:"The step is done when this expression holds. Default: always."` // nil: always

	From  *Moment `key:"from" doc:"The step is not done before this day, or minute, in UTC: 2026-12-01 or 2026-12-01T18:00Z. Default: always."`
	Until *Moment `key:"until" doc:"The step is done up to the end of this day, or up to this minute. Default: for ever."`

	Lookup               string        `key:"lookup" doc:"The plugin to ask."`
	As                   string        `key:"as" doc:"The name under which rules see the facts. Default: the plugin's name."`
	With                 []Value       `key:"with" is:"named empty" doc:"What the plugin is asked: parameters and expressions, also inside of lists and maps."`
	Cache                *Cache        `key:"cache" doc:"How long an answer holds. Default: for the one request."`
	OnError              FailurePolicy `key:"onError" one:"fail continue" doc:"What a failed lookup means: no token, or NAME.failed is true. Default fail."`
	Grants               []string      `key:"grants" doc:"Grant types in which to ask. Default: browser, refresh and device."` // nil: the default
	Pin                  *Pin          `key:"pin" doc:"Links the person to the account that was found, so that neither can take the place of another. Default: no links."`
	AllowUnverifiedEmail bool          `key:"allowUnverifiedEmail" doc:"Lets an address that nobody verified decide in this step, also one without lookup. Default false."`

	Set     []Value    `key:"set" is:"named" doc:"Claims and the expressions that give their values, also inside of lists and maps."`
	Remove  []string   `key:"remove" doc:"Names of claims to take away."`
	Deny    *Condition `key:"deny" doc:"No token when this expression holds."`
	Message *Scalar    `key:"message" doc:"What the person reads, with ${expression} inside."`
	Steps   []Step     `key:"steps" doc:"Steps under one when."`
}

// FailurePolicy is what a failed lookup means.
type FailurePolicy string

const (
	Fail     FailurePolicy = "fail"
	Continue FailurePolicy = "continue"
)

// Alias is the name under which rules see the facts of a lookup step.
func (s *Step) Alias() string {
	if s.As != "" {
		return s.As
	}
	return s.Lookup
}

// Cache says how long answers hold. Zero means not at all.
type Cache struct {
	Place
	TTL         time.Duration `key:"ttl" doc:"How long an answer is taken from memory."`
	NegativeTTL time.Duration `key:"negativeTtl" doc:"The same for the answer that nobody was found. Default: not at all."`
	MaxStale    time.Duration `key:"maxStale" doc:"How old an answer may be when the plugin cannot be asked; with state also one from before a restart. Default: it is not used."`
}

// Pin says what is linked. The expressions are compiled with those of the step.
type Pin struct {
	Place
	Subject  *Scalar `key:"subject" is:"required" doc:"Who the person is to the connector: identity.userId."`
	Account  *Scalar `key:"account" is:"required" doc:"The name of the account, such as nas.name."`
	ID       *Scalar `key:"id" doc:"What an account keeps while it lives and a new one of the same name does not have, such as nas.uid. Default: only the name counts."`
	Explicit *Scalar `key:"explicit" doc:"Holds when somebody chose the account in words, such as nas.linked; then it may be an administrator's. Default: only claimsmith links add opens those."`
	Links    string  `key:"links" one:"first required" doc:"first: whoever signs in first is linked; required: only people linked with claimsmith links add may sign in. Default first."`
}

// Required reports whether only links count that were made by hand.
func (p *Pin) Required() bool { return p.Links == "required" }

// Moment is a day or a minute, in UTC.
type Moment struct {
	Place
	Time time.Time
	Day  bool // it is a whole day
}

// End is when it is over: a minute as it begins, a day as the next one does.
func (m *Moment) End() time.Time {
	if m.Day {
		return m.Time.AddDate(0, 0, 1)
	}
	return m.Time
}

// Condition is an expression, or the constant true or false.
type Condition struct {
	Place
	Expr  *Scalar // nil: Const holds
	Const bool
}

// Value is a named expression, or a constant. Lists and maps with a text in them are one expression, whose Parts are the texts.
type Value struct {
	Place
	Name  string
	Expr  *Scalar // nil: Const holds
	Const any     // bool, int64, float64, []any or map[string]any, without any text
}
