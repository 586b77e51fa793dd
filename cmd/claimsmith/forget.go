package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
)

// errUnknownPerson names nobody: who asks knows whom they named.
var errUnknownPerson = errors.New("nothing is known of this person: no request, no link and no cached fact\n" +
	"hint: a link that was made by hand may not know the address: claimsmith links list, then claimsmith links reset --account NAME")

func forgetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "forget PERSON",
		Short: "Erase what a running sidecar keeps about a person",
		Long: "forget erases the recorded requests of a person, named by address or by user id at the connector, resets their links to accounts, and drops the " +
			"facts that are cached for them, from memory and from the store; --facts drops those of all. To have facts read again and keep the link there is " +
			"claimsmith plugin refresh. An address finds the links that were " +
			"made by a sign-in with it; one that was made by hand without a decision may have to be reset by claimsmith links reset. Other sidecars that share the store " +
			"have a memory of their own: ask each of them. Logs are not the sidecar's to erase; they hold no values.",
		Example: "  claimsmith forget mum@gmail.com\n  claimsmith forget --facts stranger@gmail.com",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("forget needs one person: an address, or the user id at the connector")}
			}
			return nil
		},
	}
	at := runningFlags(cmd)
	facts := cmd.Flags().Bool("facts", false, "drop the cached facts of all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return at.ask(func(client adminv1.AdminServiceClient) error {
			reply, err := client.Forget(cmd.Context(), &adminv1.ForgetRequest{Person: args[0], Facts: *facts})
			if err != nil {
				return err
			}
			if reply.GetRequests()+reply.GetRemembered()+reply.GetLinks()+reply.GetAnswers() == 0 && !*facts {
				return errUnknownPerson
			}
			fmt.Fprintf(cmd.OutOrStdout(), "erased: %s, and %s in memory\n", count(reply.GetRequests(), "recorded request"), count(reply.GetRemembered(), "request"))
			if n := reply.GetLinks(); n > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "reset: %s to accounts; the next sign-in is a first one again\n", count(n, "link"))
			}
			where := ""
			if reply.GetErased() {
				where = ", in the store too"
			}
			if n := reply.GetAnswers(); n > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "dropped: %s%s\n", count(n, "cached answer"), where)
			}
			if plugins := reply.GetPlugins(); len(plugins) > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "dropped: all cached facts of %s%s\n", strings.Join(plugins, ", "), where)
			}
			return nil
		})
	}
	return cmd
}
