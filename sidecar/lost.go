package sidecar

import (
	"context"
	"time"
)

// lostTime is how long the store may take to say what was lost.
const lostTime = 5 * time.Second

// linksLost returns when links were lost with a damaged file. Zero: none were, or nobody can tell now.
func (m *memory) linksLost(ctx context.Context) time.Time {
	if m.links == nil {
		return time.Time{}
	}
	ctx, cancel := context.WithTimeout(ctx, lostTime)
	defer cancel()
	lost, _ := m.links.Lost(ctx) // a sign-in that needs to know fails
	return lost
}

// linksSealed returns how many rows of links are sealed with another key. Zero: none are, or nobody can tell now.
func (m *memory) linksSealed(ctx context.Context) int {
	if m.links == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, lostTime)
	defer cancel()
	n, _ := m.links.Sealed(ctx) // a sign-in that needs to know fails
	return n
}

// tellLost says at each start what an operator has to decide.
func (s *Server) tellLost(ctx context.Context) {
	if lost := s.memory.linksLost(ctx); !lost.IsZero() {
		s.log.ErrorContext(ctx, "links between people and accounts were lost with a damaged file: nobody is linked at a first sign-in",
			"lost", lost.UTC().Format(time.DateTime), "hint", "claimsmith links add makes links by hand, claimsmith links reset --all begins anew")
	}
	if n := s.memory.linksSealed(ctx); n > 0 {
		s.log.ErrorContext(ctx, "links between people and accounts are sealed with another key than that of state: nobody can sign in by them",
			"rows", n, "hint", "bring back the key that state had, or begin anew with claimsmith links reset --all")
	}
}
