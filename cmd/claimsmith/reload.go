package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
)

func reloadCommand() *cobra.Command {
	var fresh, force bool
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have a running sidecar read its configuration again",
		Long: "reload has a running sidecar read its configuration, test it and take it over. What is wrong with it is printed, and the old one goes on " +
			"serving. A sidecar also does that by itself when the file changes. Keys that take effect only with a new start, such as metrics, are named.",
		Example: "  claimsmith reload -c /etc/claimsmith/claimsmith.yaml\n  claimsmith reload --fresh",
		Args:    noArgs,
	}
	at := runningFlags(cmd)
	cmd.Flags().BoolVar(&fresh, "fresh", false, "start all plugins again, so that they read again the files that they name")
	cmd.Flags().BoolVar(&force, "force", false, "take over a configuration that keeps out everybody who was let in lately")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return at.ask(func(client adminv1.AdminServiceClient) error {
			reply, err := client.Reload(cmd.Context(), &adminv1.ReloadRequest{Fresh: fresh, Force: force})
			if err != nil {
				return err
			}
			if f := reply.GetFailed(); f != nil {
				fmt.Fprint(cmd.ErrOrStderr(), reloadFailure(f))
				return errReported
			}
			c := reply.GetConfiguration()
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s decides now: %s, %s\n", c.GetFile(), c.GetDigest(), count(c.GetSteps(), "step"), count(c.GetTests(), "test"))
			if keys := reply.GetNeedsRestart(); len(keys) > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "needs a new start: %s\n", strings.Join(keys, ", "))
			}
			return nil
		})
	}
	return cmd
}

// reloadFailure says why a reload failed: what is wrong with the file as check says it.
func reloadFailure(f *adminv1.FailedReload) string {
	var b strings.Builder
	b.WriteString(f.GetRendered())
	if len(f.GetProblems()) == 0 {
		fmt.Fprintf(&b, "claimsmith: %s\n", f.GetReason())
	}
	b.WriteString("claimsmith: the old configuration goes on serving\n")
	if f.GetLocksOut() {
		b.WriteString("hint: if that is what you want: claimsmith reload --force\n")
	}
	return b.String()
}
