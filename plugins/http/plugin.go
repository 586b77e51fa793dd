package http

import (
	"context"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

const version = "0.1.0"

// Plugin is the plugin, for sdk.Main.
func Plugin() sdk.Spec[Config, Params, Facts] {
	return sdk.Spec[Config, Params, Facts]{Name: "http", Version: version, Open: open, Keeps: keeps}
}

// open checks the configuration and allocates. The service is not called before somebody asks.
func open(_ context.Context, h sdk.Host, c Config) (sdk.Lookup[Params, Facts], error) {
	s, err := c.settle()
	if err != nil {
		return nil, err
	}
	if s.target.origin.Scheme == "http" {
		h.Log.Warn("questions and answers travel readable because url begins with http://")
	}
	if s.tokens != nil {
		s.tokens.client = newClient(s, s.tokens.tls)
	}
	return &lookup{settings: s, client: newClient(s, s.tls)}, nil
}

// keeps says how old answers may be: each is asked for.
func keeps(Config) time.Duration { return 0 }
