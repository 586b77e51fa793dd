package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/internal/starter"
)

func newCommand() *cobra.Command {
	var dir, replace string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Write the first files of a plugin in Go, with tests",
		Long: "new writes a plugin that builds, with its tests and the rules that use it. A claimsmith that was released needs nothing else. " +
			"The module of one that was built from a working copy cannot be fetched: its plugins are built with the checkout that the current " +
			"folder is in, or that the program was built from, or with --replace.",
		Example: "  claimsmith plugin new phonebook\n  claimsmith plugin new phonebook --dir plugins/phonebook\n" +
			"  claimsmith plugin new phonebook --replace ../claimsmith",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("plugin new takes the name of the plugin")}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "`folder` for the files (default: NAME)")
	cmd.Flags().StringVar(&replace, "replace", "", "`folder` with a checkout of claimsmith that the plugin is built with")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		o := starter.Options{Name: args[0], Dir: dir, Go: goVersion()}
		if o.Dir == "" {
			o.Dir = o.Name
		}
		if o.Version, o.Replace, err = origin(replace); err != nil {
			return err
		}
		names, err := starter.Write(o)
		if errors.Is(err, starter.ErrName) {
			return usageError{err}
		}
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		fmt.Fprintf(out, "%s: %s\n", o.Dir, strings.Join(names, ", "))
		if o.Replace != "" {
			fmt.Fprintf(out, "go.mod takes claimsmith from the checkout in %s; --replace names another\n", o.Replace)
		}
		next := "go mod tidy && go test ./... && go build"
		if work := starter.Workspace(o.Dir); work != "" {
			fmt.Fprintf(out, "the plugin is no module of %s: GOWORK=off keeps the go command from using that file\n", work)
			next = "export GOWORK=off && " + next
		}
		fmt.Fprintf(out, "next: cd %s && %s\nthen: README.md says how it gets into a configuration\n", o.Dir, next)
		return nil
	}
	return cmd
}

// origin is where a plugin gets the SDK from: the version that is released, or the folder of a checkout.
func origin(replace string) (version, checkout string, err error) {
	if info, ok := debug.ReadBuildInfo(); ok {
		version = starter.Released(info)
	}
	if replace != "" {
		whole, err := filepath.Abs(replace)
		if err != nil {
			return "", "", err
		}
		if err := starter.CheckedOut(whole); err != nil {
			return "", "", fmt.Errorf("--replace: %w", err)
		}
		return version, whole, nil
	}
	if version != "" {
		return version, "", nil
	}
	here, err := os.Getwd()
	if err != nil {
		return "", "", err
	}
	_, source, _, _ := runtime.Caller(0)
	if checkout = starter.Checkout(here, filepath.Dir(source)); checkout == "" {
		return "", "", errors.New("this claimsmith was built from a working copy, which is not here: its module, " +
			"which a plugin needs, cannot be fetched\nhint: --replace /path/of/checkout")
	}
	return "", checkout, nil
}

// goVersion is that of the toolchain that built this program, without its patch.
func goVersion() string {
	parts := strings.SplitN(strings.TrimPrefix(runtime.Version(), "go"), ".", 3)
	if len(parts) < 2 {
		return "1.26"
	}
	return parts[0] + "." + strings.TrimRight(parts[1], "abcdefghijklmnopqrstuvwxyz -+")
}
