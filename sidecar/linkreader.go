package sidecar

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/state"
)

// linkReader reads the links of a configuration, for explanations. It writes nothing, and makes no store that is not there.
type linkReader struct{ stores }

func readLinks(cfg *config.Config, log *slog.Logger) (*linkReader, error) {
	r := &linkReader{}
	if cfg.State == nil {
		return r, nil // there is no pin
	}
	if err := r.open(cfg.State, state.Options{Log: log, ReadOnly: true}); err != nil {
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
		if r.links == nil {
			return pipeline.BondNone, nil
		}
		bond, err := r.links.Bond(ctx, l)
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
