package main

import (
	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/internal/doctor"
)

func doctorCommand() *cobra.Command {
	var o doctor.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Go through the chain from the sidecar to DSM and Dex, and say what is wrong",
		Long: "doctor looks at the configuration, the sidecar, the NAS and Dex, one after the other, says in plain words what is well and what is not, and " +
			"ends with the values for DSM's form. It changes nothing. It signs in to the NAS once, as the account of the plugin, and never repeats a login that DSM " +
			"refused; with --email the plugin signs in as well, once that has worked. The last line says whether people can sign in: it ends with 0 when they can, with 1 when they cannot, and with 2 when that is unknown.",
		Example: "  claimsmith doctor -c claimsmith.yaml --dex-config dex.yaml --email mum@gmail.com\n" +
			"  claimsmith doctor --dex https://login.example.org/dex --redirect-uri https://nas.example.org:5001 --json",
		Args: noArgs,
	}
	file := configFlag(cmd)
	f := cmd.Flags()
	f.StringVar(&o.Dex, "dex", "", "the issuer of Dex, a `URL`; by default that of --dex-config")
	f.StringVar(&o.DexConfig, "dex-config", "", "the configuration `file` that Dex is started with")
	f.StringVar(&o.Client, "client", "synology", "the `id` that the NAS has in Dex")
	f.StringVar(&o.Connector, "connector", "", "the `id` of the connector by which people sign in; by default the first in the configuration")
	f.StringVar(&o.RedirectURI, "redirect-uri", "", "the redirect `URI` in DSM's form; by default the first of the client in --dex-config")
	f.StringVar(&o.Email, "email", "", "an `address` to try: what would a login of this person come to?")
	f.BoolVar(&o.ShowNames, "show-names", false, "name the accounts that share an address")
	f.BoolVar(&o.ShowSecret, "show-secret", false, "write the secret of the client into the values for DSM's form")
	f.BoolVar(&asJSON, "json", false, "write the report as JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		if o.Sidecar, err = options(); err != nil {
			return err
		}
		o.File, o.Optional = *file, !cmd.Flags().Changed("config")
		report := doctor.Run(cmd.Context(), o)
		if asJSON {
			err = writeJSON(cmd.OutOrStdout(), report)
		} else {
			err = report.Render(cmd.OutOrStdout())
		}
		switch {
		case err == nil && report.Result == doctor.Cannot:
			return errReported
		case err == nil && report.Result == doctor.NotKnown:
			return errUnknown
		}
		return err
	}
	return cmd
}
