package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/internal/doctor"
	"github.com/claimsmith/claimsmith/dexpatch"
)

func dexCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "dex",
		Short:   "Put the hook into Dex",
		Long:    "dex adds the claims hook to the sources of Dex and builds it. Of the versions that it knows it takes the first that the Go module proxy gives: " + versions() + ". A folder with the sources of another one is given with --source.",
		Example: "  claimsmith dex build -o ./dex\n  claimsmith dex diff | less",
	}
	cmd.AddCommand(dexBuildCommand(), dexApplyCommand(), dexDiffCommand(), dexSurveyCommand(), dexProbeCommand())
	return cmd
}

func dexBuildCommand() *cobra.Command {
	var o dexpatch.Options
	var config string
	cmd := &cobra.Command{
		Use:   "build -o FILE",
		Short: "Build Dex with the hook",
		Long: "build takes Dex from the Go module proxy, or from a folder, adds the hook to a copy and builds it. The first build takes 2 to 4 minutes. " +
			"Where a C compiler is found Dex gets its sqlite3 storage, as in its own image; for another --platform CC names the compiler, like CC=aarch64-linux-gnu-gcc.",
		Example: "  claimsmith dex build -o ./dex --config dex.yaml\n  claimsmith dex build -o ./dex --dex-version v2.45.0\n  claimsmith dex build -o ./dex --source ../dex",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Output == "" {
				return usageError{errors.New("-o FILE says where the binary goes")}
			}
			o.Progress = saying(cmd.ErrOrStderr())
			if config != "" {
				storage, err := doctor.DexStorage(config)
				if err != nil {
					return err
				}
				o.NeedsSQLite = storage == "sqlite3"
			}
			if err := dexpatch.Build(cmd.Context(), o); err != nil {
				return withDexHint(err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), o.Output)
			return nil
		},
	}
	cmd.Flags().StringVarP(&o.Output, "output", "o", "", "the `file` to write")
	cmd.Flags().StringVar(&o.Source, "source", "", "a `folder` with the sources of Dex; it is not changed")
	cmd.Flags().StringVar(&o.Label, "version-label", "", "a `label` that the version of the binary ends with")
	cmd.Flags().StringVar(&o.Platform, "platform", "", "build for another `system`, like linux/arm64")
	cmd.Flags().StringVar(&o.Version, "dex-version", "", "the `version` of Dex to take: "+versions())
	cmd.Flags().BoolVar(&o.NoCGO, "no-cgo", false, "do not use a C compiler; the storage sqlite3 is not in the binary then")
	cmd.Flags().StringVar(&config, "config", "", "the `file` with Dex's configuration: says before the build when its storage would not be in the binary")
	return cmd
}

func dexApplyCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "apply FOLDER",
		Short:   "Add the hook to the sources of Dex in a folder",
		Long:    "apply changes the sources in a folder. If an edit finds no place, it says which, and nothing is changed.",
		Example: "  claimsmith dex apply ../dex && git -C ../dex diff",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("dex apply takes the folder with the sources of Dex")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := dexpatch.Apply(args[0])
			if err != nil {
				return withDexHint(err)
			}
			sayLost(cmd.ErrOrStderr(), plan)
			_, err = fmt.Fprintln(cmd.OutOrStdout(), plan.Summary())
			return err
		},
	}
}

func dexDiffCommand() *cobra.Command {
	var o dexpatch.Options
	var stat bool
	cmd := &cobra.Command{
		Use:   "diff",
		Short: "Show what the hook changes in Dex",
		Long: "diff shows the lines that are added to files of Dex, each with a sentence that says why, and then the new files in packages of Dex, " +
			"which these lines call.",
		Example: "  claimsmith dex diff | less\n  claimsmith dex diff --stat\n  claimsmith dex diff --source ../dex",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := dexpatch.Preview(cmd.Context(), o)
			if err != nil {
				return withDexHint(err)
			}
			sayLost(cmd.ErrOrStderr(), plan)
			text := plan.Diff
			if stat {
				text = plan.Stat
			}
			_, err = io.WriteString(cmd.OutOrStdout(), text())
			return err
		},
	}
	cmd.Flags().BoolVar(&stat, "stat", false, "show only how many lines each edit adds to which file")
	cmd.Flags().StringVar(&o.Source, "source", "", "a `folder` with the sources of Dex")
	cmd.Flags().StringVar(&o.Version, "dex-version", "", "the `version` of Dex to look at: "+versions())
	return cmd
}

// versions lists the versions of Dex that can be taken from the module proxy.
func versions() string {
	var names []string
	for _, v := range dexpatch.Versions() {
		names = append(names, v.Name)
	}
	return strings.Join(names, ", ")
}

// sayLost warns of optional edits that found no place.
func sayLost(w io.Writer, plan *dexpatch.Plan) {
	for _, warning := range plan.Warnings() {
		fmt.Fprintln(w, warning)
	}
}

// saying writes the progress of a build for people, a line each.
func saying(w io.Writer) func(string) { return func(message string) { fmt.Fprintln(w, message) } }

// withDexHint adds what to do, where it is known.
func withDexHint(err error) error {
	switch {
	case errors.Is(err, dexpatch.ErrNoGo):
		return fmt.Errorf("%w\nhint: install Go from https://go.dev/dl; it is needed to build Dex, not to run it", err)
	case errors.Is(err, dexpatch.ErrOldGo):
		return fmt.Errorf("%w\nhint: install a newer Go from https://go.dev/dl, or unset GOTOOLCHAIN=local", err)
	case errors.Is(err, dexpatch.ErrNoSpace):
		return fmt.Errorf("%w\nhint: a build of Dex needs about 2 GB in the temporary folder and the Go caches", err)
	}
	if errors.As(err, new(*dexpatch.NoDexError)) || errors.As(err, new(*dexpatch.DownloadError)) {
		return fmt.Errorf("%w\nhint: GOPROXY names where modules come from; without it, build a checkout of Dex with claimsmith dex build -o FILE --source DIR, and give that FILE to the demo with --dex FILE", err)
	}
	return err
}
