package sidecar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// described is a plugin as rules need it.
type described struct {
	params, facts *facts.Type
	config        *facts.Type
	asker         func(*config.Cache) pipeline.Asker
}

// describer finds out what plugins know: by starting them, or from what they wrote down.
type describer interface {
	// describe returns the plugin, or problems that keep it from being used. Problems are at paths of the whole file.
	describe(ctx context.Context, p *config.Plugin, src *config.Source) (*described, []config.Problem)
}

func (b *builder) describe(ctx context.Context, p *config.Plugin, d describer) {
	plugin, problems := d.describe(ctx, p, b.src)
	b.problems = append(b.problems, problems...)
	if plugin != nil {
		b.plugins[p.Name] = plugin
	}
}

// configProblems checks a plugin's configuration by its schema.
func configProblems(t *facts.Type, p *config.Plugin, src *config.Source) []config.Problem {
	data := p.Config
	if len(data) == 0 {
		data = json.RawMessage("{}")
	}
	var out []config.Problem
	for _, problem := range t.Problems(data) {
		out = append(out, src.Problem(config.Join(config.Join(p.Path, "config"), problem.Path), problem.Message, problem.Hint))
	}
	return out
}

// offline describes plugins without starting them: built-in ones describe themselves, others bring a schemaFile.
type offline struct {
	options Options
}

// writtenDescription is the content of a schemaFile.
type writtenDescription struct {
	Name    string          `json:"name"`
	Version string          `json:"version"`
	Config  json.RawMessage `json:"config"`
	Params  json.RawMessage `json:"params"`
	Facts   json.RawMessage `json:"facts"`
}

func (o offline) describe(_ context.Context, p *config.Plugin, src *config.Source) (*described, []config.Problem) {
	if _, known := o.options.Builtins[p.Builtin]; !known && (p.Builtin != "" || len(p.Command) == 0) {
		return nil, nil // the loader reported it
	}
	d, problem := o.read(p, src)
	if problem != nil {
		return nil, []config.Problem{*problem}
	}
	out := &described{asker: func(*config.Cache) pipeline.Asker { return nobody{p.Name} }}
	for _, part := range []struct {
		name   string
		schema []byte
		into   **facts.Type
	}{{"config", d.Config, &out.config}, {"params", d.Params, &out.params}, {"facts", d.Facts, &out.facts}} {
		t, err := facts.Parse(part.schema)
		if err != nil {
			return nil, []config.Problem{src.Problem(p.Path, fmt.Sprintf("the schema of the plugin's %s: %v", part.name, err), "")}
		}
		*part.into = t
	}
	return out, configProblems(out.config, p, src)
}

func (o offline) read(p *config.Plugin, src *config.Source) (Description, *config.Problem) {
	fail := func(path, message, hint string) (Description, *config.Problem) {
		problem := src.Problem(path, message, hint)
		return Description{}, &problem
	}
	if p.Builtin != "" {
		d, err := o.options.Builtins[p.Builtin].Describe()
		if err != nil {
			return fail(p.Path, err.Error(), "")
		}
		return d, nil
	}
	if p.SchemaFile == "" {
		return fail(p.Path, "this plugin is not started here, and nothing says what it knows", "write schemaFile:, or leave out --offline")
	}
	data, err := os.ReadFile(p.SchemaFile)
	if err != nil {
		return fail(config.Join(p.Path, "schemaFile"), err.Error(), "")
	}
	var d writtenDescription
	if err := json.Unmarshal(data, &d); err != nil {
		return fail(config.Join(p.Path, "schemaFile"), "this is not the description of a plugin: "+err.Error(), "")
	}
	return Description{Name: d.Name, Version: d.Version, Config: d.Config, Params: d.Params, Facts: d.Facts}, nil
}

// nobody is asked where no plugin runs. Tests give facts, so it is never reached by them.
type nobody struct{ plugin string }

func (n nobody) Ask(context.Context, pipeline.Question) (*pipeline.Answer, error) {
	return nil, fmt.Errorf("the plugin %s does not run here", n.plugin)
}

// online describes plugins by starting them.
type online struct {
	options   Options
	host      *pluginhost.Host
	checkOnly bool
}

func (o online) describe(ctx context.Context, p *config.Plugin, src *config.Source) (*described, []config.Problem) {
	command := p.Command
	if p.Builtin != "" {
		command = o.options.Builtins[p.Builtin].Command
	}
	if len(command) == 0 {
		return nil, nil // the loader reported it
	}
	cfg := p.Config
	if len(cfg) == 0 {
		cfg = json.RawMessage("{}")
	}
	plugin, err := o.host.Start(ctx, pluginhost.Declaration{
		Name: p.Name, Command: command, SHA256: p.SHA256.Files, Env: p.Env, TLS: p.TLS, Config: cfg,
	})
	if err != nil {
		return nil, startProblems(p, err, src)
	}
	d := plugin.Description()
	out := &described{params: d.Params, facts: d.Facts, config: d.Config, asker: func(c *config.Cache) pipeline.Asker {
		var policy pluginhost.CachePolicy
		if c != nil {
			policy = pluginhost.CachePolicy{TTL: c.TTL, NegativeTTL: c.NegativeTTL, MaxStale: c.MaxStale}
		}
		return plugin.Asker(policy)
	}}
	if problems := configProblems(d.Config, p, src); len(problems) > 0 {
		return out, problems
	}
	problems, err := plugin.Configure(ctx, o.checkOnly)
	if err != nil {
		return out, []config.Problem{src.Problem(p.Path, err.Error(), "")}
	}
	var placed []config.Problem
	for _, problem := range problems {
		placed = append(placed, src.Problem(config.Join(config.Join(p.Path, "config"), problem.Path), problem.Message, problem.Hint))
	}
	return out, placed
}

// startProblems places what kept a plugin from starting: at the part of its declaration that is wrong, or at the plugin.
func startProblems(p *config.Plugin, err error, src *config.Source) []config.Problem {
	var list []error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	} else {
		list = []error{err}
	}
	var out []config.Problem
	for _, one := range list {
		var wrong *pluginhost.CommandError
		if errors.As(one, &wrong) {
			out = append(out, src.Problem(config.Join(p.Path, wrong.Path), wrong.Message, wrong.Hint))
			continue
		}
		out = append(out, src.Problem(p.Path, one.Error(), ""))
	}
	return out
}
