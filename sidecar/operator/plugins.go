package operator

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/answers"
	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/engine"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// pluginAdmin answers the operator about plugins.
type pluginAdmin struct {
	adminv1.UnimplementedPluginServiceServer
	server *engine.Server
}

// ListPlugins lists the plugins of the active configuration.
func (a *pluginAdmin) ListPlugins(context.Context, *adminv1.ListPluginsRequest) (*adminv1.ListPluginsResponse, error) {
	out := &adminv1.ListPluginsResponse{}
	for _, p := range a.server.Active.Load().Plugins {
		out.Plugins = append(out.Plugins, a.plugin(p.Plugin))
	}
	return out, nil
}

// RestartPlugin starts a plugin again, whoever waits for it or not.
func (a *pluginAdmin) RestartPlugin(ctx context.Context, req *adminv1.RestartPluginRequest) (*adminv1.RestartPluginResponse, error) {
	for _, p := range a.server.Active.Load().Plugins {
		if p.Plugin.Name() != req.GetName() {
			continue
		}
		out := &adminv1.RestartPluginResponse{}
		if err := p.Plugin.Restart(context.WithoutCancel(ctx)); err != nil {
			out.Failed = a.server.Host.Reveal(err.Error())
		}
		out.Plugin = a.plugin(p.Plugin)
		return out, nil
	}
	return nil, status.Errorf(codes.NotFound, "no plugin is called %q", req.GetName())
}

// plugin is what p does, and what it said: the operator asks.
func (a *pluginAdmin) plugin(p *pluginhost.Plugin) *adminv1.PluginStatus {
	reveal := a.server.Host.Reveal
	hinted := func(text string) string {
		text = reveal(text)
		if refused := p.Refused(text); refused.Rule != "" {
			text += "; hint: " + refused.Hint
		}
		return text
	}
	st, is := p.Status(), p.Description()
	c := st.Counters
	out := &adminv1.PluginStatus{
		Name: p.Name(), Is: is.Name, Version: is.Version, State: string(st.State), Pid: int32(st.PID),
		Crashes: int32(st.Crashes), LastCrash: reveal(st.Last), Breaker: st.Breaker, Calls: int32(st.Calls), Confinement: st.Confinement.String(),
		Counters: &adminv1.LookupCounters{
			Hits: c.Hits, Exchange: c.Exchange, Misses: c.Misses, Stale: c.Stale, Unanswered: c.Unanswered, Calls: c.Calls,
			Refreshes: c.Refreshes, Failures: c.Failures, Limited: c.Limited, Broken: c.Broken, Opened: c.Opened,
			Loaded: c.Loaded, Unloaded: c.Unloaded, Unsaved: c.Unsaved,
		},
	}
	if f := st.Failing; f != nil {
		out.Failing, out.FailingSince = hinted(f.Err), timestamppb.New(f.Since)
	}
	out.Refused, out.Unlogged = hinted(st.Refused), int32(st.Unlogged)
	for _, one := range p.Said() {
		out.Said = append(out.Said, &adminv1.Saying{Id: one.ID, Time: timestamppb.New(one.At), Text: one.Text})
	}
	if age, declared := p.MaxAge(); declared {
		out.MaxAge = durationpb.New(age)
	}
	out.Since, out.Crashed, out.NextStart = stamp(st.Since), stamp(st.Crashed), stamp(st.Next)
	return out
}

// RefreshFacts drops what is cached about a person. A plugin that keeps something is asked not to answer from it.
func (a *pluginAdmin) RefreshFacts(ctx context.Context, req *adminv1.RefreshFactsRequest) (*adminv1.RefreshFactsResponse, error) {
	s, person := a.server, strings.TrimSpace(req.GetPerson())
	if person == "" {
		return nil, status.Error(codes.InvalidArgument, "nobody is named: give an address, or the user id at the connector")
	}
	if name := req.GetPlugin(); name != "" && !slices.ContainsFunc(s.Active.Load().Plugins, func(p compile.Running) bool { return p.Plugin.Name() == name }) {
		return nil, status.Errorf(codes.NotFound, "no plugin is called %q", name)
	}
	n, err := s.Host.Drop(ctx, req.GetPlugin(), person)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "the store of facts still holds what it held: %v", err)
	}
	s.Log.InfoContext(ctx, "facts of a person are read again", "plugin", req.GetPlugin(), "answers", n)
	return &adminv1.RefreshFactsResponse{Answers: int32(n)}, nil
}

// PeekFacts says what is cached for a question.
func (a *pluginAdmin) PeekFacts(_ context.Context, req *adminv1.PeekFactsRequest) (*adminv1.PeekFactsResponse, error) {
	active := a.server.Acquire()
	defer active.Release()
	l := lookupOf(active.Set.Pipeline.Steps, req.GetLookup())
	if l == nil {
		return nil, status.Errorf(codes.NotFound, "no lookup is called %q", req.GetLookup())
	}
	found, known := answers.Peek(l.Asker, pipeline.Question{Connector: req.GetConnectorId(), Params: req.GetParams()})
	out := &adminv1.PeekFactsResponse{Known: known}
	if !known {
		return out, nil
	}
	out.Found, out.Age = found.Found, durationpb.New(found.Age)
	if found.FreshFor > 0 {
		out.FreshFor = durationpb.New(found.FreshFor)
	}
	if found.StaleFor > 0 {
		out.StaleFor = durationpb.New(found.StaleFor)
	}
	return out, nil
}

// lookupOf returns nil when there is none of this name.
func lookupOf(steps []pipeline.Step, alias string) *pipeline.Lookup {
	for i := range steps {
		if l := steps[i].Lookup; l != nil && l.Alias == alias {
			return l
		}
		if l := lookupOf(steps[i].Steps, alias); l != nil {
			return l
		}
	}
	return nil
}

// stamp is t for the wire; nil for the zero time.
func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
