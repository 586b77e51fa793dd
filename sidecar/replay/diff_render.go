package replay

import (
	"fmt"
	"io"
	"strings"
)

// Render writes the difference for people: what changes for each client in numbers, then request by request.
func (d *Difference) Render(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s → %s: %s\n", d.Old, d.New, differ(d.Differ, d.Requests))
	for i := range d.Clients {
		d.Clients[i].render(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func differ(n, of int) string {
	switch {
	case n == 0 && of == 1:
		return "no difference in 1 request"
	case n == 0:
		return fmt.Sprintf("no difference in %d requests", of)
	case n == 1:
		return fmt.Sprintf("1 of %d requests differs", of)
	}
	return fmt.Sprintf("%d of %d requests differ", n, of)
}

func (c *ClientDifference) render(b *strings.Builder) {
	fmt.Fprintf(b, "\nclient %s: %s\n", c.Client, differ(c.Differ, c.Requests))
	for _, line := range c.summary() {
		fmt.Fprintf(b, "  %s\n", line)
	}
	for i := range c.Differences {
		c.Differences[i].render(b)
	}
}

// summary counts what changes, the worst first.
func (c *ClientDifference) summary() (out []string) {
	for _, kind := range []struct {
		change Change
		words  string
	}{
		{NewlyRefused, "newly refused"}, {NewlyFails, "newly fails"}, {NewlyLetIn, "newly let in"},
		{OtherWords, "refused in other words"}, {CannotBeTold, "cannot be told"},
	} {
		requests := map[string]bool{}
		for _, d := range c.Differences {
			if d.Change == kind.change {
				requests[d.Place+d.Name] = true
			}
		}
		if len(requests) > 0 {
			out = append(out, fmt.Sprintf("%s: %d", kind.words, len(requests)))
		}
	}
	return append(out, c.claims()...)
}

// claims counts in how many requests each claim changes, appears or vanishes.
func (c *ClientDifference) claims() (out []string) {
	type way struct{ claim, does string }
	requests := map[way]map[string]bool{}
	var order []way
	for _, d := range c.Differences {
		for _, claim := range d.Claims {
			w := way{claim.Claim, claim.Does()}
			if requests[w] == nil {
				requests[w] = map[string]bool{}
				order = append(order, w)
			}
			requests[w][d.Place+d.Name] = true
		}
	}
	for _, w := range order {
		out = append(out, fmt.Sprintf("claim %s %s: %d", w.claim, w.does, len(requests[w])))
	}
	return out
}

func (c *ClaimDifference) Does() string {
	switch {
	case c.Old == nil:
		return "appears"
	case c.New == nil:
		return "vanishes"
	}
	return "changes"
}

func (d *RequestDifference) render(b *strings.Builder) {
	fmt.Fprintf(b, "  - %s", d.Name)
	if d.Place != "" {
		fmt.Fprintf(b, " (%s)", d.Place)
	}
	if d.Stage != "" {
		fmt.Fprintf(b, ", at %s", d.Stage)
	}
	b.WriteString("\n")
	if d.Change != OtherClaims {
		fmt.Fprintf(b, "      was  %s\n      is   %s\n", d.Old.words(), d.New.words())
		return
	}
	for _, c := range d.Claims {
		token := ""
		if c.Token != "" {
			token = " of the " + c.Token + " token"
		}
		fmt.Fprintf(b, "      %s%s: %s → %s\n", c.Claim, token, orAbsent(c.Old), orAbsent(c.New))
		for _, detail := range fromBefore().details(string(c.Old), string(c.New)) {
			fmt.Fprintf(b, "        %s\n", detail)
		}
	}
}

func (o *RequestOutcome) words() string {
	switch o.Outcome {
	case outcomeDenied:
		return fmt.Sprintf("refused by %s: %s", o.Rule, o.Message)
	case outcomeFailed:
		if o.Rule == "" {
			return "a failure: " + o.Err
		}
		return fmt.Sprintf("a failure at %s: %s", o.Rule, o.Err)
	case outcomeUnknown:
		return "unknown: " + o.Err
	}
	return "a token"
}
