package conform

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

// strange is a name that nothing has.
const strange = "claimsmithVerify"

// problemsWith has the plugin check a configuration that is wrong. The verdict is broken, or empty.
func (r *runner) problemsWith(ctx context.Context, config json.RawMessage, what string) ([]*pluginv1.Problem, verdict) {
	resp, err := r.api.Configure(ctx, &pluginv1.ConfigureRequest{Config: config, CheckOnly: true})
	if err != nil {
		return nil, broken("%s: Configure gave %s", what, said(err)).but("what is wrong with a configuration is a problem and not a status")
	}
	if len(resp.GetProblems()) == 0 {
		return nil, broken("%s: it found no problem", what)
	}
	for _, p := range resp.GetProblems() {
		if p.GetMessage() == "" {
			return nil, broken("%s: a problem has no message", what)
		}
	}
	return resp.GetProblems(), verdict{}
}

// placed judges whether one of the problems is at path or inside it.
func placed(problems []*pluginv1.Problem, path string) bool {
	for _, p := range problems {
		if rest, ok := strings.CutPrefix(p.GetPath(), path); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}

func (r *runner) configUnknown(ctx context.Context) verdict {
	problems, v := r.problemsWith(ctx, with(r.o.Config, strange, "1"), "with the unknown key "+strange)
	if problems == nil {
		return v
	}
	if !placed(problems, strange) {
		return broken("no problem has the path %s; the first one has %s", strange, confine.Quote(problems[0].GetPath()))
	}
	return kept("")
}

func (r *runner) configType(ctx context.Context) verdict {
	tried := 0
	for _, name := range r.desc.config.Names() {
		key, value := name, wrong(r.desc.config.Fields[name])
		if r.desc.config.Fields[name].Secret {
			key = name + "File"
		}
		problems, v := r.problemsWith(ctx, with(without(r.o.Config, name), key, value), fmt.Sprintf("with %s: %s", key, value))
		if problems == nil {
			return v
		}
		if !placed(problems, key) {
			return broken("%s: %s is wrong, and no problem has the path %s; the first one has %s", key, value, key, confine.Quote(problems[0].GetPath()))
		}
		tried++
	}
	if tried == 0 {
		return untried("its configuration has no keys")
	}
	return kept("")
}

func (r *runner) configMissing(ctx context.Context) verdict {
	if len(r.desc.config.Required) == 0 {
		return untried("its configuration has no required keys")
	}
	for _, name := range r.desc.config.Required {
		if _, v := r.problemsWith(ctx, without(r.o.Config, name, name+"File"), "without "+name); v.outcome != "" {
			return v
		}
	}
	return kept("")
}

func (r *runner) configure(ctx context.Context) verdict {
	if found := r.desc.config.Problems(r.o.Config); len(found) > 0 {
		return broken("no good configuration was given: %s", list(found)).but("give one with --config")
	}
	for _, checkOnly := range []bool{true, false} {
		resp, err := r.api.Configure(ctx, &pluginv1.ConfigureRequest{Config: r.o.Config, CheckOnly: checkOnly})
		if err != nil {
			return broken("Configure gave %s", said(err))
		}
		if p := resp.GetProblems(); len(p) > 0 {
			return broken("%s: %s", p[0].GetPath(), p[0].GetMessage()).but(p[0].GetHint())
		}
		if !checkOnly {
			break
		}
		if _, err := r.api.Lookup(ctx, &pluginv1.LookupRequest{Params: r.someone()}); status.Code(err) != codes.FailedPrecondition {
			return broken("with check_only it was put to use: Lookup gave %s, not FAILED_PRECONDITION", said(err))
		}
	}
	r.configured = true
	return kept("")
}

func (r *runner) reconfigure(ctx context.Context) verdict {
	resp, err := r.api.Configure(ctx, &pluginv1.ConfigureRequest{Config: r.o.Config})
	switch {
	case err != nil:
		return broken("Configure gave %s", said(err))
	case len(resp.GetProblems()) > 0:
		return broken("the second time it has a problem with it: %s", resp.GetProblems()[0].GetMessage())
	}
	return r.answers(ctx, "after it")
}

func list(found []facts.Problem) string {
	var b []string
	for _, p := range found {
		b = append(b, strings.TrimPrefix(p.Path+": "+p.Message, ": "))
	}
	return strings.Join(b, "; ")
}
