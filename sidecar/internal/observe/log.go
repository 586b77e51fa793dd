package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
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
	if h := log.Handler(); h.Enabled(ctx, level) {
		r := slog.NewRecord(time.Now(), level, "decision", 0) // a logger would look for the place in the code first
		r.AddAttrs(slog.Any("", Line{e}))
		_ = h.Handle(ctx, r) // there is nowhere to say that the log cannot be written
	}
}

// Line is a decision as it is logged. A handler of slog resolves it to its attributes; one that knows AppendMembers has it encoded without
// that.
type Line struct{ *journal.Entry }

// LogValue is the line as a group without a name.
func (l Line) LogValue() slog.Value {
	e := l.Entry
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
		attrs = append(attrs, slog.Any("claims", json.RawMessage(appendClaims(nil, e.Changes))))
	}
	if len(e.Facts) > 0 {
		attrs = append(attrs, slog.Any("facts", json.RawMessage(appendFacts(nil, e.Facts))))
	}
	return slog.GroupValue(append(attrs, slog.Float64("took_ms", milliseconds(e.Took)))...)
}

// AppendMembers appends the line to a JSON object.
func (l Line) AppendMembers(b []byte) []byte {
	e := l.Entry
	b = appendText(b, `,"decision_id":`, e.ID)
	b = appendText(b, `,"request_id":`, e.RequestID)
	b = appendText(b, `,"client_id":`, e.Client)
	b = appendText(b, `,"connector_id":`, e.Connector)
	b = appendText(b, `,"stage":`, e.Stage)
	b = appendText(b, `,"grant":`, e.Grant)
	b = appendText(b, `,"outcome":`, string(e.Outcome))
	if e.Rule != "" {
		b = appendText(b, `,"rule":`, e.Rule)
	}
	if e.Err != nil {
		b = appendText(b, `,"code":`, e.Code.String())
		b = appendText(b, `,"err":`, e.Err.Error())
	}
	if len(e.Changes) > 0 {
		b = appendClaims(append(b, `,"claims":`...), e.Changes)
	}
	if len(e.Facts) > 0 {
		b = appendFacts(append(b, `,"facts":`...), e.Facts)
	}
	return strconv.AppendFloat(append(b, `,"took_ms":`...), milliseconds(e.Took), 'f', -1, 64)
}

func appendClaims(b []byte, changes []pipeline.Change) []byte {
	b = append(b, '[')
	for i, c := range changes {
		b = appendText(comma(b, i), `{"claim":`, c.Claim)
		b = appendText(b, `,"op":`, c.Op)
		b = appendPos(b, `,"rule":`, c.Pos)
		if len(c.Facts) > 0 {
			b = append(b, `,"facts":[`...)
			for j, f := range c.Facts {
				b = appendText(comma(b, j), "", f)
			}
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendFacts(b []byte, facts []pipeline.Fact) []byte {
	b = append(b, '[')
	for i, f := range facts {
		b = appendText(comma(b, i), `{"lookup":`, f.Alias)
		b = appendText(b, `,"source":`, f.Source)
		if f.Stale {
			b = append(b, `,"stale":true`...)
		}
		b = strconv.AppendInt(append(b, `,"age_ms":`...), f.Age.Milliseconds(), 10)
		b = strconv.AppendFloat(append(b, `,"took_ms":`...), milliseconds(f.Took), 'f', -1, 64)
		if f.Err != nil {
			b = appendText(b, `,"err":`, f.Err.Error())
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

// appendText appends what stands before a text, and the text as JSON.
func appendText(b []byte, before, s string) []byte {
	b = append(b, before...)
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendEscaped(b, s)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// appendPos appends what Pos.String gives.
func appendPos(b []byte, before string, p pipeline.Pos) []byte {
	b = appendText(b, before, p.File)
	if p.Line == 0 {
		return b
	}
	return append(strconv.AppendInt(append(b[:len(b)-1], ':'), int64(p.Line), 10), '"')
}

func appendEscaped(b []byte, s string) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string is always written
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}

// milliseconds are exact to a microsecond: most decisions are made in less than one.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
