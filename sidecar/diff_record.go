package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/record"
	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

// readRecord reads the requests that a configuration records, the newest first. It may be served at the same time.
func readRecord(ctx context.Context, cfg *config.Config) (_ []*recorded, err error) {
	if cfg.Record == nil || cfg.State == nil {
		return nil, errors.New("it has no record")
	}
	options := state.Options{File: cfg.State.File, Log: slog.New(slog.DiscardHandler)}
	if cfg.State.PostgresFile != "" {
		if options.Postgres, err = readLine(cfg.State.PostgresFile); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(cfg.State.File); err != nil {
		return nil, err // and no new one is made
	}
	key, err := state.ReadKey(cfg.Record.KeyFile)
	if err != nil {
		return nil, err
	}
	store, err := state.Open(options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	rows, err := record.Read(ctx, store, key)
	if err != nil {
		return nil, err
	}
	out := make([]*recorded, len(rows))
	for i, row := range rows {
		if out[i], err = decodeRecorded(row); err != nil {
			return nil, fmt.Errorf("request %d: %w", i+1, err)
		}
	}
	return out, nil
}

// outcome is what a rule set makes of a recorded request, with the facts that were found then.
func (r *recorded) outcome(ctx context.Context, set *ruleSet, _ pipeline.Stage) RequestOutcome {
	in, err := input(r.request)
	if err != nil {
		return RequestOutcome{Outcome: outcomeUnknown, Err: err.Error()}
	}
	given := r.frozen(set)
	given.freeze(in)
	result, err := set.pipeline.Run(ctx, in)
	if missing := given.notAsked(); len(missing) > 0 {
		return unanswered(missing[0])
	}
	return outcomeOf(in, result, err)
}

// trial is the request with its name. It was made at one stage.
func (r *recorded) trial() trial {
	return trial{
		name: "decision " + r.ID, client: r.request.GetClientId(), stages: []pipeline.Stage{pipeline.Stage(loggedStage(r.request.GetStage()))},
		outcome: r.outcome,
	}
}
