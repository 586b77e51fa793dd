package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
)

func linksCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "links",
		Short: "Look at the links between people and accounts, and change them",
		Long: "A lookup with a pin links the person that signs in to the account that was found, and from then on neither can take the place of another. links shows these " +
			"links of a running sidecar, makes some by hand, which administrators need, and takes some apart.",
		Example: "  claimsmith links list\n  claimsmith links add --plugin nas --connector google --user 1080123 --account dad --id 1026\n  claimsmith links adopt --connector google\n  claimsmith links reset --account mum",
	}
	cmd.AddCommand(linksListCommand(), linksAddCommand(), linksAdoptCommand(), linksAcceptCommand(), linksResetCommand())
	return cmd
}

func linksListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List who is linked to which account",
		Long: "list shows personal data. A link is first when the first sign-in made it, and explicit when somebody made it by hand. " +
			"ISSUER is the provider that the configuration named for the connector then: while it names another one, or none, the link does not hold.",
		Example: "  claimsmith links list\n  claimsmith links list --json",
		Args:    noArgs,
	}
	at := runningFlags(cmd)
	asJSON := cmd.Flags().Bool("json", false, "write JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return at.askLinks(func(client adminv1.LinkServiceClient) error {
			list, err := client.ListLinks(cmd.Context(), &adminv1.ListLinksRequest{})
			if err != nil {
				return err
			}
			if *asJSON {
				return writeMessage(cmd.OutOrStdout(), list)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), linkTable(list))
			return err
		})
	}
	return cmd
}

func linkTable(list *adminv1.ListLinksResponse) string {
	var b strings.Builder
	if len(list.GetLinks()) == 0 {
		b.WriteString("no links\n")
	} else {
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "CONNECTOR\tISSUER\tUSER\tPLUGIN\tACCOUNT\tID\tMADE\tSINCE")
		for _, l := range list.GetLinks() {
			id, issuer, made := cmp.Or(l.GetAccountId(), "-"), cmp.Or(l.GetIssuer(), "-"), "first"
			if l.GetExplicit() {
				made = "explicit"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", plainText(l.GetConnectorId()), plainText(issuer), plainText(l.GetUserId()), l.GetPlugin(),
				plainText(l.GetAccount()), plainText(id), made, l.GetTime().AsTime().UTC().Format(time.DateTime))
		}
		_ = w.Flush() // into memory
	}
	if lost := list.GetLost(); lost != nil {
		fmt.Fprintf(&b, "links were lost, which is known since %s: the file of state was damaged or changed, is an older one, or one of an older claimsmith. "+
			"Nobody is linked at a first sign-in, and links that are not sound do not hold, until claimsmith links accept or claimsmith links reset --all\n",
			lost.AsTime().UTC().Format(time.DateTime))
	}
	if n := list.GetUnreadable(); n > 0 {
		fmt.Fprintf(&b, "%s cannot be read: bring back the key that state had, or take all apart with claimsmith links reset --all\n", count(n, "row"))
	}
	return b.String()
}

// plainText keeps what comes from other systems from moving the cursor.
func plainText(s string) string {
	if quoted := fmt.Sprintf("%q", s); quoted != `"`+s+`"` {
		return quoted
	}
	return s
}

func linksAddCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "add", Short: "Link a person to an account",
		Long: "add links a person to an account by hand. A person linked this way may use an administrator's account as far as the pin is concerned, and may sign in where it says " +
			"links: required. A rule that refuses administrators, such as deny: nas.admin and not nas.linked, refuses them still: it speaks of the plugin's own links. " +
			"The person is named by --decision, with the id that they read when they were turned away, or by --connector and --user. " +
			"Without --id any account of that name counts, also one that is made again.",
		Example: "  claimsmith links add --decision 7K2M-Q9XD --plugin nas --account dad --id 1026\n" +
			"  claimsmith links add --plugin nas --connector google --user 1080123 --account dad --id 1026",
		Args: noArgs,
	}
	at, l := runningFlags(cmd), &adminv1.Link{}
	linkFlags(cmd, &l.Plugin, &l.ConnectorId, &l.UserId, &l.Account)
	cmd.Flags().StringVar(&l.AccountId, "id", "", "the account's `id`, where the pin names one")
	decision := cmd.Flags().String("decision", "", "the `id` of a decision about the person, in the place of --connector and --user")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return at.askLinks(func(client adminv1.LinkServiceClient) error {
			reply, err := client.AddLink(cmd.Context(), &adminv1.AddLinkRequest{Link: l, DecisionId: *decision})
			if err != nil {
				return err
			}
			l := reply.GetLink()
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "linked: %s of %s and the account %s of %s\n", plainText(l.GetUserId()), plainText(l.GetConnectorId()), plainText(l.GetAccount()), l.GetPlugin())
			return err
		})
	}
	return cmd
}

func linksAdoptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "adopt", Short: "Write the provider of a connector into links that name none",
		Long: "Links made before the configuration had an issuer for their connector do not hold once it has one, because nobody knows which provider they were made " +
			"with. adopt says that it was the one that the configuration names now. Links that name another provider stay as they are: reset them.",
		Example: "  claimsmith links adopt --connector google",
		Args:    noArgs,
	}
	at, req := runningFlags(cmd), &adminv1.AdoptLinksRequest{}
	cmd.Flags().StringVar(&req.ConnectorId, "connector", "", "the `id` of the connector")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return at.askLinks(func(client adminv1.LinkServiceClient) error {
			reply, err := client.AdoptLinks(cmd.Context(), req)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "adopted: %s\n", count(reply.GetLinks(), "link"))
			return err
		})
	}
	return cmd
}

func linksAcceptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "accept", Short: "Say that the links that are there hold, whatever happened to the file of state",
		Long: "Links hold together: where one was removed, changed or put back by somebody else than the sidecar, or the whole file is an older one, those that are " +
			"concerned hold no longer, and nobody is linked at a first sign-in. accept keeps the links that list shows, but for those that are not whole. " +
			"Others may still be missing, so make these with add; --complete says that none are, and lets first sign-ins make links again. Look at the list first.",
		Example: "  claimsmith links accept\n  claimsmith links accept --complete",
		Args:    noArgs,
	}
	at, req := runningFlags(cmd), &adminv1.AcceptLinksRequest{}
	cmd.Flags().BoolVar(&req.Complete, "complete", false, "no links are missing: whoever signs in first may be linked again")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return at.askLinks(func(client adminv1.LinkServiceClient) error {
			reply, err := client.AcceptLinks(cmd.Context(), req)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "accepted: %s; taken away: %s\n", count(reply.GetLinks(), "link"), count(reply.GetRemoved(), "row"))
			return err
		})
	}
	return cmd
}

func linksResetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "reset", Short: "Take links apart",
		Long: "reset takes apart the links that fit all that is named. The next sign-in of these people, and the next one to these accounts, is a first one again. " +
			"Where links were lost with a damaged file of state, --all says that whoever signs in first may be linked.",
		Example: "  claimsmith links reset --account mum\n  claimsmith links reset --connector google --user 1080123\n  claimsmith links reset --all",
		Args:    noArgs,
	}
	at, req := runningFlags(cmd), &adminv1.ResetLinksRequest{}
	linkFlags(cmd, &req.Plugin, &req.ConnectorId, &req.UserId, &req.Account)
	cmd.Flags().BoolVar(&req.All, "all", false, "all links, also what cannot be read")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return at.askLinks(func(client adminv1.LinkServiceClient) error {
			reply, err := client.ResetLinks(cmd.Context(), req)
			if err != nil {
				return err
			}
			if reply.GetLinks() == 0 && !req.GetAll() {
				return nobodyLinked(req)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "reset: %s\n", count(reply.GetLinks(), "link"))
			return err
		})
	}
	return cmd
}

// nobodyLinked says that no link fits what was asked for.
func nobodyLinked(req *adminv1.ResetLinksRequest) error {
	said := "no link fits what is named"
	if req.GetPlugin()+req.GetConnectorId()+req.GetUserId() == "" {
		said = "nobody is linked to the account " + plainText(req.GetAccount())
	}
	return errors.New(said + "\nhint: claimsmith links list")
}

// linkFlags add the sides of a link.
func linkFlags(cmd *cobra.Command, plugin, connector, user, account *string) {
	cmd.Flags().StringVar(plugin, "plugin", "", "the `name` of the plugin that knows the account")
	cmd.Flags().StringVar(connector, "connector", "", "the `id` of the connector")
	cmd.Flags().StringVar(user, "user", "", "the person's `id` at the connector")
	cmd.Flags().StringVar(account, "account", "", "the `name` of the account")
}
