package sidecar

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// decision is what the log says about one call: who asked, what was decided, by which rule, from which facts of what age.
// It holds names and places, never values.
type decision struct {
	id      string
	start   time.Time
	request *hookv1.ExtendPayloadRequest
	active  *generation // what decided; nil when nothing was active. Only what outlives it is read once the call is over
	trace   pipeline.Trace
	asked   []pipeline.Asked // with values: not for logs
	denial  *pipeline.Denial
	span    *requestSpan // nil: not traced
	code    codes.Code   // codes.OK: decided
	err     error
}

// base32 without the letters that are read wrong on the telephone (I, L, O, U).
const idAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newDecisionID returns 40 random bits in a form that can be read out: 7K2M-Q9XD.
func newDecisionID() string {
	var random [5]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the process instead
	s := base32.NewEncoding(idAlphabet).EncodeToString(random[:])
	return s[:4] + "-" + s[4:]
}

func (d *decision) outcome() string {
	switch {
	case withheld(d.err):
		return "denied" // by the configuration, and not by a rule of it
	case d.err != nil:
		return "failed"
	case d.denial != nil:
		return "denied"
	case len(d.trace.Changes) == 0:
		return "unchanged"
	}
	return "patched"
}

func withheld(err error) bool {
	var e *pipeline.Error
	return errors.As(err, &e) && e.Class == pipeline.Withheld
}

// loggedStage is the stage as rules know it.
func loggedStage(s hookv1.Stage) string {
	switch s {
	case hookv1.Stage_STAGE_LOGIN:
		return string(pipeline.StageLogin)
	case hookv1.Stage_STAGE_TOKEN:
		return string(pipeline.StageToken)
	}
	return s.String()
}

// log writes the decision line. Ids of requests, clients and connectors come from Dex and its configuration, not from people.
func (d *decision) log(ctx context.Context, log *slog.Logger) {
	level := slog.LevelInfo
	if d.err != nil {
		level = slog.LevelWarn
	}
	if !log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("decision_id", d.id),
		slog.String("request_id", d.request.GetRequestId()),
		slog.String("client_id", d.request.GetClientId()),
		slog.String("connector_id", d.request.GetConnectorId()),
		slog.String("stage", loggedStage(d.request.GetStage())),
		slog.String("grant", d.request.GetGrantType()),
		slog.String("outcome", d.outcome()),
	}
	if rule := d.rule(); rule != "" {
		attrs = append(attrs, slog.String("rule", rule))
	}
	if d.err != nil {
		attrs = append(attrs, slog.String("code", d.code.String()), slog.String("err", d.err.Error()))
	}
	if len(d.changes()) > 0 {
		attrs = append(attrs, slog.Any("claims", d.claims()))
	}
	if len(d.trace.Facts) > 0 {
		attrs = append(attrs, slog.Any("facts", d.facts()))
	}
	attrs = append(attrs, slog.Float64("took_ms", milliseconds(time.Since(d.start))))
	log.LogAttrs(ctx, level, "decision", attrs...)
}

// rule is the place in the configuration where it was denied or where it failed; empty when there is none.
func (d *decision) rule() string {
	if d.denial != nil {
		return d.denial.Rule
	}
	if d.err == nil {
		return ""
	}
	var failed *pipeline.Error
	if errors.As(d.err, &failed) {
		return failed.Pos.String()
	}
	return ""
}

// changedClaim is one entry of the line's claims.
type changedClaim struct {
	Claim string   `json:"claim"`
	Op    string   `json:"op"`
	Rule  string   `json:"rule"`
	Facts []string `json:"facts,omitempty"`
}

// changes are the claims that a token got. Steps may have set some before one refused: nobody got these.
func (d *decision) changes() []pipeline.Change {
	if d.denial != nil || d.err != nil {
		return nil
	}
	return d.trace.Changes
}

func (d *decision) claims() []changedClaim {
	list := make([]changedClaim, len(d.trace.Changes))
	for i, c := range d.trace.Changes {
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

func (d *decision) facts() []usedFact {
	list := make([]usedFact, len(d.trace.Facts))
	for i, f := range d.trace.Facts {
		list[i] = usedFact{Lookup: f.Alias, Source: f.Source, Stale: f.Stale, AgeMS: f.Age.Milliseconds(), TookMS: milliseconds(f.Took)}
		if f.Err != nil {
			list[i].Err = f.Err.Error()
		}
	}
	return list
}
