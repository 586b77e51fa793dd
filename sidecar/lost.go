package sidecar

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/links"
)

// lostTime is how long the store may take to say what was lost.
const lostTime = 5 * time.Second

// linksLost returns since when it is known that links were lost. Zero: none were, or nobody can tell now.
func (k *stores) linksLost(ctx context.Context) time.Time {
	if k.links == nil {
		return time.Time{}
	}
	ctx, cancel := context.WithTimeout(ctx, lostTime)
	defer cancel()
	lost, _ := k.links.Check(ctx) // a sign-in that needs to know fails
	return lost
}

// linksSealed returns how many rows of links are sealed with another key. Zero: none are, or nobody can tell now.
func (k *stores) linksSealed(ctx context.Context) int {
	if k.links == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, lostTime)
	defer cancel()
	n, _ := k.links.Sealed(ctx) // a sign-in that needs to know fails
	return n
}

// tellLost says at each start what an operator has to decide.
func (s *Server) tellLost(ctx context.Context) {
	if s.kept.links == nil {
		return
	}
	within, cancel := context.WithTimeout(ctx, lostTime)
	defer cancel()
	switch lost, err := s.kept.links.Check(within); {
	case errors.Is(err, links.ErrUnbound):
		s.log.ErrorContext(ctx, "links between people and accounts were kept by an older claimsmith, which could not tell when one is missing: they do not hold yet",
			"hint", "look at claimsmith links list, and say that these are all with claimsmith links accept --complete")
	case !lost.IsZero():
		s.log.ErrorContext(ctx, "links between people and accounts were lost with a damaged file: nobody is linked at a first sign-in",
			"lost", lost.UTC().Format(time.DateTime), "hint", "claimsmith links accept keeps those that are left, claimsmith links add makes links by hand, "+
				"claimsmith links reset --all begins anew")
	}
	if n := s.kept.linksSealed(ctx); n > 0 {
		s.log.ErrorContext(ctx, "links between people and accounts are sealed with another key than that of state: nobody can sign in by them",
			"rows", n, "hint", "bring back the key that state had, or begin anew with claimsmith links reset --all")
	}
	if err := s.kept.links.Anchored(); err != nil && pinned(s.active.Load().cfg.Pipeline) {
		s.log.ErrorContext(ctx, "nobody is linked to an account, because the file that tells a lost or older store cannot be written",
			"err", err, "hint", "name a file that the sidecar can write, in another place than the store, with state.anchorFile")
	}
}

// pinned reports whether a lookup has a pin.
func pinned(steps []config.Step) bool {
	return slices.ContainsFunc(steps, func(s config.Step) bool { return s.Pin != nil || pinned(s.Steps) })
}
