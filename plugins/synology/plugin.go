package synology

import (
	"context"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/synology/dsm"
)

const version = "0.1.0"

// Plugin is the plugin, for sdk.Main.
func Plugin() sdk.Spec[Config, Params, Facts] {
	return sdk.Spec[Config, Params, Facts]{Name: "synology", Version: version, Open: open, Keeps: keeps}
}

// open checks the configuration and allocates. The NAS is not called before somebody asks.
func open(_ context.Context, h sdk.Host, c Config) (sdk.Lookup[Params, Facts], error) {
	s, err := c.settle(true)
	if err != nil {
		return nil, err
	}
	nas, err := s.source(h)
	if err != nil {
		return nil, sdk.Problems{{Message: err.Error()}}
	}
	if s.plain {
		h.Log.Warn("the password of the NAS account travels readable because url begins with http://")
	}
	d := newDirectory(nas, directoryOptions{refresh: s.refresh, now: time.Now, log: h.Log})
	return &lookup{directory: d, place: s.place, links: s.links}, nil
}

// source is where the accounts are read.
func (s settings) source(h sdk.Host) (source, error) {
	if s.snapshot != nil {
		return s.snapshot, nil
	}
	s.client.Log = h.Log
	return dsm.New(s.client)
}

// keeps says how old answers may be: as old as accounts get before they are read again, or as a snapshot may be when it is read.
func keeps(c Config) time.Duration {
	var ignored checker
	refresh := c.refresh(&ignored)
	if c.Source == sourceSnapshot {
		return max(refresh, c.snapshotAge(&ignored))
	}
	return refresh
}
