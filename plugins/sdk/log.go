package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"sync"
	"time"
)

// longest is how many bytes of a text attribute are sent: the host reads one record a line, of limited length.
const longest = 4096

// handler writes records as the lines of JSON that go-plugin hosts read from a plugin's stderr.
type handler struct {
	out    *output
	prefix string // "group." for names inside groups
	attrs  map[string]any
}

type output struct {
	mu sync.Mutex
	w  io.Writer
}

func newHandler(w io.Writer) slog.Handler { return &handler{out: &output{w: w}} }

// Enabled lets all but trace through: the host's own level decides what is kept.
func (h *handler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelDebug }

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	line := make(map[string]any, len(h.attrs)+r.NumAttrs()+3)
	for name, v := range h.attrs {
		line[name] = v
	}
	r.Attrs(func(a slog.Attr) bool {
		flatten(line, h.prefix, a)
		return true
	})
	line["@level"], line["@message"] = level(r.Level), shorten(r.Message)
	if !r.Time.IsZero() {
		line["@timestamp"] = r.Time.Format("2006-01-02T15:04:05.000000Z07:00")
	}
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err = h.out.w.Write(append(b, '\n'))
	return err
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.attrs = make(map[string]any, len(h.attrs)+len(attrs))
	for name, v := range h.attrs {
		next.attrs[name] = v
	}
	for _, a := range attrs {
		flatten(next.attrs, h.prefix, a)
	}
	return &next
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.prefix += name + "."
	return &next
}

// flatten puts a into line, members of groups as group.name.
func flatten(line map[string]any, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range v.Group() {
			flatten(line, prefix, member)
		}
		return
	}
	if a.Key == "" && v.Any() == nil {
		return // what handlers ignore
	}
	line[prefix+a.Key] = plain(v)
}

func plain(v slog.Value) any {
	switch v.Kind() {
	case slog.KindBool, slog.KindInt64, slog.KindUint64:
		return v.Any()
	case slog.KindFloat64:
		if f := v.Float64(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	case slog.KindTime:
		return v.Time().Format(time.RFC3339Nano)
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			return shorten(err.Error())
		}
		return shorten(fmt.Sprint(v.Any()))
	}
	return shorten(v.String())
}

func shorten(s string) string {
	if len(s) > longest {
		return s[:longest] + "…"
	}
	return s
}

func level(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "debug"
	case l < slog.LevelWarn:
		return "info"
	case l < slog.LevelError:
		return "warn"
	}
	return "error"
}
