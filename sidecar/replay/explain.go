package replay

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/fixture"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
	"github.com/claimsmith/claimsmith/sidecar/internal/state"
	"github.com/claimsmith/claimsmith/sidecar/internal/stores"
)

// Request is a request as somebody writes it down, with the defaults of a test's given: scopes openid profile email groups, the
// client as audience, the grant authorization_code, the stage token.
type Request struct {
	Client    string                     `json:"client"`
	Connector string                     `json:"connector,omitempty"`
	Identity  RequestIdentity            `json:"identity"`
	Scopes    []string                   `json:"scopes,omitempty"`
	Audience  []string                   `json:"audience,omitempty"`
	Grant     string                     `json:"grant,omitempty"`
	Stage     string                     `json:"stage,omitempty"`
	Now       time.Time                  `json:"now,omitzero"`    // when it is decided; by default now
	Facts     map[string]json.RawMessage `json:"facts,omitempty"` // by the name of the lookup, as in a test
	Links     map[string]string          `json:"links,omitempty"` // the same, of pinned lookups
}

// RequestIdentity is what the connector returned.
type RequestIdentity struct {
	UserID            string   `json:"userId,omitempty"`
	Username          string   `json:"username,omitempty"`
	PreferredUsername string   `json:"preferredUsername,omitempty"`
	Email             string   `json:"email,omitempty"`
	EmailVerified     bool     `json:"emailVerified,omitempty"`
	Groups            []string `json:"groups,omitempty"`
}

// Explain runs one request through the rules of a configuration and tells what each step did. Plugins are not asked: the
// request gives the facts. The error is a *Problems when the file cannot be used.
func Explain(ctx context.Context, file string, o compile.Options, req Request) (*Explanation, error) {
	set, problems := loadOffline(ctx, file, o)
	if set == nil {
		return nil, problems
	}
	e, err := ExplainRequest(ctx, set, req)
	if err == nil {
		cfg, _, _ := config.Load(file, config.Options{Builtins: o.BuiltinNames()})
		e.Worst = worstCase(o, cfg)
	}
	return e, err
}

// ExplainLive is Explain with plugins that are started for it and asked; facts that the request gives are not used. Links that it
// does not give are read where the configuration keeps them, and none is made. The configuration is put to use as Serve would,
// without serving.
func ExplainLive(ctx context.Context, file string, o compile.Options, req Request) (_ *Explanation, err error) {
	cfg, src, problems := config.Load(file, config.Options{Builtins: o.BuiltinNames()})
	host, err := pluginhost.New(compile.HostOptions(o, o.Log(cfg)))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	plugins := &compile.Fleet{Options: o, Host: host}
	set, all := compile.Build(ctx, cfg, src, problems, plugins)
	if set == nil {
		return nil, all
	}
	known, err := readLinks(cfg, o.Log(cfg))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, known.Close()) }()
	e, err := explainRequest(ctx, set, req, known)
	if err == nil {
		e.Worst = WorstCaseOf(cfg, plugins.Used)
		e.Reveal(host.Reveal) // whoever explains sees values
	}
	return e, err
}

// ExplainRequest is Explain for rules that are compiled.
func ExplainRequest(ctx context.Context, set *compile.Set, req Request) (*Explanation, error) {
	return explainRequest(ctx, set, req, nil)
}

// explainRequest runs a request, for which links are known where it is live; nil: it is not.
func explainRequest(ctx context.Context, set *compile.Set, req Request, live *linkReader) (*Explanation, error) {
	given, err := Given(set, req)
	if err != nil {
		return nil, err
	}
	in, answers, err := given.Request(given.Stage)
	if err != nil {
		return nil, err
	}
	if live != nil {
		in.Given, in.Bond = nil, live.beside(given.Links)
	}
	in.Explain = true
	start := time.Now()
	result, err := set.Pipeline.Run(ctx, in)
	if live == nil {
		assumed(&result.Trace, given.Links)
	}
	e, err := explanation(in, result, err, time.Since(start))
	if err == nil {
		e.Missing, e.Doubt = answers.Missing(), set.Pipeline.Doubt(in)
	}
	return e, err
}

// Given is a request as tests give it.
func Given(set *compile.Set, req Request) (fixture.Given, error) {
	id := req.Identity
	g := fixture.Given{
		Client: req.Client, Connector: req.Connector, Scopes: req.Scopes, Audience: req.Audience, Grant: req.Grant,
		Stage: pipeline.StageToken, Facts: map[string]*pipeline.Answer{}, Links: map[string]pipeline.Bond{},
		Identity: pipeline.Identity{
			UserID: id.UserID, Username: id.Username, PreferredUsername: id.PreferredUsername,
			Email: id.Email, EmailVerified: id.EmailVerified, Groups: id.Groups,
		},
	}
	if g.Now = req.Now; g.Now.IsZero() {
		g.Now = time.Now()
	}
	switch req.Stage {
	case "", string(pipeline.StageToken):
	case string(pipeline.StageLogin):
		g.Stage = pipeline.StageLogin
	default:
		return g, fmt.Errorf("the stage is login or token, not %q", req.Stage)
	}
	if req.Client == "" {
		return g, errors.New("the request names no client")
	}
	for alias, bond := range req.Links {
		if !slices.Contains(pipeline.Bonds(), bond) {
			return g, fmt.Errorf("links of %s: %q says nothing of a link: write one of %s", alias, bond, strings.Join(pipeline.Bonds(), ", "))
		}
		g.Links[alias] = pipeline.Bond(bond)
	}
	for alias, raw := range req.Facts {
		answer, err := givenAnswer(set, alias, raw)
		if err != nil {
			return g, fmt.Errorf("facts of %s: %w", alias, err)
		}
		g.Facts[alias] = answer
	}
	return g, nil
}

// answer reads the facts of one lookup: those of the plugin's schema beside those of the host.
func givenAnswer(set *compile.Set, alias string, raw json.RawMessage) (*pipeline.Answer, error) {
	t, known := set.Facts[alias]
	if !known {
		return nil, fmt.Errorf("no lookup has this name; there are: %s", cmp.Or(strings.Join(slices.Sorted(maps.Keys(set.Facts)), ", "), "none"))
	}
	var own map[string]json.RawMessage
	if err := json.Unmarshal(raw, &own); err != nil {
		return nil, errors.New("this is no JSON object")
	}
	a := &pipeline.Answer{Source: "given"}
	var age string
	for name, into := range map[string]any{"found": &a.Found, "problem": &a.Problem, "failed": &a.Failed, "stale": &a.Stale, "age": &age} {
		if value, there := own[name]; there {
			if err := json.Unmarshal(value, into); err != nil {
				return nil, fmt.Errorf("%s has the wrong type", name)
			}
			delete(own, name)
		}
	}
	if age != "" {
		var err error
		if a.Age, err = time.ParseDuration(age); err != nil {
			return nil, errors.New("age is a duration, such as 10m")
		}
	}
	rest, err := json.Marshal(own)
	if err != nil {
		return nil, err
	}
	var wrong []facts.Problem
	if a.Facts, wrong = t.Given(rest); len(wrong) > 0 {
		said := fmt.Sprintf("%s: %s", wrong[0].Path, wrong[0].Message)
		if wrong[0].Hint != "" {
			said += ": " + wrong[0].Hint
		}
		return nil, errors.New(said)
	}
	return a, nil
}

// Explanation is what became of a request, step by step. It holds values: it is for whoever may see them.
type Explanation struct {
	Outcome string          `json:"outcome"` // patched, unchanged, denied or failed
	Message string          `json:"message,omitempty"`
	Rule    string          `json:"rule,omitempty"`    // file:line of what refused or failed; empty when the request as a whole did
	Err     string          `json:"err,omitempty"`     // of a failure
	Missing string          `json:"missing,omitempty"` // a lookup that was made although the request gives no facts for it
	Doubt   string          `json:"doubt,omitempty"`   // why rules see no identity.email, although the connector gave an address
	Steps   []ExplainedStep `json:"steps"`
	Tokens  []ExplainedCopy `json:"tokens,omitempty"`
	Took    time.Duration   `json:"tookNs"`
	Before  json.RawMessage `json:"before"`
	Worst   *WorstCase      `json:"worst,omitempty"` // how long somebody can go on after an account was switched off
}

// Reveal puts the words of plugins into the errors.
func (e *Explanation) Reveal(words func(string) string) {
	e.Err = words(e.Err)
	for i := range e.Steps {
		e.Steps[i].Err = words(e.Steps[i].Err)
	}
}

// ExplainedCopy is the payload of one kind of token.
type ExplainedCopy struct {
	Kind         string          `json:"kind"`
	Claims       json.RawMessage `json:"claims"`
	PayloadBytes int             `json:"payloadBytes"`
	TokenBytes   int             `json:"tokenBytes"` // signed with RS256 and a key of 2048 bits, as Dex does
}

// ExplainedStep is one step, in the order of the run.
type ExplainedStep struct {
	Kind   string          `json:"kind"` // of token
	Place  string          `json:"place"`
	Path   string          `json:"path"`
	Name   string          `json:"name,omitempty"`
	What   string          `json:"what"`
	Lookup string          `json:"lookup,omitempty"` // the name of the facts
	Ran    bool            `json:"ran"`
	Note   string          `json:"note,omitempty"`
	Why    []pipeline.Part `json:"why,omitempty"`
	Asked  json.RawMessage `json:"asked,omitempty"`
	Answer *ExplainedFacts `json:"answer,omitempty"`
	Cached string          `json:"cached,omitempty"` // what a running sidecar would still answer from its cache
	Err    string          `json:"err,omitempty"`
	Moved  []MovedClaim    `json:"moved,omitempty"`
	Took   time.Duration   `json:"tookNs"`
}

// ExplainedFacts is the answer of a lookup.
type ExplainedFacts struct {
	Found   bool           `json:"found"`
	Problem string         `json:"problem,omitempty"`
	Stale   bool           `json:"stale,omitempty"`
	Source  string         `json:"source"`
	Age     time.Duration  `json:"ageNs"`
	Facts   map[string]any `json:"facts"`
}

// MovedClaim is a claim that a step changed. An absent value means that the claim is not there.
type MovedClaim struct {
	Claim  string          `json:"claim"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

func explanation(in *pipeline.Input, result *pipeline.Result, runErr error, took time.Duration) (*Explanation, error) {
	e := &Explanation{Took: took, Before: in.Payload.Raw(), Steps: []ExplainedStep{}}
	for _, t := range result.Trace.Steps {
		e.Steps = append(e.Steps, explainedStep(t))
	}
	outcome, rule := journal.Ended(result, runErr)
	e.Outcome = string(outcome)
	switch {
	case runErr != nil:
		e.Err, e.Rule = runErr.Error(), rule
		return e, nil
	case result.Denial != nil:
		e.Message, e.Rule = result.Denial.Message, result.Denial.Rule
		return e, nil
	}
	for _, kind := range in.Kinds {
		raw, err := in.Payload.Apply(result.Patches[kind])
		if err != nil {
			return nil, err
		}
		if len(e.Tokens) == 1 && string(e.Tokens[0].Claims) == string(raw) {
			e.Tokens[0].Kind = "access and id"
			continue
		}
		e.Tokens = append(e.Tokens, ExplainedCopy{Kind: string(kind), Claims: raw, PayloadBytes: len(raw), TokenBytes: tokenBytes(len(raw))})
	}
	return e, nil
}

func explainedStep(t pipeline.StepTrace) ExplainedStep {
	out := ExplainedStep{
		Kind: string(t.Kind), Place: t.Pos.String(), Path: t.Path, Name: t.Name, What: t.What, Ran: t.Ran, Note: t.Note, Why: t.Why,
		Asked: t.Asked, Took: t.Took,
	}
	if alias, ok := strings.CutPrefix(t.What, "lookup "); ok {
		out.Lookup = alias
	}
	if t.Err != nil {
		out.Err = t.Err.Error()
	}
	if a := t.Found; a != nil && !a.Failed {
		out.Answer = &ExplainedFacts{Found: a.Found, Problem: a.Problem, Stale: a.Stale, Source: a.Source, Age: a.Age, Facts: a.Facts}
	}
	for _, m := range t.Moved {
		out.Moved = append(out.Moved, MovedClaim(m))
	}
	return out
}

// linkReader reads the links of a configuration, for explanations. It writes nothing, and makes no store that is not there.
type linkReader struct{ stores.Stores }

func readLinks(cfg *config.Config, log *slog.Logger) (*linkReader, error) {
	r := &linkReader{}
	if cfg.State == nil {
		return r, nil // there is no pin
	}
	if err := r.Open(cfg.State, state.Options{Log: log, ReadOnly: true}); err != nil {
		return nil, err
	}
	return r, nil
}

// beside tells what is known of links that are not given.
func (r *linkReader) beside(given map[string]pipeline.Bond) func(context.Context, *pipeline.Link) (pipeline.Bond, error) {
	return func(ctx context.Context, l *pipeline.Link) (pipeline.Bond, error) {
		if bond, ok := given[l.Alias]; ok {
			return bond, nil
		}
		if r.Links == nil {
			return pipeline.BondNone, nil
		}
		bond, err := r.Links.Bond(ctx, l)
		if errors.Is(err, state.ErrNotThere) {
			return pipeline.BondNone, nil
		}
		return bond, err
	}
}

// assumed says in a trace which links were not looked at.
func assumed(trace *pipeline.Trace, given map[string]pipeline.Bond) {
	for i := range trace.Steps {
		t := &trace.Steps[i]
		alias, isLookup := strings.CutPrefix(t.What, "lookup ")
		rest, isNone := strings.CutPrefix(t.Note, "link: "+string(pipeline.BondNone))
		if _, said := given[alias]; isLookup && isNone && !said {
			t.Note = "link: not looked at, so taken for none" + rest
		}
	}
}

// tokenBytes returns how long a token becomes from a payload of n bytes when Dex signs it as it does by default: three parts in
// base64url without padding (RFC 7515 3.1), joined by dots. The header, {"alg":"RS256","kid":...} with a key id of 40 digits, has
// 64 bytes, and the signature of a key of 2048 bits has 256.
func tokenBytes(n int) int {
	const header, signature = 64, 256
	return base64Bytes(header) + 1 + base64Bytes(n) + 1 + base64Bytes(signature)
}

func base64Bytes(n int) int { return (n*8 + 5) / 6 }
