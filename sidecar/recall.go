package sidecar

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/state"
	"github.com/claimsmith/claimsmith/sidecar/internal/tally"
)

// recall remembers who was let in before this start, as far as requests are recorded. A start is not refused as a reload is, so it
// says if the configuration keeps them all out.
func (s *Server) recall(ctx context.Context) {
	keeper, active := s.memory.keeper, s.active.Load()
	if keeper == nil {
		return
	}
	values, err := keeper.List(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.log.WarnContext(ctx, "who was let in before this start is not known", "err", err)
		return
	}
	for _, value := range slices.Backward(values) { // the oldest first
		if r, err := decodeRecorded(value); err == nil && (r.Outcome == "patched" || r.Outcome == "unchanged") {
			s.recallOne(active, r)
		}
	}
	out := s.recent.lockout(ctx, active.set)
	if out.Recent == 0 {
		return
	}
	level := s.log.InfoContext
	said := "people were let in before this start"
	if out.everybody() {
		level, said = s.log.ErrorContext, "the configuration keeps out everybody who was let in before this start"
	}
	attrs := []any{"of", out.Recent, "refused", out.Refused, "failed", out.Failed, "unknown", out.Unknown}
	if len(out.Rules) > 0 {
		attrs = append(attrs, "rules", out.Rules)
	}
	level(ctx, said, attrs...)
}

// newTally is nil where nothing survives a restart.
func newTally(cfg *config.Config, m *memory, log *slog.Logger) (*tally.Tally, error) {
	if m.store == nil {
		return nil, nil
	}
	key, err := state.ReadKey(cfg.State.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	return tally.New(m.store, key, log), nil
}

func (s *Server) recallOne(g *generation, r *recorded) {
	in, err := input(r.request)
	if err != nil {
		return // it was of another version
	}
	s.recent.add(visit{in: in, asked: r.frozen(g.set).asked, sources: g.sources, at: r.At})
}
