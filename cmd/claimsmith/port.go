package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
)

// porter is the program that port runs. It is a module of its own, because it brings the languages of other systems.
const porter = "claimsmith-port"

func portCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "port",
		Short: "Write the rules of another system as a configuration with tests",
		Long: "port reads an AuthenticationConfiguration of Kubernetes, a FederationDomain of Pinniped, claims policies of Authelia, or an expression in CEL or " +
			"JMESPath, and writes the rules with tests. It runs the program " + porter + ", which stands beside this one or in PATH, and ends with its exit code: " +
			"0 where all came over, 1 where the input cannot be read, 2 on a mistake on the command line, 3 where something has no equivalent and is a comment.",
		Example:            "  claimsmith port authentication.yaml -o claimsmith.yaml\n  claimsmith port --from jmespath role_attribute_path.txt",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			program, err := findPorter()
			if err != nil && (slices.Contains(args, "--help") || slices.Contains(args, "-h")) {
				return cmd.Help()
			}
			if err != nil {
				return err
			}
			run := exec.CommandContext(cmd.Context(), program, args...)
			run.Stdin, run.Stdout, run.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			err = run.Run()
			var ended *exec.ExitError
			if errors.As(err, &ended) && ended.ExitCode() > 0 {
				return exited(ended.ExitCode())
			}
			return err
		},
	}
}

// exited ends a command as the program did that it ran, which has said why.
type exited int

func (e exited) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// findPorter looks for the program beside this one, then in PATH.
func findPorter() (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), porter)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	found, err := exec.LookPath(porter)
	if err != nil {
		return "", fmt.Errorf("the program %[1]s is neither beside this one nor in PATH\nhint: go install github.com/claimsmith/claimsmith/cmd/%[1]s@latest, or in a clone: go run ./cmd/%[1]s", porter)
	}
	return found, nil
}
