package replay

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/fixture"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// Requests are requests that were made once, with the facts that were found for them.
type Requests interface {
	// Requests returns them in a stable order.
	Requests(ctx context.Context) ([]NamedRequest, error)
}

// NamedRequest is a request that people can find again. Without a stage it is made at login and at token, as a test is.
type NamedRequest struct {
	Name  string // of a test, or the id of a decision
	Place string // file:line; empty where there is none
	Request
}

// DiffOptions say which requests are made beside those of the tests.
type DiffOptions struct {
	Requests Requests // nil: none
	Record   bool     // those that the old configuration records
}

// trial is a request that both configurations are tried on.
type trial struct {
	name, place, client string
	stages              []pipeline.Stage
	outcome             func(context.Context, *compile.Set, pipeline.Stage) RequestOutcome
}

// Diff makes the requests of the tests of both configurations, and others, with the rules of both, and compares what comes out.
// Nothing is started and nobody is asked; what a test wants does not matter. The error is a *Problems when one of the files
// cannot be used.
func Diff(ctx context.Context, old, now string, o compile.Options, more DiffOptions) (*Difference, error) {
	before, cfg, problems := loadToCompare(ctx, old, o)
	if before == nil {
		return nil, problems
	}
	after, next, problems := loadToCompare(ctx, now, o)
	if after == nil {
		return nil, problems
	}
	requests := append(requestsOf(cfg), requestsOf(next)...)
	if more.Requests != nil {
		list, err := more.Requests.Requests(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the requests: %w", err)
		}
		requests = append(requests, list...)
	}
	trials := trialsOf(distinct(requests))
	if more.Record {
		list, err := readRecord(ctx, cfg)
		if err != nil {
			return nil, fmt.Errorf("read the record of %s: %w", old, err)
		}
		for _, r := range list {
			trials = append(trials, trialOf(r))
		}
	}
	if len(trials) == 0 {
		return nil, errors.New("there is nothing to compare with: neither file has tests")
	}
	d := &Difference{Old: old, New: now}
	for i := range trials {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d.add(trials[i].client, trials[i].compare(ctx, before, after))
	}
	slices.SortFunc(d.Clients, func(a, b ClientDifference) int { return cmp.Compare(a.Client, b.Client) })
	return d, nil
}

func loadToCompare(ctx context.Context, file string, o compile.Options) (*compile.Set, *config.Config, *compile.Problems) {
	cfg, src, problems := config.Load(file, config.Options{Builtins: o.BuiltinNames()})
	set, all := compile.Build(ctx, cfg, src, problems, compile.Offline{Options: o})
	return set, cfg, all
}

// requestsOf are the requests that the tests of a configuration describe.
func requestsOf(cfg *config.Config) []NamedRequest {
	requests := make([]NamedRequest, len(cfg.Tests))
	for i := range cfg.Tests {
		requests[i] = requestOf(&cfg.Tests[i])
	}
	return requests
}

func trialsOf(requests []NamedRequest) []trial {
	trials := make([]trial, len(requests))
	for i, r := range requests {
		trials[i] = trial{
			name: r.Name, place: r.Place, client: r.Client,
			stages: fixture.Given{Connector: r.Connector, Stage: pipeline.Stage(r.Stage)}.Stages(),
			outcome: func(ctx context.Context, set *compile.Set, stage pipeline.Stage) RequestOutcome {
				return requestOutcome(ctx, set, r.Request, stage)
			},
		}
	}
	return trials
}

// distinct leaves out requests that are there already under another name: the tests of two versions of a file are mostly the same.
func distinct(list []NamedRequest) []NamedRequest {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(r NamedRequest) bool {
		key, err := json.Marshal(r.Request)
		if err != nil {
			return false // facts that are no JSON: said when it is run
		}
		double := seen[string(key)]
		seen[string(key)] = true
		return double
	})
}

// compare makes the request at its stages. Stages at which the same changes are shown once.
func (t *trial) compare(ctx context.Context, before, after *compile.Set) (out []RequestDifference) {
	stages := t.stages
	for _, stage := range stages {
		d := RequestDifference{
			Name: t.name, Place: t.place, Stage: string(stage), Old: t.outcome(ctx, before, stage), New: t.outcome(ctx, after, stage),
		}
		if d.Judge(); d.Change != NoChange {
			out = append(out, d)
		}
	}
	if len(out) == 2 && out[0].same(out[1]) {
		out, stages = out[:1], stages[:1]
	}
	if len(stages) == 1 && len(out) == 1 {
		out[0].Stage = ""
	}
	return out
}
