package main

import (
	"errors"
	"fmt"
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
		Use:     "new NAME",
		Short:   "Write the first files of a plugin in Go, with tests",
		Example: "  claimsmith plugin new phonebook\n  claimsmith plugin new phonebook --dir plugins/phonebook",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("plugin new takes the name of the plugin")}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "`folder` for the files (default: NAME)")
	cmd.Flags().StringVar(&replace, "replace", "", "`folder` with a checkout of claimsmith that the plugin is built with")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o := starter.Options{Name: args[0], Dir: dir, Go: goVersion(), Version: released()}
		if o.Dir == "" {
			o.Dir = o.Name
		}
		if replace != "" {
			whole, err := filepath.Abs(replace)
			if err != nil {
				return err
			}
			o.Replace = whole
		}
		names, err := starter.Write(o)
		if errors.Is(err, starter.ErrName) {
			return usageError{err}
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\nnext: cd %[1]s && go mod tidy && go test ./... && go build\n", o.Dir, strings.Join(names, ", "))
		return nil
	}
	return cmd
}

// goVersion is that of the toolchain that built this program, without its patch.
func goVersion() string {
	parts := strings.SplitN(strings.TrimPrefix(runtime.Version(), "go"), ".", 3)
	if len(parts) < 2 {
		return "1.26"
	}
	return parts[0] + "." + strings.TrimRight(parts[1], "abcdefghijklmnopqrstuvwxyz -+")
}

// released is the version of this program if anybody can fetch it, else empty.
func released() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || !strings.HasPrefix(info.Main.Version, "v") || strings.Contains(info.Main.Version, "+") {
		return ""
	}
	return info.Main.Version
}
