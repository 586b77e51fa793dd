package engine

import (
	"reflect"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/observe"
)

// NeedsRestart names the keys of a configuration that say something else than when the sidecar was started. A reload does not take
// them over.
func NeedsRestart(began, now *config.Config) (keys []string) {
	for _, one := range []struct {
		key  string
		same bool
	}{
		{"listen", reflect.DeepEqual(whereDexAsks(began), whereDexAsks(now))},
		{"log", began.Log.Level == now.Log.Level && began.Log.Format == now.Log.Format},
		{"admin", began.Admin.Socket == now.Admin.Socket || began.Admin.Default && now.Admin.Default},
		{"state", keptIn(began) == keptIn(now)},
		{"record", recordedBy(began) == recordedBy(now)},
		{"metrics", numbersAt(began) == numbersAt(now)},
		{"tracing", observe.SameTracing(began, now)},
	} {
		if !one.same {
			keys = append(keys, one.key)
		}
	}
	return keys
}

// sameKeeping reports whether two configurations keep the same in the same place, and answer the operator there.
func sameKeeping(a, b *config.Config) bool {
	return keptIn(a) == keptIn(b) && recordedBy(a) == recordedBy(b) && a.Admin.Socket == b.Admin.Socket
}

// Each part without its place in the file, so that it can be compared.

func whereDexAsks(c *config.Config) config.Listen {
	l := c.Listen
	l.Place = config.Place{}
	if l.TLS != nil {
		tls := *l.TLS
		tls.Place = config.Place{}
		l.TLS = &tls
	}
	return l
}

func keptIn(c *config.Config) config.State {
	if c.State == nil {
		return config.State{}
	}
	return config.State{File: c.State.File, PostgresFile: c.State.PostgresFile, KeyFile: c.State.KeyFile, AnchorFile: c.State.AnchorFile}
}

func recordedBy(c *config.Config) config.Record {
	if c.Record == nil {
		return config.Record{}
	}
	return config.Record{KeyFile: c.Record.KeyFile, Max: c.Record.Max, MaxAge: c.Record.MaxAge}
}

func numbersAt(c *config.Config) string {
	if c.Metrics == nil {
		return ""
	}
	return c.Metrics.Address
}
