package sidecar

import (
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
)

// keepFacts has facts kept for as long as some lookup may use them.
func (k *stores) keepFacts(cfg *config.Config) {
	if k.facts != nil {
		k.facts.SetMaxAge(maxStale(cfg.Pipeline))
	}
}

func maxStale(steps []config.Step) (most time.Duration) {
	for i := range steps {
		if c := steps[i].Cache; c != nil {
			most = max(most, c.MaxStale)
		}
		most = max(most, maxStale(steps[i].Steps))
	}
	return most
}
