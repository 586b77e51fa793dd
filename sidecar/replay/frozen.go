package replay

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

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/wire"
)

// Frozen answers the lookups of one run with what was found for another run of the same request. No plugin is asked again.
// Answers are found by plugin and parameters, so it does not matter what a lookup is called.
type Frozen struct {
	Asked  []pipeline.Asked
	Usable map[string]bool // plugins whose facts mean the same to both runs

	mu      sync.Mutex
	missing []string // lookups of this run that the other did not make
}

var errNotAsked = errors.New("the rules in use did not ask this")

func (f *Frozen) answer(l *pipeline.Lookup, q pipeline.Question) (*pipeline.Answer, error) {
	if f.Usable[l.Plugin] {
		for i := range f.Asked {
			if a := &f.Asked[i]; a.Plugin == l.Plugin && bytes.Equal(a.Params, q.Params) {
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

// Freeze answers a run with what was found, and with what was known of links.
func (f *Frozen) Freeze(in *pipeline.Input) { in.Given, in.Bond = f.answer, f.bond }

// bond is what was known of the link to an account of the same plugin. With another provider behind the connector the link does not hold.
func (f *Frozen) bond(_ context.Context, l *pipeline.Link) (pipeline.Bond, error) {
	for _, a := range f.Asked {
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

// NotAsked names the lookups that could not be answered, sorted.
func (f *Frozen) NotAsked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.missing)
	return f.missing
}

// Alike are the plugins whose facts have the same types in both.
func Alike(a, b map[string]*facts.Type) map[string]bool {
	out := make(map[string]bool)
	for name, t := range a {
		if other, there := b[name]; there && reflect.DeepEqual(t, other) {
			out[name] = true
		}
	}
	return out
}

// found are the answers to a recorded request. Plugins whose facts have other types now cannot be used.
func found(set *compile.Set, r *journal.Request) *Frozen {
	types := set.Sources()
	asked, unusable := r.Found(types)
	out := &Frozen{Asked: asked, Usable: make(map[string]bool)}
	for name := range types {
		out.Usable[name] = !unusable[name]
	}
	return out
}

// Replay decides a recorded request once more and explains it. The note says what is not as it was.
func Replay(ctx context.Context, set *compile.Set, r *journal.Request, digest string) (_ *Explanation, note string, err error) {
	in, err := wire.Input(r.Request)
	if err != nil {
		return nil, "", fmt.Errorf("the request made no sense: %w", err)
	}
	in.Now = r.At
	given := found(set, r)
	given.Freeze(in)
	in.Explain = true
	start := time.Now()
	result, runErr := set.Pipeline.Run(ctx, in)
	e, err := explanation(in, result, runErr, time.Since(start))
	if err != nil {
		return nil, "", err
	}
	var notes []string
	if r.Digest != digest {
		notes = append(notes, fmt.Sprintf("The configuration changed since: %s decided, and this is what %s makes of it.", r.Digest, digest))
	}
	if missing := given.NotAsked(); len(missing) > 0 {
		notes = append(notes, "Nobody asked then: "+strings.Join(missing, ", ")+".")
	}
	if e.Outcome != string(r.Outcome) {
		notes = append(notes, fmt.Sprintf("It came out %s then, and %s now.", r.Outcome, e.Outcome))
	}
	return e, strings.Join(notes, " "), nil
}
