package replay

import (
	"time"

	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
)

// Outline is what a configuration names, for a program that looks at what is around a sidecar. Rules are not compiled for it.
type Outline struct {
	Socket     string // where Dex reaches the sidecar; empty: over TCP
	TCP        string // the address, with mutual TLS; empty: over the socket
	Connectors []OutlinedConnector
	Plugins    []DeclaredPlugin
	Lookups    []OutlinedLookup // in the order of the file
	Worst      *WorstCase       // with Dex's default for tokens
	Clients    []OutlinedClient
	Budget     time.Duration // for a whole request
}

// OutlinedConnector is a connector whose word on addresses counts.
type OutlinedConnector struct {
	Name    string
	Domains []string // ["*"] is any
	Issuer  string   // the provider that links keep; empty: none is named
}

// OutlinedLookup is a step that asks a plugin.
type OutlinedLookup struct {
	Alias, Plugin string
	Pin           *OutlinedPin // nil: people are not linked to accounts
}

// OutlinedPin is how people are linked to the accounts of a lookup.
type OutlinedPin struct {
	ID       string // the expression of what an account keeps; empty: only its name counts
	Required bool   // only who was linked by hand may sign in
}

// OutlinedClient is a client with a contract.
type OutlinedClient struct {
	Name    string
	Require []string // claims without which no token is issued
}

// ReadOutline reads the outline of a configuration. It starts nothing. The error is a *Problems when the file cannot be used.
func ReadOutline(file string, o compile.Options) (*Outline, error) {
	cfg, src, problems := config.Load(file, config.Options{Builtins: o.BuiltinNames()})
	if all := (&compile.Problems{List: problems, Source: src}); all.Failed() {
		return nil, all
	}
	declared, err := DeclaredPlugins(file, o)
	if err != nil {
		return nil, err
	}
	out := &Outline{Socket: cfg.Listen.Socket, TCP: cfg.Listen.TCP, Plugins: declared, Budget: cfg.Budget}
	for _, c := range cfg.Connectors {
		out.Connectors = append(out.Connectors, OutlinedConnector{Name: c.Name, Domains: c.EmailDomains, Issuer: c.Issuer})
	}
	for _, c := range cfg.Clients {
		client := OutlinedClient{Name: c.Name}
		for _, r := range c.Require {
			client.Require = append(client.Require, r.Name)
		}
		out.Clients = append(out.Clients, client)
	}
	out.lookups(cfg.Pipeline)
	out.Worst = worstCase(o, cfg)
	return out, nil
}

func (out *Outline) lookups(steps []config.Step) {
	for i := range steps {
		s := &steps[i]
		if s.Lookup != "" {
			l := OutlinedLookup{Alias: s.Alias(), Plugin: s.Lookup}
			if p := s.Pin; p != nil {
				l.Pin = &OutlinedPin{Required: p.Required()}
				if p.ID != nil {
					l.Pin.ID = p.ID.Value
				}
			}
			out.Lookups = append(out.Lookups, l)
		}
		out.lookups(s.Steps)
	}
}
