package replay

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/state"
	"github.com/claimsmith/claimsmith/sidecar/internal/stores"
	"github.com/claimsmith/claimsmith/sidecar/internal/wire"
)

// readRecord reads the requests that a configuration records, the newest first. It may be served at the same time.
func readRecord(ctx context.Context, cfg *config.Config) (_ []*journal.Request, err error) {
	if cfg.Record == nil || cfg.State == nil {
		return nil, errors.New("it has no record")
	}
	options := state.Options{File: cfg.State.File, Log: slog.New(slog.DiscardHandler)}
	if cfg.State.PostgresFile != "" {
		if options.Postgres, err = stores.ReadLine(cfg.State.PostgresFile); err != nil {
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
	return journal.Read(ctx, store, key)
}

// trialOf is a recorded request with its name, and with the facts that were found then. It was made at one stage.
func trialOf(r *journal.Request) trial {
	outcome := func(ctx context.Context, set *compile.Set, _ pipeline.Stage) RequestOutcome {
		in, err := wire.Input(r.Request)
		if err != nil {
			return RequestOutcome{Outcome: outcomeUnknown, Err: err.Error()}
		}
		in.Now = r.At
		given := found(set, r)
		given.Freeze(in)
		result, err := set.Pipeline.Run(ctx, in)
		if missing := given.NotAsked(); len(missing) > 0 {
			return unanswered(missing[0])
		}
		return OutcomeOf(in, result, err)
	}
	return trial{
		name: "decision " + r.ID, client: r.Request.GetClientId(), stages: []pipeline.Stage{pipeline.Stage(wire.StageName(r.Request.GetStage()))},
		outcome: outcome,
	}
}
