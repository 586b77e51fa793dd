package sidecar

import (
	"errors"
	"slices"
	"sync"

	"github.com/claimsmith/claimsmith/sidecar/internal/links"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// refusals is how many of them are remembered; more push out the oldest.
const refusals = 200

// refusal is a decision against somebody for whom an account was found.
type refusal struct {
	id string
	person
}

// person is who a decision was about, as links call them.
type person struct {
	connector string
	user      string            // at the connector
	subjects  map[string]string // what links would call them, by plugin
	address   string            // as links keep it
}

// refused remembers the last people who were turned away although an account was found for them, so that the operator can link
// them by the id of the decision. It is kept in memory and written nowhere.
type refused struct {
	mu   sync.Mutex
	ring []refusal // the oldest first
}

func (r *refused) add(one refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ring) == refusals {
		r.ring = slices.Delete(r.ring, 0, 1)
	}
	r.ring = append(r.ring, one)
}

// find returns nil when the decision is not remembered.
func (r *refused) find(id string) *person {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.ring {
		if one.id == id {
			return &one.person
		}
	}
	return nil
}

// forget drops what is remembered of somebody, and returns how many requests that were.
func (r *refused) forget(who *forgotten) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.ring)
	r.ring = slices.DeleteFunc(r.ring, func(one refusal) bool {
		return who.linked(links.Link{Connector: one.connector, User: one.user, Address: one.address})
	})
	return before - len(r.ring)
}

// noteRefused remembers who was turned away, where links are kept.
func (s *Server) noteRefused(id string, in *pipeline.Input, result *pipeline.Result, err error) {
	if s.memory.links == nil || !in.IsUser() || result.Denial == nil && !errors.Is(err, links.ErrLost) {
		return
	}
	if who := s.memory.person(in.Connector, in.Identity, result.Asked); len(who.subjects) > 0 {
		s.refused.add(refusal{id, *who})
	}
}

// person is who a request was about.
func (m *memory) person(connector string, is pipeline.Identity, asked []pipeline.Asked) *person {
	out := &person{connector: connector, user: is.UserID, subjects: map[string]string{}, address: m.links.Address(is.Email)}
	for _, a := range asked {
		if a.Subject != "" {
			out.subjects[a.Plugin] = a.Subject
		}
	}
	return out
}
