package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

func checkCommand() *cobra.Command {
	var offline, asJSON, allowWritable bool
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Say what is wrong with a configuration",
		Long:    "check loads a configuration as serve would, starts its plugins to let them check their part, and names everything that is wrong at once.",
		Example: "  claimsmith check -c claimsmith.yaml\n  claimsmith check --offline -c examples/household/claimsmith.yaml",
		Args:    noArgs,
	}
	file := configFlag(cmd)
	cmd.Flags().BoolVar(&offline, "offline", false, "start nothing and open no file that a plugin's configuration names")
	cmd.Flags().BoolVar(&allowWritable, "allow-writable-config", false, "as serve with that flag: pass a file that others can write")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the problems as JSON to stdout")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		problems, err := check(cmd, *file, offline, allowWritable)
		if err != nil {
			return err
		}
		problems.Advise()
		if asJSON {
			if err := writeJSON(cmd.OutOrStdout(), problemReport(problems)); err != nil {
				return err
			}
		} else if err := problems.Render(cmd.ErrOrStderr()); err != nil {
			return err
		}
		if problems.Failed() {
			return errReported
		}
		if !asJSON {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", *file, checked(len(problems.List), offline))
		}
		return nil
	}
	return cmd
}

func check(cmd *cobra.Command, file string, offline, allowWritable bool) (*sidecar.Problems, error) {
	o, err := options()
	if err != nil {
		return nil, err
	}
	o.AllowWritable = allowWritable
	if offline {
		return replay.CheckOffline(cmd.Context(), file, o), nil
	}
	return replay.Check(cmd.Context(), file, o)
}

// checked says that a file can be served.
func checked(warnings int, offline bool) string {
	said := "nothing is wrong with it"
	switch {
	case warnings == 1:
		said = "it can be served, with one warning"
	case warnings > 1:
		said = fmt.Sprintf("it can be served, with %d warnings", warnings)
	}
	if offline {
		said += ", as far as can be seen offline: no plugin was started, and the files that plugins name were not opened"
	}
	return said
}

// problemReport is the stable form for machines: a list, also when there is nothing in it.
func problemReport(p *sidecar.Problems) any {
	return struct {
		Problems []sidecar.Problem `json:"problems"`
	}{append([]sidecar.Problem{}, p.List...)}
}

func testCommand() *cobra.Command {
	var o struct {
		asJSON, coverage bool
		junit, record    string
	}
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Run the tests of a configuration",
		Long: "test runs the tests block of a configuration through the real rules, with the facts that the tests give. It starts nothing and asks nobody. " +
			"Steps that no test shows at work, such as a deny that has never denied, are noted below the outcomes.",
		Example: "  claimsmith test -c claimsmith.yaml\n  claimsmith test --coverage\n  claimsmith test --json -c claimsmith.yaml\n  claimsmith test --junit report.xml",
		Args:    noArgs,
	}
	at := runningFlags(cmd)
	cmd.Flags().StringVar(&o.record, "from-record", "", "run nothing: print a test made of the recorded request with this decision `id`, with pseudonyms for what is personal")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "write the outcomes as JSON")
	cmd.Flags().BoolVar(&o.coverage, "coverage", false, "show in how many tests each step ran, and which way its conditions went")
	cmd.Flags().StringVar(&o.junit, "junit", "", "write the outcomes to a `file` as JUnit does; - is stdout, and then nothing else is written there")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.record != "" {
			return printCase(cmd, at, o.record)
		}
		if o.asJSON && o.junit == "-" {
			return usageError{errors.New("--json and --junit - both write to stdout: give --junit a file")}
		}
		options, err := options()
		if err != nil {
			return err
		}
		report, err := replay.Test(cmd.Context(), *at.file, options)
		if err != nil {
			return err
		}
		if len(report.Cases) == 0 {
			return errors.New(*at.file + " has no tests")
		}
		if err := writeReport(cmd.OutOrStdout(), report, o.asJSON, o.coverage, o.junit, *at.file); err != nil {
			return err
		}
		if report.Failed() > 0 {
			return errReported
		}
		return nil
	}
	return cmd
}

// writeReport writes a report in the forms that were asked for.
func writeReport(out io.Writer, report *replay.TestReport, asJSON, coverage bool, junit, file string) error {
	if junit == "-" {
		return report.JUnit(out, file)
	}
	if junit != "" {
		var xml bytes.Buffer
		if err := report.JUnit(&xml, file); err != nil {
			return err
		}
		if err := os.WriteFile(junit, xml.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write JUnit: %w", err)
		}
	}
	if asJSON {
		return writeJSON(out, report)
	}
	if err := report.Render(out); err != nil || !coverage {
		return err
	}
	return report.RenderCoverage(out)
}

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of the configuration, for editors",
		Example: "  claimsmith schema > claimsmith.schema.json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			schema, err := sidecar.Schema()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(schema)
			return err
		},
	}
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
