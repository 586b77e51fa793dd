package sidecar

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Render writes the explanation for people: each step with its place, what it saw and what it did.
func (e *Explanation) Render(w io.Writer) error {
	var b strings.Builder
	for _, s := range e.Steps {
		s.render(&b)
	}
	b.WriteString("\n")
	switch e.Outcome {
	case "failed":
		fmt.Fprintf(&b, "no token: the request failed: %s\n", e.Err)
	case "denied":
		fmt.Fprintf(&b, "no token: refused by %s\n    %s\n", e.Rule, e.Message)
	default:
		e.renderTokens(&b)
	}
	fmt.Fprintf(&b, "took %s\n", e.Took.Round(time.Microsecond))
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *ExplainedStep) render(b *strings.Builder) {
	mark := "·"
	if s.Ran {
		mark = "✓"
	}
	depth := strings.Count(s.Path, ".steps[")
	pad := strings.Repeat("    ", depth)
	fmt.Fprintf(b, "%s%s %s  %s", pad, mark, s.Place, s.What)
	if s.Name != "" {
		fmt.Fprintf(b, "  (%s)", s.Name)
	}
	if s.Note != "" {
		fmt.Fprintf(b, ": %s", s.Note)
	}
	b.WriteString("\n")
	line := func(format string, args ...any) { fmt.Fprintf(b, pad+"      "+format+"\n", args...) }
	for _, p := range s.Why {
		if p.Err != "" {
			line("%s  → %s", p.Source, p.Err)
		} else {
			line("%s  → %s", p.Source, p.Value)
		}
	}
	if s.Asked != nil {
		line("asked %s", s.Asked)
	}
	if a := s.Answer; a != nil {
		s.answer(a, line)
	}
	for _, m := range s.Moved {
		line("%s: %s → %s", m.Claim, orAbsent(m.Before), orAbsent(m.After))
	}
	if s.Err != "" {
		line("failed: %s", s.Err)
	}
}

func (s *ExplainedStep) answer(a *ExplainedFacts, line func(string, ...any)) {
	facts, err := json.Marshal(a.Facts)
	if err != nil {
		facts = []byte(err.Error())
	}
	said := "found"
	if !a.Found {
		said = "not found"
	}
	if a.Problem != "" {
		said += " (" + a.Problem + ")"
	}
	line("%s, from %s, %s old: %s", said, a.Source, a.Age.Round(time.Second), facts)
}

func (e *Explanation) renderTokens(b *strings.Builder) {
	fmt.Fprintf(b, "before           %s\n", e.Before)
	for _, t := range e.Tokens {
		fmt.Fprintf(b, "%-16s %s\n%-16s payload %d bytes, token about %d\n", t.Kind, t.Claims, "", t.PayloadBytes, t.TokenBytes)
	}
}

func orAbsent(raw json.RawMessage) string {
	if raw == nil {
		return "(absent)"
	}
	return string(raw)
}
