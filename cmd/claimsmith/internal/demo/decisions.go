package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// decision is the sidecar's log line for one call, as far as the demo shows it.
type decision struct {
	Message string    `json:"msg"`
	ID      string    `json:"decision_id"`
	Stage   string    `json:"stage"`
	Outcome string    `json:"outcome"`
	Rule    string    `json:"rule"`
	Claims  []changed `json:"claims"`
	Facts   []lookup  `json:"facts"`
}

// changed is a claim that a rule changed.
type changed struct {
	Claim string   `json:"claim"`
	Op    string   `json:"op"`
	Rule  string   `json:"rule"`
	Facts []string `json:"facts,omitempty"`
}

type lookup struct {
	Lookup string `json:"lookup"`
	Source string `json:"source"`
	AgeMS  int64  `json:"age_ms"`
}

// lastDecision returns the newest decision line of the sidecar's log that fits.
func lastDecision(log string, fits func(decision) bool) (decision, error) {
	data, err := os.ReadFile(log)
	if err != nil {
		return decision{}, fmt.Errorf("read the sidecar's log: %w", err)
	}
	var last decision
	for line := range bytes.Lines(data) {
		var d decision
		if json.Unmarshal(line, &d) == nil && d.Message == "decision" && fits(d) {
			last = d
		}
	}
	if last.ID == "" {
		return decision{}, errors.New("read the sidecar's log: there is no line for this decision")
	}
	for i := range last.Claims {
		last.Claims[i].Rule = filepath.Base(last.Claims[i].Rule)
	}
	last.Rule = filepath.Base(last.Rule)
	return last, nil
}
