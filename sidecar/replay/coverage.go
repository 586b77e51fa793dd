package replay

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/fixture"
)

// StepCoverage is what the tests made of one step, in numbers of tests.
type StepCoverage struct {
	Place    string         `json:"place"` // file:line
	Path     string         `json:"path"`
	Name     string         `json:"name,omitempty"`
	What     string         `json:"what"` // lookup nas, set, remove, deny or steps
	Reached  int            `json:"reached"`
	Ran      int            `json:"ran"` // its when held
	Denied   int            `json:"denied"`
	Branches []BranchCounts `json:"branches"`
}

// BranchCounts is in how many tests a condition held, and in how many it did not. Both can happen in one test, which is run
// at several stages. Conditions that are constants have no branches.
type BranchCounts struct {
	Of    string `json:"of"` // when or deny
	True  int    `json:"true"`
	False int    `json:"false"`
}

// covered runs the tests of a rule set and counts.
func covered(ctx context.Context, set *compile.Set) *TestReport {
	outcomes, covered := fixture.RunCovered(ctx, set.Pipeline, set.Cases)
	r := Report(outcomes)
	r.Coverage = make([]StepCoverage, len(covered))
	for i, c := range covered {
		s := StepCoverage{
			Place: c.Step.Pos.String(), Path: c.Step.Path, Name: c.Step.Name, What: c.Step.What(),
			Reached: c.Reached, Ran: c.Ran, Denied: c.Denied(), Branches: []BranchCounts{},
		}
		if b := c.When; b != nil {
			s.Branches = append(s.Branches, BranchCounts{Of: "when", True: b.True, False: b.False})
		}
		if b := c.Deny; b != nil {
			s.Branches = append(s.Branches, BranchCounts{Of: "deny", True: b.True, False: b.False})
		}
		r.Coverage[i] = s
	}
	return r
}

// Notes says which steps no test shows at work: those that never ran and those that never denied. What is inside of a group
// that never ran is not listed beside it.
func (r *TestReport) Notes() []string {
	var notes []string
	idle := "" // the path of the last group that never ran
	for _, s := range r.Coverage {
		if idle != "" && strings.HasPrefix(s.Path, idle+".") {
			continue
		}
		said := s.never()
		if said == "" {
			continue
		}
		if s.What == "steps" {
			idle = s.Path
		}
		notes = append(notes, fmt.Sprintf("%s: %s %s in a test", s.Place, s.title(), said))
	}
	return notes
}

func (s *StepCoverage) title() string {
	if s.Name == "" {
		return s.What
	}
	return s.What + " (" + s.Name + ")"
}

func (s *StepCoverage) never() string {
	lookup := strings.HasPrefix(s.What, "lookup ")
	switch {
	case s.Ran == 0 && lookup:
		return "was never made"
	case s.Reached == 0:
		return "was never reached"
	case s.Ran == 0:
		return "never ran"
	case s.What == "deny" && s.Denied == 0:
		return "has never denied"
	}
	return ""
}

// RenderCoverage writes for people how often each step ran and which way its conditions went.
func (r *TestReport) RenderCoverage(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	var ran, taken, branches int
	for _, s := range r.Coverage {
		fmt.Fprintf(t, "  %s\t%s\tran in %d", s.Place, s.title(), s.Ran)
		if s.Ran > 0 {
			ran++
		}
		for _, b := range s.Branches {
			fmt.Fprintf(t, "\t%s: %d yes, %d no", b.Of, b.True, b.False)
			branches += 2
			taken += min(b.True, 1) + min(b.False, 1)
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintf(w, "coverage: %d of %d steps ran, %d of %d branches were taken\n", ran, len(r.Coverage), taken, branches)
	return t.Flush()
}
