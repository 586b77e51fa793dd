package config

import (
	"encoding/json"
	"path/filepath"
	"time"
)

// complete fills in what the file does not say. Names of files are joined to the folder of the configuration.
func (cfg *Config) complete(folder string) {
	if cfg.Budget == 0 {
		cfg.Budget = 2 * time.Second
	}
	if cfg.Log.Level == "" {
		cfg.Log.Level = "info"
	}
	if cfg.Listen.Socket != "" && cfg.Listen.Mode == 0 {
		cfg.Listen.Mode = 0o660
	}
	if t := cfg.Listen.TLS; t != nil {
		t.CertFile, t.KeyFile, t.ClientCAFile = under(folder, t.CertFile), under(folder, t.KeyFile), under(folder, t.ClientCAFile)
	}
	cfg.completeRunning(folder)
	if cfg.Shadow != nil {
		cfg.Shadow.File = under(folder, cfg.Shadow.File)
	}
	for i := range cfg.Plugins {
		p := &cfg.Plugins[i]
		p.SchemaFile = under(folder, p.SchemaFile)
		if p.TLS == "" {
			p.TLS = "auto"
		}
		if p.Config == nil {
			p.Config = json.RawMessage("{}")
		}
	}
	completeSteps(cfg.Pipeline)
	for i := range cfg.Tests {
		cfg.Tests[i].Given.complete()
	}
}

func under(folder, file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(folder, file)
}

func completeSteps(steps []Step) {
	for i := range steps {
		if steps[i].Lookup != "" && steps[i].OnError == "" {
			steps[i].OnError = Fail
		}
		completeSteps(steps[i].Steps)
	}
}

func (g *Given) complete() {
	if g.Scopes == nil {
		g.Scopes = []string{"openid", "profile", "email", "groups"}
	}
	switch {
	case g.Grant != "":
	case g.Connector == "":
		g.Grant = "client_credentials"
	default:
		g.Grant = "authorization_code"
	}
}
