package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar"
)

// pluginCommand is for those who write plugins. What the sidecar starts this binary with is in it too, hidden from people.
func pluginCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "plugin",
		Short:   "Write a plugin, and see whether it keeps the contract",
		Example: "  claimsmith plugin new phonebook\n  claimsmith plugin verify ./phonebook\n  claimsmith plugin describe ./phonebook > schema.json",
	}
	cmd.AddCommand(newCommand(), devCommand(), verifyCommand(), describeCommand(), pluginListCommand(), pluginStatusCommand(), pluginRestartCommand(), pluginRefreshCommand(), hostileCommand(), &cobra.Command{
		Hidden:  true,
		Use:     "run NAME",
		Short:   "Be a built-in plugin",
		Example: "  claimsmith plugin run synology",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("plugin run takes the name of one plugin")}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			plugin, ok := builtins()[args[0]]
			if !ok {
				return usageError{fmt.Errorf("no plugin %q comes with claimsmith", args[0])}
			}
			sdk.Main(plugin) // never returns
			return nil
		},
	}, &cobra.Command{
		Hidden:             true,
		Use:                "exec [flags] -- COMMAND [argument ...]",
		Short:              "Confine this process and become a plugin",
		Example:            "  claimsmith plugin exec -- /opt/plugins/mine",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
				return cmd.Help()
			}
			return sidecar.PluginExec(args)
		},
	})
	return cmd
}
