package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/sidecar"
)

func checkCommand() *cobra.Command {
	var offline, asJSON bool
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Say what is wrong with a configuration",
		Long:    "check loads a configuration as serve would, starts its plugins to let them check their part, and names everything that is wrong at once.",
		Example: "  claimsmith check -c claimsmith.yaml\n  claimsmith check --offline -c examples/household/claimsmith.yaml",
		Args:    noArgs,
	}
	file := configFlag(cmd)
	cmd.Flags().BoolVar(&offline, "offline", false, "start nothing and open no file that a plugin's configuration names")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the problems as JSON to stdout")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		problems, err := check(cmd, *file, offline)
		if err != nil {
			return err
		}
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
			fmt.Fprintln(cmd.OutOrStdout(), checked(*file, offline))
		}
		return nil
	}
	return cmd
}

func check(cmd *cobra.Command, file string, offline bool) (*sidecar.Problems, error) {
	o, err := options()
	if err != nil {
		return nil, err
	}
	if offline {
		return sidecar.CheckOffline(cmd.Context(), file, o), nil
	}
	return sidecar.Check(cmd.Context(), file, o)
}

func checked(file string, offline bool) string {
	if offline {
		return file + ": nothing is wrong with it, as far as can be seen offline: no plugin was started, and the files that plugins name were not opened"
	}
	return file + ": nothing is wrong with it"
}

// problemReport is the stable form for machines: a list, also when there is nothing in it.
func problemReport(p *sidecar.Problems) any {
	return struct {
		Problems []sidecar.Problem `json:"problems"`
	}{append([]sidecar.Problem{}, p.List...)}
}

func testCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "test",
		Short:   "Run the tests of a configuration",
		Long:    "test runs the tests block of a configuration through the real rules, with the facts that the tests give. It starts nothing and asks nobody.",
		Example: "  claimsmith test -c claimsmith.yaml\n  claimsmith test --json -c claimsmith.yaml",
		Args:    noArgs,
	}
	file := configFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the outcomes as JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o, err := options()
		if err != nil {
			return err
		}
		report, err := sidecar.Test(cmd.Context(), *file, o)
		if err != nil {
			return err
		}
		if len(report.Cases) == 0 {
			return errors.New(*file + " has no tests")
		}
		if asJSON {
			err = writeJSON(cmd.OutOrStdout(), report)
		} else {
			err = report.Render(cmd.OutOrStdout())
		}
		if err == nil && report.Failed() > 0 {
			return errReported
		}
		return err
	}
	return cmd
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
