package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/address"
	"github.com/claimsmith/claimsmith/sidecar/claims"
)

// Pipeline is a compiled configuration. It does not change once built and is run by many requests at the same time.
type Pipeline struct {
	Steps     []Step
	PerKind   bool                // some rule reads the kind of token: the steps are run for each kind
	Contracts map[string]Contract // by client
	Ruled     map[string]bool     // clients that have rules or an entry of their own: a stranger may not ask for their audience
	RuledAll  bool                // some rule is about clients that it does not name, as by a pattern: it may be about any
	Connector map[string]Trust    // whose word on an address counts
	Budget    time.Duration       // how long a run may take, whoever asks; zero: as long as its context
	Outline   []About             // of Steps, from Number: then the trace says which of them a run came to
}

// Result is a decision: patches, or a denial.
type Result struct {
	Patches map[Kind]claims.Patch // for each kind of the input; nil when denied
	Denial  *Denial
	Trace   Trace
	Asked   []Asked // the lookups that were made, with values: not for logs
	Links   []Link  // to be written down by whoever serves the decision, with values: not for logs
}

// Asked is a lookup that was made: the question and what came of it.
type Asked struct {
	Alias   string
	Plugin  string
	Params  json.RawMessage
	Answer  *Answer // shared with the run: not to be changed; nil when it failed
	Err     error
	Bond    Bond   // of its link; empty when it was not asked for
	Issuer  string // of the link that was asked about
	Subject string // of the link that follows from it: the person's id at the connector; empty when none does
}

// Denial is a refusal in the words of the operator.
type Denial struct {
	Message string // for the person; may name them, so it is never logged
	Rule    string // where it was decided, for the log
	Path    string // of the step or the pin that refused; empty: the request as a whole was
}

// Run decides one request. The error is an *Error and means that nothing was decided; the trace so far comes with it.
func (p *Pipeline) Run(ctx context.Context, in *Input) (*Result, error) {
	if deadline, ok := ctx.Deadline(); p.Budget > 0 && (!ok || time.Until(deadline) > p.Budget) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.Budget)
		defer cancel()
	}
	in.TrustedEmail = p.Connector[in.Connector].email(in.Identity)
	if in.Now.IsZero() {
		in.Now = time.Now()
	}
	in.Now = in.Now.UTC()
	res := &Result{}
	if err := in.fits(); err != nil {
		return res, &Error{Class: Oversized, Err: err}
	}
	if res.Denial = p.foreignAudience(in); res.Denial != nil {
		return res, nil
	}
	r := run{pipeline: p, in: in, result: res, trace: &res.Trace, answers: make(map[string]*Answer), start: time.Now()}
	defer func() {
		if r.state.Memo != nil {
			r.state.Memo.Release()
		}
	}()
	patches := make(map[Kind]claims.Patch, len(in.Kinds))
	var patch claims.Patch
	for i, kind := range in.Kinds {
		if i == 0 || p.PerKind {
			var err error
			if patch, res.Denial, err = r.once(ctx, kind); err != nil {
				return res, err
			}
			if res.Denial != nil {
				return res, nil
			}
		}
		patches[kind] = patch
	}
	var err error
	if res.Denial, err = r.bound(ctx); err != nil || res.Denial != nil {
		return res, err
	}
	res.Patches = patches
	return res, nil
}

// foreignAudience refuses a token for a client with rules that another client asked for: rules about client.id could be
// walked around by asking through a trusted peer.
func (p *Pipeline) foreignAudience(in *Input) *Denial {
	for _, audience := range in.Audience {
		if audience == in.Client || !p.RuledAll && !p.Ruled[audience] || p.Contracts[audience].admits(in.Client) {
			continue
		}
		return &Denial{
			Message: fmt.Sprintf("The application %s may not ask for tokens for %s.", oneLine(in.Client), oneLine(audience)),
			Rule:    "clients." + audience + ".peers",
		}
	}
	return nil
}

// run is one pass over the steps, for one goroutine.
type run struct {
	pipeline *Pipeline
	in       *Input
	result   *Result
	trace    *Trace             // of result
	answers  map[string]*Answer // by alias and parameters: the second kind of token gets the answers of the first
	start    time.Time
	state    State
	withheld []*Step // lookups that are not made for such requests
	links    []Link
	unpinned error // why a link is not in links
}

// once runs all steps for one kind of token, and checks what came out.
func (r *run) once(ctx context.Context, kind Kind) (claims.Patch, *Denial, error) {
	r.state = State{In: r.in, Kind: kind, Claims: claims.NewDraft(r.in.Payload), Facts: make(map[string]*Answer), Memo: r.state.Memo, Version: r.state.Version + 1}
	denial, err := r.steps(ctx, r.pipeline.Steps)
	if denial != nil || err != nil {
		return claims.Patch{}, denial, r.withholding(err)
	}
	patch := r.state.Claims.Patch()
	subject := claims.Subject{Email: r.in.TrustedEmail, EmailVerified: r.in.TrustedEmail != ""}
	if err := claims.Check(r.in.Payload, patch, subject); err != nil {
		return claims.Patch{}, nil, r.blame(patch, subject, err)
	}
	trimmed, err := r.trimmed(ctx, patch)
	if err != nil {
		return claims.Patch{}, nil, err
	}
	if err := r.contracts(patch); err != nil {
		return claims.Patch{}, nil, r.withholding(err)
	}
	if err := fits(r.state.Claims, patch, claims.MaxPayload); err != nil {
		return claims.Patch{}, nil, &Error{Class: Unfit, Path: "pipeline", Err: err}
	}
	return trimmed, nil, nil
}

// blame finds the rule that gave a claim which the guard refuses, or took away one that has to stay.
func (r *run) blame(patch claims.Patch, s claims.Subject, err error) error {
	refused := func(one claims.Patch) bool { return claims.Check(r.in.Payload, one, s) != nil }
	if refused(claims.Patch{}) { // what Dex gave is refused as it is, and no rule is to blame
		return &Error{Class: classOf(err, Internal), Path: "pipeline", Err: err}
	}
	for _, op := range []string{"set", "remove"} {
		for _, c := range r.trace.Changes {
			alone := claims.Patch{Remove: []string{c.Claim}}
			if value, set := patch.Set[c.Claim]; set {
				alone = claims.Patch{Set: map[string]json.RawMessage{c.Claim: value}}
			}
			if c.Op == op && refused(alone) {
				return &Error{Class: classOf(err, Internal), Path: c.Path, Pos: c.Pos, Err: err}
			}
		}
	}
	return &Error{Class: classOf(err, Internal), Path: "pipeline", Err: err}
}

func (r *run) steps(ctx context.Context, steps []Step) (*Denial, error) {
	for i := 0; i < len(steps); {
		if r.skips(&steps[i]) {
			i++
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, &Error{Class: Deadline, Path: steps[i].Path, Pos: steps[i].Pos, Err: err}
		}
		if steps[i].Lookup != nil {
			n := together(steps[i:])
			if err := r.lookups(ctx, steps[i:i+n]); err != nil {
				return nil, err
			}
			i += n
			continue
		}
		denial, err := r.step(ctx, &steps[i])
		if denial != nil || err != nil {
			return denial, err
		}
		i++
	}
	return nil, nil
}

// skips reports whether a step is of another client or connector, so that nothing of it needs to be evaluated.
func (r *run) skips(s *Step) bool {
	if s.Lookup != nil || r.in.Explain || s.only.admits(r.in) {
		return false
	}
	if len(r.pipeline.Outline) <= few {
		r.visit(s)
	}
	return true
}

// step runs a step that is no lookup, and explains it if that is wanted.
func (r *run) step(ctx context.Context, s *Step) (*Denial, error) {
	if !r.in.Explain {
		return r.do(ctx, s)
	}
	done := r.explain(ctx, s)
	denial, err := r.do(ctx, s)
	done(denial, err)
	return denial, err
}

func (r *run) do(ctx context.Context, s *Step) (*Denial, error) {
	r.visit(s)
	if ok, err := r.holds(ctx, s); !ok {
		return nil, err
	}
	r.ran()
	switch {
	case s.Deny != nil:
		return r.deny(ctx, s)
	case s.Steps != nil:
		return r.steps(ctx, s.Steps)
	case s.Remove != nil:
		for _, name := range s.Remove {
			r.state.Claims.Remove(name)
			r.trace.change(Change{Claim: name, Op: "remove", Pos: s.Pos, Path: s.Path})
		}
	default:
		return nil, r.set(ctx, s)
	}
	r.state.Version++
	return nil, nil
}

// holds evaluates the when of a step.
func (r *run) holds(ctx context.Context, s *Step) (bool, error) {
	if s.When == nil || s.outside(r.in.Now) != "" {
		return s.outside(r.in.Now) == "", nil
	}
	ok, err := s.When.Holds(ctx, &r.state)
	if err != nil {
		return false, failure(s, ".when", err)
	}
	return ok, nil
}

func (r *run) deny(ctx context.Context, s *Step) (*Denial, error) {
	yes, err := s.Deny.If.Holds(ctx, &r.state)
	if err != nil {
		return nil, failure(s, ".deny", err)
	}
	if !yes {
		return nil, nil
	}
	message, err := s.Deny.Message.Text(ctx, &r.state)
	if err != nil {
		return nil, failure(s, ".message", err)
	}
	return &Denial{Message: message, Rule: s.Pos.String(), Path: s.Path}, nil
}

// set evaluates all values before it sets the first: each sees the claims as they were before the step.
func (r *run) set(ctx context.Context, s *Step) error {
	values := make([][]byte, len(s.Set))
	for i := range s.Set {
		value, err := r.value(ctx, &s.Set[i])
		if err != nil {
			return err
		}
		values[i] = value
	}
	for i, a := range s.Set {
		if values[i] == nil {
			r.state.Claims.Remove(a.Name)
			r.trace.change(Change{Claim: a.Name, Op: "remove", Pos: a.Pos, Path: a.Path, Facts: a.Value.Reads().Facts})
			continue
		}
		r.state.Claims.Set(a.Name, values[i])
		r.trace.change(Change{Claim: a.Name, Op: "set", Pos: a.Pos, Path: a.Path, Facts: a.Value.Reads().Facts})
	}
	r.distrust(s)
	r.state.Version++
	return nil
}

// errAsserted: some connectors give the address of a person also as a name.
var errAsserted = errors.New("this would be an address that nobody verified: the connector gave it as a name of the person")

// value evaluates what is given a name.
func (r *run) value(ctx context.Context, a *Assignment) (json.RawMessage, error) {
	value, err := a.Value.JSON(ctx, &r.state)
	if who := r.in.Identity; err == nil && a.Asserted && !who.EmailVerified && strings.Contains(who.Email, "@") &&
		strings.Contains(address.Lower(string(value)), address.Lower(who.Email)) {
		err = errAsserted
	}
	if err != nil {
		return nil, failureAt(a.Path, a.Pos, err)
	}
	return value, nil
}

// distrust marks an address that nobody verified: a rule that sets email to anything else than the trusted address,
// in upper or lower case, also says email_verified false.
func (r *run) distrust(s *Step) {
	for _, a := range s.Set {
		value, there := r.state.Claims.Get("email")
		if a.Name != "email" || !there {
			continue
		}
		var address string
		if r.in.TrustedEmail != "" && json.Unmarshal(value, &address) == nil && claims.SameAddress(address, r.in.TrustedEmail) {
			return
		}
		r.state.Claims.Set("email_verified", []byte("false"))
		r.trace.change(Change{Claim: "email_verified", Op: "set", Pos: a.Pos, Path: a.Path, Facts: a.Value.Reads().Facts})
	}
}
