package ldap

import (
	"context"
	"log/slog"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

const version = "0.1.0"

// Plugin is the plugin, for sdk.Main.
func Plugin() sdk.Spec[Config, Params, Facts] {
	return sdk.Spec[Config, Params, Facts]{Name: "ldap", Version: version, Open: open, Keeps: keeps}
}

// open checks the configuration and allocates. The server is not called before somebody asks.
func open(_ context.Context, h sdk.Host, c Config) (sdk.Lookup[Params, Facts], error) {
	s, err := c.settle()
	if err != nil {
		return nil, err
	}
	if s.dial.plain() {
		h.Log.Warn("what is asked and answered travels readable, the password too, because neither ldaps:// nor startTLS is used")
	}
	return newLookup(s, h.Log, time.Now), nil
}

func newLookup(s settings, log *slog.Logger, now func() time.Time) *lookup {
	d := newDialer(s.dial, newGate(gateOptions{log: log, now: now}), newServers(s.dial, log, now))
	return &lookup{pool: newPool(d.dial, poolOptions{log: log}), s: s, now: now}
}

// keeps says how old answers may be: each is asked for.
func keeps(Config) time.Duration { return 0 }
