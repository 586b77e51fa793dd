package observe

import (
	"context"
	"log/slog"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// LogDecision writes the decision line: who asked, what was decided, by which rule, from which facts of what age. It holds names and
// places, never values: ids of requests, clients and connectors come from Dex and its configuration, not from people.
func LogDecision(ctx context.Context, log *slog.Logger, e *journal.Entry) {
	level := slog.LevelInfo
	if e.Err != nil {
		level = slog.LevelWarn
	}
	if !log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("decision_id", e.ID),
		slog.String("request_id", e.RequestID),
		slog.String("client_id", e.Client),
		slog.String("connector_id", e.Connector),
		slog.String("stage", e.Stage),
		slog.String("grant", e.Grant),
		slog.String("outcome", string(e.Outcome)),
	}
	if e.Rule != "" {
		attrs = append(attrs, slog.String("rule", e.Rule))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("code", e.Code.String()), slog.String("err", e.Err.Error()))
	}
	if len(e.Changes) > 0 {
		attrs = append(attrs, slog.Any("claims", changedClaims(e.Changes)))
	}
	if len(e.Facts) > 0 {
		attrs = append(attrs, slog.Any("facts", usedFacts(e.Facts)))
	}
	attrs = append(attrs, slog.Float64("took_ms", milliseconds(e.Took)))
	log.LogAttrs(ctx, level, "decision", attrs...)
}

// changedClaim is one entry of the line's claims.
type changedClaim struct {
	Claim string   `json:"claim"`
	Op    string   `json:"op"`
	Rule  string   `json:"rule"`
	Facts []string `json:"facts,omitempty"`
}

func changedClaims(changes []pipeline.Change) []changedClaim {
	list := make([]changedClaim, len(changes))
	for i, c := range changes {
		list[i] = changedClaim{Claim: c.Claim, Op: c.Op, Rule: c.Pos.String(), Facts: c.Facts}
	}
	return list
}

// usedFact is one entry of the line's facts.
type usedFact struct {
	Lookup string  `json:"lookup"`
	Source string  `json:"source"`
	Stale  bool    `json:"stale,omitempty"`
	AgeMS  int64   `json:"age_ms"`
	TookMS float64 `json:"took_ms"`
	Err    string  `json:"err,omitempty"`
}

// milliseconds are exact to a microsecond: most decisions are made in less than one.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func usedFacts(facts []pipeline.Fact) []usedFact {
	list := make([]usedFact, len(facts))
	for i, f := range facts {
		list[i] = usedFact{Lookup: f.Alias, Source: f.Source, Stale: f.Stale, AgeMS: f.Age.Milliseconds(), TookMS: milliseconds(f.Took)}
		if f.Err != nil {
			list[i].Err = f.Err.Error()
		}
	}
	return list
}
