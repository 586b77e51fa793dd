package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

const synologyPlugin = "synology"

// synologyCommand holds what is done for the plugin synology and not by it.
func synologyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "synology",
		Short:   "Prepare a Synology NAS",
		Example: "  claimsmith synology enroll -c claimsmith.yaml",
	}
	cmd.AddCommand(enrollCommand())
	return cmd
}

func enrollCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "enroll",
		Short: "Have DSM trust this machine, for an account with a second factor",
		Long: "enroll signs in to DSM as the account of the plugin, with a one-time code that it asks for, and writes the id of the trusted device " +
			"into the plugin's deviceFile. From then on the plugin needs no code. Each code counts once; a wrong one counts towards DSM's Auto Block.",
		Example: "  claimsmith synology enroll -c /etc/claimsmith/claimsmith.yaml\n  claimsmith synology enroll --plugin attic",
		Args:    noArgs,
	}
	file := configFlag(cmd)
	cmd.Flags().StringVar(&name, "plugin", "", "the `NAME` of the plugin in the configuration; needed where there are several NAS")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o, err := options()
		if err != nil {
			return err
		}
		declared, err := replay.DeclaredPlugins(*file, o)
		if err != nil {
			return err
		}
		nas, err := chooseNAS(declared, name)
		if err != nil {
			return usageError{err}
		}
		log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
		kept, err := synology.Enroll(cmd.Context(), nas.Config, log, func() (string, error) {
			fmt.Fprintf(cmd.ErrOrStderr(), "One-time code of the account that plugin %s uses: ", nas.Name)
			return readCode(cmd.InOrStdin())
		})
		if err != nil {
			return enrollError(nas.Name, err)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "DSM trusts this machine now. The device is kept in %s, which is as secret as the password.\n"+
			"A sidecar that is running takes it up with its next login.\n", kept)
		return nil
	}
	return cmd
}

// chooseNAS finds the one plugin that is meant.
func chooseNAS(declared []replay.DeclaredPlugin, name string) (replay.DeclaredPlugin, error) {
	var found []replay.DeclaredPlugin
	var names []string
	for _, p := range declared {
		if p.Builtin != synologyPlugin {
			continue
		}
		names = append(names, p.Name)
		if name == "" || p.Name == name {
			found = append(found, p)
		}
	}
	switch {
	case len(names) == 0:
		return replay.DeclaredPlugin{}, errors.New("the configuration declares no plugin with builtin: synology")
	case len(found) == 0:
		return replay.DeclaredPlugin{}, fmt.Errorf("--plugin %q: the plugins with builtin: synology are %s", name, strings.Join(names, ", "))
	case len(found) > 1:
		return replay.DeclaredPlugin{}, fmt.Errorf("there are several NAS: say --plugin with one of %s", strings.Join(names, ", "))
	}
	return found[0], nil
}

// enrollError names the places of problems as the file does, and says of a refusal nothing that concerns a running plugin only.
func enrollError(name string, err error) error {
	var (
		problems sdk.Problems
		refusal  *dsm.Error
	)
	switch {
	case errors.As(err, &refusal):
		return errors.New(refusal.Once())
	case !errors.As(err, &problems):
		return err
	}
	for i, p := range problems {
		problems[i].Path = strings.TrimSuffix("plugins."+name+".config."+p.Path, ".")
	}
	return problems
}

// readCode reads a line. Authenticators show codes in two halves.
func readCode(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, 256)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.Join(strings.Fields(line), ""), nil
}
