package sidecar

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
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
