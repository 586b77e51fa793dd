package sidecar

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// frozen answers the lookups of one run with what was found for another run of the same request. No plugin is asked again.
// Answers are found by plugin and parameters, so it does not matter what a lookup is called.
type frozen struct {
	asked  []pipeline.Asked
	usable map[string]bool // plugins whose facts mean the same to both runs

	mu      sync.Mutex
	missing []string // lookups of this run that the other did not make
}

var errNotAsked = errors.New("the rules in use did not ask this")

func (f *frozen) answer(l *pipeline.Lookup, q pipeline.Question) (*pipeline.Answer, error) {
	if f.usable[l.Plugin] {
		for i := range f.asked {
			if a := &f.asked[i]; a.Plugin == l.Plugin && bytes.Equal(a.Params, q.Params) {
				return a.Answer, a.Err
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.missing, l.Alias) {
		f.missing = append(f.missing, l.Alias)
	}
	return nil, errNotAsked
}

// freeze answers a run with what was found, and with what was known of links.
func (f *frozen) freeze(in *pipeline.Input) { in.Given, in.Bond = f.answer, f.bond }

// bond is what was known of the link to an account of the same plugin. With another provider behind the connector the link does not hold.
func (f *frozen) bond(_ context.Context, l *pipeline.Link) (pipeline.Bond, error) {
	for _, a := range f.asked {
		switch {
		case a.Plugin != l.Plugin || a.Bond == "":
		case a.Issuer != l.Issuer:
			return pipeline.BondMoved, nil
		default:
			return a.Bond, nil
		}
	}
	return pipeline.BondNone, nil
}

// notAsked names the lookups that could not be answered, sorted.
func (f *frozen) notAsked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.missing)
	return f.missing
}

// sources are the facts of the plugins that the steps ask, by the name of the plugin.
func (set *ruleSet) sources() map[string]*facts.Type {
	out := make(map[string]*facts.Type)
	var walk func([]pipeline.Step)
	walk = func(steps []pipeline.Step) {
		for i := range steps {
			if l := steps[i].Lookup; l != nil {
				out[l.Plugin] = set.facts[l.Alias]
			}
			walk(steps[i].Steps)
		}
	}
	walk(set.pipeline.Steps)
	return out
}

// alike are the plugins whose facts have the same types in both.
func alike(a, b map[string]*facts.Type) map[string]bool {
	out := make(map[string]bool)
	for name, t := range a {
		if other, there := b[name]; there && reflect.DeepEqual(t, other) {
			out[name] = true
		}
	}
	return out
}

// found are the answers to a recorded request. Plugins whose facts have other types now cannot be used.
func found(set *ruleSet, r *journal.Request) *frozen {
	types := set.sources()
	asked, unusable := r.Found(types)
	out := &frozen{asked: asked, usable: make(map[string]bool)}
	for name := range types {
		out.usable[name] = !unusable[name]
	}
	return out
}

// replay decides a recorded request once more and explains it. The note says what is not as it was.
func (set *ruleSet) replay(ctx context.Context, r *journal.Request, digest string) (_ *Explanation, note string, err error) {
	in, err := input(r.Request)
	if err != nil {
		return nil, "", fmt.Errorf("the request made no sense: %w", err)
	}
	given := found(set, r)
	given.freeze(in)
	in.Explain = true
	start := time.Now()
	result, runErr := set.pipeline.Run(ctx, in)
	e, err := explanation(in, result, runErr, time.Since(start))
	if err != nil {
		return nil, "", err
	}
	var notes []string
	if r.Digest != digest {
		notes = append(notes, fmt.Sprintf("The configuration changed since: %s decided, and this is what %s makes of it.", r.Digest, digest))
	}
	if missing := given.notAsked(); len(missing) > 0 {
		notes = append(notes, "Nobody asked then: "+strings.Join(missing, ", ")+".")
	}
	if e.Outcome != string(r.Outcome) {
		notes = append(notes, fmt.Sprintf("It came out %s then, and %s now.", r.Outcome, e.Outcome))
	}
	return e, strings.Join(notes, " "), nil
}
