package conform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

// byHand starts the plugin as a person would. Its error is that of a command that cannot be started at all.
func (r *runner) byHand(ctx context.Context) (verdict, error) {
	p, err := start(r.o, "", true)
	if err != nil {
		return verdict{}, fmt.Errorf("start the plugin: %w", err)
	}
	defer p.stop()
	const hint = "without CLAIMSMITH_PLUGIN=claimsmith.plugin.v1 in its environment it should tell a person how it is used, on stderr"
	select {
	case <-ctx.Done():
		return verdict{}, ctx.Err()
	case <-p.stdout.first:
		return broken("it printed to stdout as if there were a host").but(hint), nil
	case <-time.After(r.o.Timeout):
		return broken("it was still running after %s", r.o.Timeout).but(hint), nil
	case <-p.exited:
	}
	switch {
	case p.cmd.ProcessState.Success():
		return broken("it ended with status 0").but(hint), nil
	case len(p.stdout.lines()) > 0:
		return broken("it printed to stdout as if there were a host").but(hint), nil
	case len(p.stderr.lines()) == 0:
		return broken("it ended without a word").but(hint), nil
	}
	return kept(""), nil
}

// strangers connects as somebody else.
func (r *runner) strangers(ctx context.Context) verdict {
	if r.id == nil {
		return untried("it is declared with tls: off, and the directory of its socket is its protection")
	}
	other, err := newIdentity()
	if err != nil {
		return broken("%v", err)
	}
	for _, who := range []struct {
		is string
		id *identity
	}{{"without a certificate", nil}, {"with another certificate than that in PLUGIN_CLIENT_CERT", other}} {
		conn, err := dial(r.hand, who.id)
		if err != nil {
			return broken("%v", err)
		}
		short, cancel := context.WithTimeout(ctx, 3*time.Second)
		_, err = grpc_health_v1.NewHealthClient(conn).Check(short, &grpc_health_v1.HealthCheckRequest{Service: "plugin"})
		cancel()
		_ = conn.Close()
		if c := status.Code(err); c != codes.Unavailable && c != codes.DeadlineExceeded {
			return broken("it answered somebody %s", who.is).but("demand a client certificate, and trust that in PLUGIN_CLIENT_CERT alone")
		}
	}
	return kept("")
}

func (r *runner) health(ctx context.Context) verdict {
	resp, err := grpc_health_v1.NewHealthClient(r.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "plugin"})
	switch {
	case err != nil:
		return broken("grpc.health.v1.Health/Check of %q: %s", "plugin", said(err))
	case resp.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING:
		return broken("the status of %q is %s, not SERVING", "plugin", resp.GetStatus())
	}
	return kept("")
}

func (r *runner) describe(ctx context.Context) verdict {
	resp, err := r.api.Describe(ctx, &pluginv1.DescribeRequest{})
	if err != nil {
		return broken("Describe: %s", said(err))
	}
	r.report.Plugin, r.report.Version = resp.GetName(), resp.GetVersion()
	d := &description{name: resp.GetName(), version: resp.GetVersion(), raw: resp}
	if d.name == "" || d.version == "" {
		return broken("its name or its version is empty")
	}
	for _, s := range []struct {
		what  string
		data  []byte
		parse func([]byte) (*facts.Type, error)
		into  **facts.Type
	}{
		{"config", resp.GetConfigSchema(), facts.Parse, &d.config},
		{"params", resp.GetParamsSchema(), facts.Parse, &d.params},
		{"facts", resp.GetFactsSchema(), facts.ParseFacts, &d.facts},
	} {
		if *s.into, err = s.parse(s.data); err != nil {
			return broken("its schema of %s is refused: %v", s.what, err)
		}
	}
	again, err := r.api.Describe(ctx, &pluginv1.DescribeRequest{})
	if err != nil {
		return broken("Describe, asked twice: %s", said(err))
	}
	for _, pair := range [][2][]byte{
		{resp.GetConfigSchema(), again.GetConfigSchema()}, {resp.GetParamsSchema(), again.GetParamsSchema()}, {resp.GetFactsSchema(), again.GetFactsSchema()},
	} {
		if !bytes.Equal(pair[0], pair[1]) {
			return broken("asked twice it describes itself in two ways").but("a plugin that comes back after a crash must describe itself as before, byte for byte")
		}
	}
	r.desc = d
	r.values = []string{mark}
	for _, question := range []json.RawMessage{r.o.Known, r.o.Unknown, r.o.Slow} {
		found, short := texts(question)
		r.values, r.short = append(r.values, found...), r.short+short
	}
	return kept("")
}

func (r *runner) unconfigured(ctx context.Context) verdict {
	_, err := r.api.Lookup(ctx, &pluginv1.LookupRequest{Params: r.someone()})
	if c := status.Code(err); c != codes.FailedPrecondition {
		return broken("Lookup before Configure gave %s, not FAILED_PRECONDITION", said(err))
	}
	return kept("")
}

// said puts what came of a call in words. Its message is the plugin's own and is short.
func said(err error) string {
	if err == nil || errors.As(err, new(errAnswer)) {
		return "an answer"
	}
	st := status.Convert(err)
	text := code(st.Code())
	if st.Message() != "" {
		text += ": " + confine.Quote(st.Message())
	}
	return text
}

// code is the name of c as the contract spells it.
func code(c codes.Code) string {
	var b strings.Builder
	for i, r := range c.String() {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}
