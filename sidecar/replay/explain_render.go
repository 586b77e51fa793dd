package replay

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Render writes the explanation for people: each step with its place, what it saw and what it did.
func (e *Explanation) Render(w io.Writer) error {
	var b strings.Builder
	if e.Doubt != "" {
		fmt.Fprintf(&b, "identity.email is empty: %s\n", e.Doubt)
	}
	for i, s := range e.Steps {
		if e.eachKind() && (i == 0 || s.Kind != e.Steps[i-1].Kind) {
			fmt.Fprintf(&b, "for the %s token:\n", s.Kind)
		}
		s.render(&b)
	}
	b.WriteString("\n")
	switch e.Outcome {
	case "failed":
		at := ""
		if e.Rule != "" {
			at = " at " + e.Rule
		}
		fmt.Fprintf(&b, "no token: the request failed%s\n    %s\n", at, e.Err)
	case "denied":
		fmt.Fprintf(&b, "no token: refused by %s\n    %s\n", e.Rule, e.Message)
	default:
		e.renderTokens(&b)
	}
	fmt.Fprintf(&b, "took %s\n", e.Took.Round(time.Microsecond))
	if e.Worst != nil && len(e.Worst.Lookups) > 0 {
		b.WriteString(e.Worst.String() + "\n")
	}
	if e.Missing != "" {
		fmt.Fprintf(&b, "hint: say what is found, as in --facts '%s={\"found\":true}', or ask with --live\n", e.Missing)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// eachKind reports whether the steps were run for each kind of token.
func (e *Explanation) eachKind() bool {
	return slices.ContainsFunc(e.Steps, func(s ExplainedStep) bool { return s.Kind != e.Steps[0].Kind })
}

func (s *ExplainedStep) render(b *strings.Builder) {
	mark := "·"
	switch {
	case s.Err != "":
		mark = "✗"
	case s.Ran:
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
	if s.Cached != "" {
		line("the running sidecar: %s", s.Cached)
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
	if a.Stale {
		said += ", stale"
	}
	said += fmt.Sprintf(", from %s, %s old", a.Source, a.Age.Round(time.Second))
	if s.Took >= time.Millisecond { // what a person may wait for
		said += ", took " + s.Took.Round(time.Millisecond).String()
	}
	line("%s: %s", said, facts)
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
