package logfile

import (
	"context"
	"io"
	"log/slog"
	"time"
)

// Handler is a handler of slog that writes lines into a Buffer, and has warnings and worse written at once.
//
// A record whose only attribute is an Appender without a key is encoded by that, as JSON, in the form that slog.JSONHandler gives the
// group which the value resolves to. All others are encoded by slog.
type Handler struct {
	slog.Handler
	lines *Buffer
	json  bool
}

// Appender is a value that appends its members to a JSON object: `,"a":1,"b":"c"`.
type Appender interface{ AppendMembers(b []byte) []byte }

// New makes a logger over out, and what ends it: after that, lines that were logged are written.
func New(out io.Writer, json bool, level slog.Level) (_ *slog.Logger, end func()) {
	h := &Handler{json: json}
	log := slog.New(h)
	h.lines = NewBuffer(out, func(lines int) {
		log.Warn("the log was not taken for a while: lines were lost", "lines", lines)
	})
	o := &slog.HandlerOptions{Level: level}
	if json {
		h.Handler = slog.NewJSONHandler(h.lines, o)
	} else {
		h.Handler = slog.NewTextHandler(h.lines, o)
	}
	return log, h.lines.Close
}

// Handle encodes a record and collects the line.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	err := h.handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		h.lines.Flush()
	}
	return err
}

func (h *Handler) handle(ctx context.Context, r slog.Record) error {
	if !h.json || r.NumAttrs() != 1 {
		return h.Handler.Handle(ctx, r)
	}
	var line Appender
	r.Attrs(func(a slog.Attr) bool {
		line, _ = a.Value.Any().(Appender)
		return false
	})
	if line == nil {
		return h.Handler.Handle(ctx, r)
	}
	b := append(make([]byte, 0, 1<<10), `{"time":"`...)
	b = r.Time.AppendFormat(b, time.RFC3339Nano)
	b = append(append(b, `","level":"`...), r.Level.String()...)
	b = append(append(b, `","msg":"`...), r.Message...) // messages of records like this are constants without quotes
	b = line.AppendMembers(append(b, '"'))
	b = append(b, "}\n"...)
	_, err := h.lines.Write(b)
	return err
}

// WithAttrs returns a handler that encodes by slog.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{Handler: h.Handler.WithAttrs(attrs), lines: h.lines}
}

// WithGroup returns a handler that encodes by slog.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{Handler: h.Handler.WithGroup(name), lines: h.lines}
}
