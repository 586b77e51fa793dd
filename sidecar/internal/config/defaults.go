package config

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
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
		if p.Builtin != "" {
			p.Config = filesUnder(folder, p.Config)
		}
	}
	for i := range cfg.Tables {
		cfg.Tables[i].File = under(folder, cfg.Tables[i].File)
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

// filesUnder joins the names of files in the configuration of a plugin to a folder: those below a key that is file or ends in File. They
// become absolute, because a plugin works in a folder of its own.
func filesUnder(folder string, config json.RawMessage) json.RawMessage {
	absolute, err := filepath.Abs(folder)
	d := json.NewDecoder(bytes.NewReader(config))
	d.UseNumber()
	var block any
	if err != nil || d.Decode(&block) != nil {
		return config
	}
	if !joinFiles(absolute, block) {
		return config
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(block) != nil {
		return config
	}
	return bytes.TrimSpace(out.Bytes())
}

// joinFiles reports whether it changed something.
func joinFiles(folder string, value any) (changed bool) {
	switch value := value.(type) {
	case []any:
		for _, e := range value {
			changed = joinFiles(folder, e) || changed
		}
	case map[string]any:
		for key, member := range value {
			file, isText := member.(string)
			if !isText || key != "file" && !strings.HasSuffix(key, "File") {
				changed = joinFiles(folder, member) || changed
				continue
			}
			value[key] = under(folder, file)
			changed = changed || value[key] != file
		}
	}
	return changed
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
