package observe

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// The line is the same whether slog encodes it or it is appended.
func TestTheDecisionLine(t *testing.T) {
	at := pipeline.Pos{File: "c.yaml", Line: 12}
	entries := map[string]*journal.Entry{
		"nothing": {},
		"patched": {
			ID: "7K2M-Q9XD", RequestID: "r1", Client: "nas", Connector: "google", Stage: "token", Grant: "authorization_code", Outcome: journal.Patched,
			Took:    1234567 * time.Nanosecond,
			Changes: []pipeline.Change{{Claim: "groups", Op: "set", Pos: at, Facts: []string{"nas", "hr"}}, {Claim: "näme", Op: "remove", Pos: at}},
			Facts:   []pipeline.Fact{{Alias: "nas", Source: "cache", Stale: true, Age: time.Minute, Took: time.Microsecond}, {Alias: "hr", Source: "plugin"}},
		},
		"failed": {
			ID: "7K2M-Q9XD", Client: "a \"client\" & <more>\n", Outcome: journal.Failed, Rule: "c.yaml:12", Err: errors.New(`plugin "nas": no`), Code: codes.Unavailable,
			Facts: []pipeline.Fact{{Alias: "nas", Source: "plugin", Err: errors.New("no")}},
		},
		"denied": {Outcome: journal.Denied, Rule: "c.yaml:3", Client: "no \xff text", Took: time.Second},
	}
	for name, e := range entries {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
				if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
					return slog.Attr{}
				}
				return a
			}}))
			LogDecision(t.Context(), log, e)
			want := strings.TrimSpace(out.String())
			got := "{" + strings.TrimPrefix(string(Line{e}.AppendMembers(nil)), ",") + "}"
			if !json.Valid([]byte(got)) || got != want {
				t.Errorf("appended\n%s\nby slog\n%s", got, want)
			}
		})
	}
}
