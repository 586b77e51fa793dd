package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/internal/demo"
	"github.com/claimsmith/claimsmith/dexpatch"
)

func demoCommand() *cobra.Command {
	var o struct {
		dex         string
		port        int
		serve, json bool
	}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole chain on this machine",
		Long: "demo signs in to an emulated NAS with a stand-in for Google, through the real Dex with the hook and the real sidecar, " +
			"and shows the token before and after.",
		Example: "  claimsmith demo\n  claimsmith demo --serve\n  claimsmith demo --json > report.json",
		Args:    noArgs,
	}
	cmd.Flags().StringVar(&o.dex, "dex", "", "use this `file`, a Dex with the hook, and build none")
	cmd.Flags().IntVar(&o.port, "port", 0, "the first of four neighbouring ports; free ones by default")
	cmd.Flags().BoolVar(&o.serve, "serve", false, "stay up, to be clicked through in a browser")
	cmd.Flags().BoolVar(&o.json, "json", false, "write a report as JSON to stdout, and the story to stderr")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
		if o.port < 0 || o.port > 65532 {
			return usageError{fmt.Errorf("--port %d: there are no four ports from there on", o.port)}
		}
		ctx, stop := withParent(cmd.Context())
		defer stop()
		options := demo.Options{Self: self, Port: o.port, Serve: o.serve, Say: cmd.OutOrStdout(), Dex: builtDex}
		if o.json {
			options.JSON, options.Say = cmd.OutOrStdout(), cmd.ErrOrStderr()
		}
		if o.dex != "" {
			options.Dex = givenDex(o.dex)
		}
		if err := demo.Run(ctx, options); err != nil {
			if errors.Is(err, context.Canceled) && ctx.Err() != nil {
				return errors.New("stopped; nothing is left running")
			}
			return err
		}
		return nil
	}
	return cmd
}

// builtDex returns the shared Dex with the hook, and builds it on first use.
func builtDex(ctx context.Context, say io.Writer) (string, error) {
	path, err := dexpatch.Cached(ctx, dexpatch.Options{Progress: saying(say)})
	if err != nil {
		return "", withDexHint(err)
	}
	return path, nil
}

func givenDex(path string) func(context.Context, io.Writer) (string, error) {
	return func(context.Context, io.Writer) (string, error) {
		info, err := os.Stat(path)
		if err != nil {
			return "", fmt.Errorf("--dex: %w", err)
		}
		if info.IsDir() || info.Mode()&0o111 == 0 {
			return "", fmt.Errorf("--dex: %s is no program", path)
		}
		return path, nil
	}
}
