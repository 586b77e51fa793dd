package sidecar

import (
	"fmt"
	"io"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/socket"
)

// Limits are all limits of size: those of a request, which hold on every way in, and those of what is kept in memory.
func Limits() []claims.Limit {
	return append(claims.Limits(),
		claims.Limit{What: "request or reply as a whole", Bytes: claims.MaxMessage},
		claims.Limit{What: "answer of a plugin", Bytes: answers.MaxAnswer},
		claims.Limit{What: "kept: answers of plugins", Bytes: answers.MaxKept},
		claims.Limit{What: "kept: answers of \"not found\"", Bytes: answers.MaxKept / 10},
		claims.Limit{What: "kept: answers of current exchanges", Bytes: answers.MaxKept / 2},
		claims.Limit{What: "kept: decisions without values", Count: journal.Kept},
		claims.Limit{What: "kept: payloads of those let in lately", Bytes: journal.MaxPayload, Count: journal.People},
		claims.Limit{What: "kept: requests that wait to be recorded", Bytes: journal.QueuedBytes},
		claims.Limit{What: "connections at a time", Count: socket.MaxConns},
		claims.Limit{What: "calls at a time on a connection", Count: socket.MaxStreams},
	)
}

// RenderLimits writes the table for people.
func RenderLimits(w io.Writer) error {
	var b strings.Builder
	for _, l := range Limits() {
		said := fmt.Sprintf("%d bytes", l.Bytes)
		switch {
		case l.Count > 0 && l.Bytes > 0:
			said = fmt.Sprintf("%d of %d bytes each", l.Count, l.Bytes)
		case l.Count > 0:
			said = fmt.Sprint(l.Count)
		}
		fmt.Fprintf(&b, "%-38s %s\n", l.What, said)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
