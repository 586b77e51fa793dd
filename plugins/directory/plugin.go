package directory

import (
	"context"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

const version = "0.1.0"

// Plugin is the plugin, for sdk.Main.
func Plugin() sdk.Spec[Config, Params, Facts] {
	return sdk.Spec[Config, Params, Facts]{Name: "directory", Version: version, Open: open, Keeps: keeps}
}

// open reads the file. What is wrong with it is wrong with the configuration.
func open(_ context.Context, h sdk.Host, c Config) (sdk.Lookup[Params, Facts], error) {
	s, problems := newStore(c, time.Now, h.Log)
	if len(problems) > 0 {
		return nil, problems
	}
	return &lookup{store: s}, nil
}

// keeps says how old answers may be: of a file that has become one that cannot be used.
func keeps(c Config) time.Duration {
	_, keep, _ := c.settle()
	return keep
}
