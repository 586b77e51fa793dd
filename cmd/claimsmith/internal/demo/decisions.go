package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
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

// written is how long the line of a decision may be on its way to the log: serve collects lines before it writes them.
const written = 5 * time.Second

// lastDecision returns the newest decision line of the sidecar's log that fits. It waits for one.
func lastDecision(ctx context.Context, log string, fits func(decision) bool) (decision, error) {
	ctx, cancel := context.WithTimeout(ctx, written)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		d, err := newest(log, fits)
		if err != nil || d.ID != "" {
			return d, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return decision{}, errors.New("read the sidecar's log: there is no line for this decision")
		}
	}
}

// newest is the last line that fits, or one without an id.
func newest(log string, fits func(decision) bool) (decision, error) {
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
	for i := range last.Claims {
		last.Claims[i].Rule = filepath.Base(last.Claims[i].Rule)
	}
	last.Rule = filepath.Base(last.Rule)
	return last, nil
}
