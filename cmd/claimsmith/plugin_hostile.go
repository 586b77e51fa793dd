package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar"
)

// hostileConfig names what the hostile plugin is given.
type hostileConfig struct {
	URL        string `json:"url,omitempty" doc:"an address that it may reach"`
	SecretFile string `json:"secretFile,omitempty" doc:"a file that it may read"`
}

type hostileParams struct {
	Attack string `json:"attack" doc:"what to try"`
}

type hostileFacts struct {
	Outcome string `json:"outcome" doc:"how it went"`
}

// hostilePlugin tries to get out of its box, for verify --hostile.
func hostilePlugin() sdk.Plugin {
	return sdk.Spec[hostileConfig, hostileParams, hostileFacts]{Name: "hostile", Version: version(),
		Open: func(context.Context, sdk.Host, hostileConfig) (sdk.Lookup[hostileParams, hostileFacts], error) {
			return sdk.Func[hostileParams, hostileFacts](func(_ context.Context, p hostileParams) (sdk.Answer[hostileFacts], error) {
				return sdk.Answer[hostileFacts]{Found: true, Facts: hostileFacts{Outcome: sidecar.Attack(p.Attack)}}, nil
			}), nil
		}}
}

func hostileCommand() *cobra.Command {
	return &cobra.Command{
		Hidden:  true,
		Use:     "hostile",
		Short:   "Be the plugin that verify --hostile starts",
		Example: "  claimsmith plugin verify --hostile",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			sdk.Main(hostilePlugin()) // never returns
			return nil
		},
	}
}

// verifyHostile has a hostile plugin try what confines plugins on this machine.
func (f *trialFlags) verifyHostile(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("plugin verify --hostile brings a plugin of its own: leave out %s", args[0])}
	}
	o, err := options()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	report, err := sidecar.VerifyConfinement(cmd.Context(), []string{self, "plugin", "hostile"}, f.user, o)
	if err != nil {
		return err
	}
	return f.write(cmd, report)
}
