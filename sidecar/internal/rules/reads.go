package rules

import (
	"maps"
	"slices"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// reads collects what an expression can read.
type reads struct {
	facts, claims, clients   map[string]bool
	only                     pipeline.Only
	all, token, time, grant  bool
	clientReads, clientNamed int // how often client.id is read, and how often only to compare it with constants
}

func newReads() *reads {
	return &reads{facts: map[string]bool{}, claims: map[string]bool{}, clients: map[string]bool{}}
}

func (r *reads) fact(name string)  { r.facts[name] = true }
func (r *reads) claim(name string) { r.claims[name] = true }

func (r *reads) allClaims() { r.all = true }

func (r *reads) sorted() pipeline.Reads {
	return pipeline.Reads{
		Facts: slices.Sorted(maps.Keys(r.facts)), Claims: slices.Sorted(maps.Keys(r.claims)), Clients: slices.Sorted(maps.Keys(r.clients)),
		AllClaims: r.all, Token: r.token, Time: r.time, Grant: r.grant, AnyClient: r.clientReads > r.clientNamed, Only: r.only,
	}
}
