package pluginhost

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// record is a line of a plugin's log: JSON as hclog writes it.
type record struct {
	level   slog.Level
	message string
	attrs   map[string]any
}

// parseRecord reads a line. It reports false when the line is not a record.
func parseRecord(line []byte) (record, bool) {
	if len(line) == 0 || line[0] != '{' {
		return record{}, false
	}
	var r record
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if dec.Decode(&r.attrs) != nil {
		return record{}, false
	}
	level, ok1 := r.attrs["@level"].(string)
	message, ok2 := r.attrs["@message"].(string)
	if !ok1 || !ok2 {
		return record{}, false
	}
	r.message = message
	switch hclog.LevelFromString(level) {
	case hclog.Trace:
		r.level = slog.LevelDebug - 4
	case hclog.Info:
		r.level = slog.LevelInfo
	case hclog.Warn:
		r.level = slog.LevelWarn
	case hclog.Error:
		r.level = slog.LevelError
	default:
		r.level = slog.LevelDebug
	}
	maps.DeleteFunc(r.attrs, func(name string, _ any) bool { return strings.HasPrefix(name, "@") })
	return r, true
}

// emit logs r at level. Attributes are in the order of their names; those that the host sets itself are renamed.
func (r record) emit(log *slog.Logger, level slog.Level) {
	ctx := context.Background()
	if !log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, len(r.attrs))
	for _, name := range slices.Sorted(maps.Keys(r.attrs)) {
		key := name
		switch name {
		case slog.TimeKey, slog.LevelKey, slog.MessageKey, "plugin":
			key = "plugin_" + name
		}
		attrs = append(attrs, slog.Any(key, r.attrs[name]))
	}
	log.LogAttrs(ctx, level, r.message, attrs...)
}

func (r record) String() string {
	var b strings.Builder
	b.WriteString(r.message)
	for _, name := range slices.Sorted(maps.Keys(r.attrs)) {
		fmt.Fprintf(&b, " %s=%v", name, r.attrs[name])
	}
	return b.String()
}

// transportLog is a logger for go-plugin: its messages go to log at debug, without what comes with them.
func transportLog(log *slog.Logger) hclog.Logger {
	level := hclog.Off
	if log.Enabled(context.Background(), slog.LevelDebug) {
		level = hclog.Debug
	}
	return hclog.New(&hclog.LoggerOptions{Level: level, JSONFormat: true, Output: debugLines{log}})
}

// debugLines takes one line of JSON each time it is written to.
type debugLines struct{ log *slog.Logger }

func (d debugLines) Write(line []byte) (int, error) {
	if r, ok := parseRecord(line); ok {
		r.attrs = nil // an error among them may be the plugin's
		r.emit(d.log, slog.LevelDebug)
	}
	return len(line), nil
}
