package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/links"
	"github.com/claimsmith/claimsmith/sidecar/internal/stores"
)

// tellLost says at each start what an operator has to decide.
func (s *Server) tellLost(ctx context.Context) {
	if s.Kept.Links == nil {
		return
	}
	within, cancel := context.WithTimeout(ctx, stores.LostTime)
	defer cancel()
	switch lost, err := s.Kept.Links.Check(within); {
	case errors.Is(err, links.ErrUnbound):
		s.Log.ErrorContext(ctx, "links between people and accounts were kept by an older claimsmith, which could not tell when one is missing: they do not hold yet",
			"hint", "look at claimsmith links list, and say that these are all with claimsmith links accept --complete")
	case !lost.IsZero():
		s.Log.ErrorContext(ctx, "links between people and accounts were lost with a damaged file: nobody is linked at a first sign-in",
			"lost", lost.UTC().Format(time.DateTime), "hint", "claimsmith links accept keeps those that are left, claimsmith links add makes links by hand, "+
				"claimsmith links reset --all begins again")
	}
	if n := s.Kept.LinksSealed(ctx); n > 0 {
		s.Log.ErrorContext(ctx, "links between people and accounts are sealed with another key than that of state: nobody can sign in by them",
			"rows", n, "hint", "bring back the key that state had, or begin again with claimsmith links reset --all")
	}
	if err := s.Kept.Links.Anchored(); err != nil && pinned(s.Active.Load().Cfg.Pipeline) {
		s.Log.ErrorContext(ctx, "nobody is linked to an account, because the file that tells a lost or older store cannot be written",
			"err", err, "hint", "name a file that the sidecar can write, in another place than the store, with state.anchorFile")
	}
}

// pinned reports whether a lookup has a pin.
func pinned(steps []config.Step) bool {
	return slices.ContainsFunc(steps, func(s config.Step) bool { return s.Pin != nil || pinned(s.Steps) })
}
