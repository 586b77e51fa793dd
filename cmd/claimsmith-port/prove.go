package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// prove writes the configuration and lets check and its tests look at it. A rule that does not pass, or that gives something else than the
// original, becomes a comment that says so.
func (t *translation) prove(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "claimsmith-port-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "claimsmith.yaml")
	for {
		d := t.write()
		if err := os.WriteFile(file, []byte(d.String()), 0o600); err != nil {
			return "", err
		}
		again, err := t.doubt(ctx, d, file)
		if err != nil || !again {
			return d.String(), err
		}
	}
}

// doubt takes back the rules of a document that do not hold, and reports whether there were any.
func (t *translation) doubt(ctx context.Context, d *document, file string) (again bool, err error) {
	o := sidecar.Options{AllowWritable: true}
	checked := replay.CheckOffline(ctx, file, o)
	for _, p := range checked.List {
		if p.Warning {
			continue
		}
		b, r := t.ruleAt(d, p.Line)
		if r == nil {
			return false, fmt.Errorf("what was written does not pass check: line %d: %s\n%s", p.Line, p.Message, d.String())
		}
		if r.lost() { // together with one that it reads
			continue
		}
		why := "check refuses what it would be, " + r.ours.text + ": " + p.Message
		if p.Hint != "" {
			why += "; " + p.Hint
		}
		b.lose(r, why)
		again = true
	}
	if again {
		return true, nil
	}
	report, err := replay.Test(ctx, file, o)
	if err != nil {
		return false, fmt.Errorf("test what was written: %w", err)
	}
	for _, c := range report.Cases {
		if c.Passed {
			continue
		}
		b, r := t.blamed(d, c)
		if r == nil && !t.unfit[c.Name] { // a name that no connector may give, like one with a space at its end
			t.unfit[c.Name], again = true, true
			continue
		}
		if r == nil {
			return false, fmt.Errorf("what was written does not pass its test %q, and no rule is the reason: %v\n%s", c.Name, c.Diffs, d.String())
		}
		b.lose(r, fmt.Sprintf("it would be %s, which gives %s for %q where the original gives %s", r.ours.text, strings.ReplaceAll(orNothing(c.Diffs[0].Got), file, "claimsmith.yaml"), c.Name, orNothing(c.Diffs[0].Want)))
		return true, nil // the others may differ because of this one
	}
	return again, nil
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// ruleAt is the rule that a line was written for.
func (t *translation) ruleAt(d *document, line int) (*block, *rule) {
	for _, b := range t.blocks {
		for _, r := range b.rules {
			if d.starts[r] <= line && line <= d.ends[r] {
				return b, r
			}
		}
	}
	return nil, nil
}

var lineOfOutcome = regexp.MustCompile(`:(\d+)\)$`)

// blamed is the rule because of which a test fails: the one that refused or failed, the one that did not refuse, or the one that set the claim.
func (t *translation) blamed(d *document, c replay.CaseReport) (*block, *rule) {
	diff := c.Diffs[0]
	if m := lineOfOutcome.FindStringSubmatch(diff.Got); m != nil {
		line, _ := strconv.Atoi(m[1])
		return t.ruleAt(d, line)
	}
	b := d.tests[c.Name]
	if b == nil {
		return nil, nil
	}
	message, denied := strings.CutPrefix(diff.Want, "denied: ")
	claim := strings.TrimPrefix(diff.What, "claim ")
	for i := len(b.rules) - 1; i >= 0; i-- {
		switch r := b.rules[i]; {
		case r.lost():
		case denied && r.claim == "" && r.message == message, !denied && r.claim != "" && (claim == r.claim || strings.HasPrefix(claim, r.claim+" of ")):
			return b, r
		}
	}
	return nil, nil
}
