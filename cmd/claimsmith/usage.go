package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// strict makes every mistake on the command line a usageError: cobra shows help and succeeds where a command of a group is
// unknown, and takes wrong arguments for any other error.
func strict(cmd *cobra.Command) {
	if cmd.HasSubCommands() && !cmd.Runnable() {
		cmd.Args, cmd.RunE = cobra.ArbitraryArgs, group
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			if err == nil || errors.As(err, new(usageError)) {
				return err
			}
			return usageError{err}
		}
	}
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
}

// group is what a command does that only holds others.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return unknownCommand(cmd, args[0])
}

func unknownCommand(cmd *cobra.Command, name string) error {
	cmd.SuggestionsMinimumDistance = 2 // letters
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return usageError{fmt.Errorf("unknown command %q: did you mean %s?", name, near[0])}
	}
	return usageError{fmt.Errorf("unknown command %q", name)}
}

// noArgs refuses arguments as a mistake in usage.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.Flags().Lookup("config") != nil:
		return usageError{fmt.Errorf("%s takes no argument %q: the configuration is named by -c", cmd.Name(), args[0])}
	}
	return usageError{fmt.Errorf("%s takes no argument %q", cmd.Name(), args[0])}
}

// flagError says what is wrong with a flag in the words of a person.
func flagError(_ *cobra.Command, err error) error {
	var wrong *pflag.InvalidValueError
	if !errors.As(err, &wrong) {
		return usageError{err}
	}
	want := map[string]string{"int": "a whole number", "bool": "true or false", "intSlice": "whole numbers with commas between", "SIZE": "a size such as 256MiB or 1GiB"}[wrong.GetFlag().Value.Type()]
	return usageError{fmt.Errorf("--%s %q: write %s", wrong.GetFlag().Name, wrong.GetValue(), want)}
}

// helpCommand is cobra's, but an unknown command is a mistake.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [command]",
		Short:   "Say what a command does",
		Example: "  claimsmith help check",
		RunE: func(_ *cobra.Command, args []string) error {
			about, rest, err := root.Find(args)
			switch {
			case err != nil:
				return usageError{err}
			case len(rest) > 0:
				return unknownCommand(about, rest[0])
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}
