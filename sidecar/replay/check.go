package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/fixture"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
	"github.com/claimsmith/claimsmith/sidecar/internal/stores"
)

// Check loads a configuration as Serve would: plugins are started and check their own part, expressions are compiled. Nothing
// is served and no plugin is put to use. What is wrong comes back as problems; the error is for what is not the file's doing.
func Check(ctx context.Context, file string, o compile.Options) (*compile.Problems, error) {
	cfg, src, problems := config.Load(file, config.Options{Builtins: o.BuiltinNames()})
	problems = append(append(problems, compile.TLSProblems(cfg, src)...), stores.KeptProblems(cfg, src)...)
	problems = append(append(problems, compile.ConfinementProblems(cfg, src, o)...), compile.ModeProblems(file, cfg, src, o)...)
	host, err := pluginhost.New(compile.HostOptions(o, o.Log(nil)))
	if err != nil {
		return nil, err
	}
	_, all := compile.Build(ctx, cfg, src, problems, compile.Online{Options: o, Host: host, Loaded: problems})
	if err := host.Close(); err != nil {
		return nil, fmt.Errorf("stop the plugins: %w", err)
	}
	all.List = config.Sorted(append(all.List, candidateProblems(ctx, cfg, src, o)...))
	return all, nil
}

// CheckOffline is Check without starting anything: built-in plugins describe themselves, others need a schemaFile, and files
// that a plugin's configuration names are not opened.
func CheckOffline(ctx context.Context, file string, o compile.Options) *compile.Problems {
	_, problems := loadOffline(ctx, file, o)
	return problems
}

func loadOffline(ctx context.Context, file string, o compile.Options) (*compile.Set, *compile.Problems) {
	cfg, src, problems := config.Load(file, config.Options{Builtins: o.BuiltinNames()})
	return compile.Build(ctx, cfg, src, problems, compile.Offline{Options: o})
}

// Test runs the tests block of a configuration, offline, and counts which steps it covers. The error is a *Problems when the file cannot be used.
func Test(ctx context.Context, file string, o compile.Options) (*TestReport, error) {
	set, problems := loadOffline(ctx, file, o)
	if set == nil {
		return nil, problems
	}
	return covered(ctx, set), nil
}

// TestReport tells how the cases of a file came out, in their order.
type TestReport struct {
	Cases    []CaseReport   `json:"cases"`
	Coverage []StepCoverage `json:"coverage,omitempty"` // in the order of the file; only of Test
}

// CaseReport is one case. Stage and Diffs are empty when it passed.
type CaseReport struct {
	Name   string     `json:"name"`
	Place  string     `json:"place"` // file:line
	Passed bool       `json:"passed"`
	Stage  string     `json:"stage,omitempty"`
	Diffs  []CaseDiff `json:"diffs,omitempty"`
}

// CaseDiff is what came out otherwise than wanted. An empty Want or Got means nothing.
type CaseDiff struct {
	What string `json:"what"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

func Report(outcomes []fixture.Outcome) *TestReport {
	r := &TestReport{Cases: make([]CaseReport, len(outcomes))}
	for i, o := range outcomes {
		r.Cases[i] = CaseReport{Name: o.Case.Name, Place: o.Case.Pos.String(), Passed: o.Passed(), Stage: string(o.Stage)}
		for _, d := range o.Diffs {
			r.Cases[i].Diffs = append(r.Cases[i].Diffs, CaseDiff(d))
		}
	}
	return r
}

// Failed returns how many cases did not come out as wanted.
func (r *TestReport) Failed() (n int) {
	for _, c := range r.Cases {
		if !c.Passed {
			n++
		}
	}
	return n
}

// Render writes the report for people: a line for each case, and what differs below it.
func (r *TestReport) Render(w io.Writer) error {
	var b strings.Builder
	for _, c := range r.Cases {
		if c.Passed {
			fmt.Fprintf(&b, "ok    %s\n", c.Name)
			continue
		}
		fmt.Fprintf(&b, "FAIL  %s\n      %s, at %s\n", c.Name, c.Place, c.Stage)
		for _, d := range c.Diffs {
			d.render(&b, "      ")
		}
	}
	fmt.Fprintf(&b, "%d of %d passed\n", len(r.Cases)-r.Failed(), len(r.Cases))
	for _, note := range r.Notes() {
		fmt.Fprintf(&b, "note  %s\n", note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// render writes what differs, and for lists and objects in what.
func (d CaseDiff) render(b *strings.Builder, pad string) {
	fmt.Fprintf(b, "%[1]s%[2]s\n%[1]s  want  %[3]s\n%[1]s  got   %[4]s\n", pad, d.What, orNothing(d.Want), orNothing(d.Got))
	for _, detail := range fromWanted().details(d.Want, d.Got) {
		fmt.Fprintf(b, "%s        %s\n", pad, detail)
	}
}

func orNothing(s string) string {
	if s == "" {
		return "(nothing)"
	}
	return s
}

// TestsFailed is the error for a configuration whose own tests do not hold: it is not served.
type TestsFailed struct{ Report *TestReport }

func (e *TestsFailed) Error() string {
	return fmt.Sprintf("%d of %d tests of the configuration failed", e.Report.Failed(), len(e.Report.Cases))
}

// candidateProblems warns of a candidate that would not be run. It keeps nobody from being served. Nothing is started for it, so
// nothing is said of one whose plugins only the running ones can describe.
func candidateProblems(ctx context.Context, cfg *config.Config, src *config.Source, o compile.Options) []config.Problem {
	if cfg.Shadow == nil || cfg.Shadow.File == "" {
		return nil
	}
	warning := func(err error, hint string) []config.Problem {
		p := src.Problem(config.Join(cfg.Shadow.Path, "file"), "this candidate cannot be run: "+err.Error(), hint)
		p.Warning = true
		return []config.Problem{p}
	}
	other, beside, _ := config.Load(cfg.Shadow.File, config.Options{Builtins: o.BuiltinNames()})
	if err := o.Guarded(cfg.Shadow.File); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return warning(err, "")
	}
	if wrong := compile.TableProblems(other, beside, o); len(wrong) > 0 {
		return warning(&compile.Problems{List: wrong, Source: beside}, "")
	}
	for _, p := range other.Plugins {
		if p.Builtin == "" && p.SchemaFile == "" {
			return nil
		}
	}
	report, err := Test(ctx, cfg.Shadow.File, o)
	if err == nil && report.Failed() > 0 {
		err = &TestsFailed{Report: report}
	}
	if err == nil {
		return nil
	}
	return warning(err, "claimsmith test -c "+cfg.Shadow.File+" says all that is wrong with it")
}
