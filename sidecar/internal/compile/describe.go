package compile

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
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
		out = append(out, placedProblem(src, config.Join(p.Path, "config"), problem))
	}
	return out
}

// placedProblem is a problem with a part of the file, such as the configuration of a plugin, that stands at base.
func placedProblem(src *config.Source, base string, p facts.Problem) config.Problem {
	path := config.Join(base, p.Path)
	if p.Key {
		return src.KeyProblem(path, p.Message, p.Hint)
	}
	return src.Problem(path, p.Message, p.Hint)
}

// Offline describes plugins without starting them: built-in ones describe themselves, others bring a schemaFile.
type Offline struct {
	Options Options
}

func (o Offline) describe(_ context.Context, p *config.Plugin, src *config.Source) (*described, []config.Problem) {
	if _, known := o.Options.Builtins[p.Builtin]; !known && (p.Builtin != "" || len(p.Command) == 0) {
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
		parse  func([]byte) (*facts.Type, error)
		into   **facts.Type
	}{{"config", d.Config, facts.Parse, &out.config}, {"params", d.Params, facts.Parse, &out.params}, {"facts", d.Facts, facts.ParseFacts, &out.facts}} {
		t, err := part.parse(part.schema)
		if err != nil {
			return nil, []config.Problem{src.Problem(p.Path, fmt.Sprintf("the schema of the plugin's %s: %v", part.name, err), "")}
		}
		*part.into = t
	}
	return out, configProblems(out.config, p, src)
}

func (o Offline) read(p *config.Plugin, src *config.Source) (Description, *config.Problem) {
	fail := func(path, message, hint string) (Description, *config.Problem) {
		problem := src.Problem(path, message, hint)
		return Description{}, &problem
	}
	if p.Builtin != "" {
		d, err := o.Options.Builtins[p.Builtin].Describe()
		if err != nil {
			return fail(p.Path, err.Error(), "")
		}
		return d, nil
	}
	if p.SchemaFile == "" {
		return fail(p.Path, "this plugin is not started here, and nothing says what it knows",
			"write schemaFile: schema.json, which comes from: "+describeCommandLine(p))
	}
	d, problem := readSchemaFile(p, src)
	return Description{Name: d.Name, Version: d.Version, Config: d.Config, Params: d.Params, Facts: d.Facts}, problem
}

// nobody is asked where no plugin runs. Tests give facts, so it is never reached by them.
type nobody struct{ plugin string }

func (n nobody) Ask(context.Context, pipeline.Question) (*pipeline.Answer, error) {
	return nil, fmt.Errorf("the plugin %s does not run here", n.plugin)
}

// Online describes plugins by starting them, for a check: none is put to use.
type Online struct {
	Options Options
	Host    *pluginhost.Host
	Loaded  []config.Problem // what the loader found
}

// describe does not start a program whose declaration is wrong: what is missing may be the digest that would have kept it out.
func (o Online) describe(ctx context.Context, p *config.Plugin, src *config.Source) (*described, []config.Problem) {
	if p.Builtin == "" && o.misdeclared(p) {
		if p.SchemaFile == "" {
			return nil, nil
		}
		return Offline{Options: o.Options}.describe(ctx, p, src)
	}
	_, out, problems := startPlugin(ctx, o.Host, Declaration(p, o.Options), p, src, true)
	return out, problems
}

func (o Online) misdeclared(p *config.Plugin) bool {
	return slices.ContainsFunc(o.Loaded, func(found config.Problem) bool {
		inside, ok := strings.CutPrefix(found.Path, p.Path)
		return ok && !found.Warning && (inside == "" || inside[0] == '.' || inside[0] == '[')
	})
}

// Declaration is how the host knows a plugin. It has no command when the loader reported why.
func Declaration(p *config.Plugin, o Options) confine.Declaration {
	command := p.Command
	if p.Builtin != "" {
		command = o.Builtins[p.Builtin].Command
	}
	cfg := p.Config
	if len(cfg) == 0 {
		cfg = json.RawMessage("{}")
	}
	return confine.Declaration{
		Name: p.Name, Command: command, SHA256: p.SHA256.Files, Env: p.Env, TLS: p.TLS, Config: cfg,
		User: string(p.User), Limits: LimitsOf(p), Foreign: p.Builtin == "", Unconfined: p.Unconfined,
	}
}

// startPlugin starts a plugin and gives it its configuration. The plugin is nil when it did not start.
func startPlugin(ctx context.Context, host *pluginhost.Host, d confine.Declaration, p *config.Plugin, src *config.Source, checkOnly bool) (*pluginhost.Plugin, *described, []config.Problem) {
	if len(d.Command) == 0 {
		return nil, nil, nil
	}
	plugin, err := host.Start(ctx, d)
	if err != nil {
		return nil, nil, startProblems(p, err, src)
	}
	out := describedBy(plugin)
	placed := schemaFileProblems(plugin.Description(), p, src)
	if problems := configProblems(out.config, p, src); len(problems) > 0 {
		return plugin, out, append(placed, problems...)
	}
	problems, err := plugin.Configure(ctx, checkOnly)
	if err != nil {
		return plugin, out, append(placed, pluginProblem(p, err, src))
	}
	for _, problem := range problems {
		hint := cmp.Or(problem.Hint, hintFor(p, problem.Message))
		placed = append(placed, src.Problem(config.Join(config.Join(p.Path, "config"), problem.Path), problem.Message, hint))
	}
	return plugin, out, placed
}

// describedBy is what a running plugin said of itself.
func describedBy(plugin *pluginhost.Plugin) *described {
	d := plugin.Description()
	return &described{params: d.Params, facts: d.Facts, config: d.Config, asker: func(c *config.Cache) pipeline.Asker {
		var policy answers.Policy
		if c != nil {
			policy = answers.Policy{TTL: c.TTL, NegativeTTL: c.NegativeTTL, MaxStale: c.MaxStale}
		}
		return plugin.Asker(policy)
	}}
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
		var wrong *confine.CommandError
		if errors.As(one, &wrong) {
			out = append(out, src.Problem(config.Join(p.Path, placeOf(wrong)), wrong.Message, wrong.Hint))
			continue
		}
		out = append(out, pluginProblem(p, one, src))
	}
	return out
}

// pluginProblem is a problem at a plugin, whose name need not be said twice.
func pluginProblem(p *config.Plugin, err error, src *config.Source) config.Problem {
	return src.Problem(p.Path, strings.TrimPrefix(err.Error(), "plugin "+p.Name+": "), hintFor(p, err.Error()))
}

// hintFor says what may be done about text, by which a plugin of somebody's own says that something was kept from it; or "".
func hintFor(p *config.Plugin, text string) string {
	if p.Builtin != "" {
		return ""
	}
	missing := func(words string) bool { return strings.Contains(strings.ToLower(text), words) }
	if len(p.SHA256.Files) > 0 && slices.ContainsFunc([]string{"modulenotfounderror", "importerror", "cannot find module", "loaderror", "can't locate"}, missing) {
		return "a plugin with sha256 runs from a copy that holds only the files listed there: list its modules too"
	}
	return Declaration(p, Options{}).Refused(text).Hint
}

// placeOf is the path of what is wrong in the spelling of configurations: the name of a file is no plain key.
func placeOf(wrong *confine.CommandError) string {
	if file, ok := strings.CutPrefix(wrong.Path, "sha256."); ok {
		return "sha256[" + strconv.Quote(file) + "]"
	}
	return wrong.Path
}
