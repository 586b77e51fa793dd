package main

import (
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// exampleNAS is the NAS that runs when no other is named.
//
//go:embed dsm_emulator.yaml
var exampleNAS []byte

func emulatorCommand() *cobra.Command {
	var o struct {
		state, addr, profile, caFile string
		example, verbose             bool
	}
	cmd := &cobra.Command{
		Use:   "dsm-emulator",
		Short: "Be a Synology NAS, for trying things out",
		Long: "dsm-emulator serves the part of DSM's Web API that reads accounts and groups, DSM's pages for signing in, its SSO client and, where the " +
			"state says so, its SSO Server. The accounts are in a YAML file. The page /emulator shows what it was asked. It is no NAS: what no public record " +
			"tells about DSM was chosen, and is written down in the documentation of the package dsmtest.",
		Example: "  claimsmith dsm-emulator\n  claimsmith dsm-emulator --example > nas.yaml\n  claimsmith dsm-emulator --state nas.yaml --profile 7.1 --ca-file ca.pem",
		Args:    noArgs,
	}
	cmd.Flags().StringVar(&o.state, "state", "", "the `file` with accounts and all else; without it the one that --example prints")
	cmd.Flags().StringVar(&o.addr, "addr", "", "where to listen; instead of what the state says, or 127.0.0.1:5001")
	cmd.Flags().StringVar(&o.profile, "profile", "", "the release of DSM: 6.2, 7.0, 7.1, 7.2, 7.3 or 7.4; instead of what the state says")
	cmd.Flags().StringVar(&o.caFile, "ca-file", "", "write the certificate of the authority that signed the NAS's into this `file`")
	cmd.Flags().BoolVar(&o.example, "example", false, "print a state to begin with, and end")
	cmd.Flags().BoolVar(&o.verbose, "verbose", false, "log each call, without its parameters")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.example {
			_, err := cmd.OutOrStdout().Write(exampleNAS)
			return err
		}
		options, err := nasState(o.state)
		if err != nil {
			return err
		}
		if o.addr != "" {
			options.Addr = o.addr
		}
		if options.Addr == "" {
			options.Addr = "127.0.0.1:5001"
		}
		if o.profile != "" {
			options.Profile = o.profile
		}
		level := slog.LevelInfo
		if o.verbose {
			level = slog.LevelDebug
		}
		options.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
		return serveNAS(cmd, options, o.caFile)
	}
	return cmd
}

func nasState(file string) (dsmtest.Options, error) {
	data := exampleNAS
	if file != "" {
		var err error
		if data, err = os.ReadFile(file); err != nil {
			return dsmtest.Options{}, fmt.Errorf("read the state: %w", err)
		}
	}
	options, err := dsmtest.ReadState(data)
	if err != nil {
		return dsmtest.Options{}, fmt.Errorf("read the state: %w", err)
	}
	return options, nil
}

// serveNAS runs until ctx ends.
func serveNAS(cmd *cobra.Command, o dsmtest.Options, caFile string) error {
	ctx, stop := withParent(cmd.Context())
	defer stop()
	nas, err := dsmtest.Start(o)
	if err != nil {
		return fmt.Errorf("start the emulator: %w", err)
	}
	defer nas.Close()
	if caFile != "" {
		if o.Plain {
			return usageError{errors.New("--ca-file: a NAS with plain: true has no certificate")}
		}
		if err := os.WriteFile(caFile, nas.CA(), 0o644); err != nil {
			return fmt.Errorf("--ca-file: %w", err)
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "DSM emulator at %s\nwhat it was asked: %s/emulator\n", nas.URL(), nas.URL())
	if !o.Plain {
		fmt.Fprintf(cmd.OutOrStdout(), "certSha256: %s\n", nas.Fingerprint())
	}
	if o.Server != nil {
		fmt.Fprintf(cmd.OutOrStdout(), "issuer of its SSO Server: %s\n", nas.SSOIssuer())
	}
	<-ctx.Done()
	return nil
}
