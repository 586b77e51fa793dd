package sidecar

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// pluginAdmin answers the operator about plugins.
type pluginAdmin struct {
	adminv1.UnimplementedPluginServiceServer
	server *Server
}

// ListPlugins lists the plugins of the active configuration.
func (a *pluginAdmin) ListPlugins(context.Context, *adminv1.ListPluginsRequest) (*adminv1.ListPluginsResponse, error) {
	out := &adminv1.ListPluginsResponse{}
	for _, p := range a.server.active.Load().plugins {
		out.Plugins = append(out.Plugins, pluginWire(p.plugin))
	}
	return out, nil
}

// RestartPlugin starts a plugin anew, whoever waits for it or not.
func (a *pluginAdmin) RestartPlugin(ctx context.Context, req *adminv1.RestartPluginRequest) (*adminv1.RestartPluginResponse, error) {
	for _, p := range a.server.active.Load().plugins {
		if p.plugin.Name() != req.GetName() {
			continue
		}
		out := &adminv1.RestartPluginResponse{}
		if err := p.plugin.Restart(context.WithoutCancel(ctx)); err != nil {
			out.Failed = err.Error()
		}
		out.Plugin = pluginWire(p.plugin)
		return out, nil
	}
	return nil, status.Errorf(codes.NotFound, "no plugin is called %q", req.GetName())
}

func pluginWire(p *pluginhost.Plugin) *adminv1.PluginStatus {
	st, is := p.Status(), p.Description()
	c := st.Counters
	out := &adminv1.PluginStatus{
		Name: p.Name(), Is: is.Name, Version: is.Version, State: string(st.State), Pid: int32(st.PID),
		Crashes: int32(st.Crashes), LastCrash: st.Last, Breaker: st.Breaker, Calls: int32(st.Calls), Confinement: st.Confinement.String(),
		Counters: &adminv1.LookupCounters{
			Hits: c.Hits, Exchange: c.Exchange, Misses: c.Misses, Stale: c.Stale, Unanswered: c.Unanswered, Calls: c.Calls,
			Refreshes: c.Refreshes, Failures: c.Failures, Limited: c.Limited, Broken: c.Broken, Opened: c.Opened,
			Loaded: c.Loaded, Unloaded: c.Unloaded, Unsaved: c.Unsaved,
		},
	}
	if f := st.Failing; f != nil {
		out.Failing, out.FailingSince = f.Err, timestamppb.New(f.Since)
	}
	out.Refused, out.Unlogged = st.Refused, int32(st.Unlogged)
	out.Since, out.Crashed, out.NextStart = stamp(st.Since), stamp(st.Crashed), stamp(st.Next)
	return out
}

// stamp is t for the wire; nil for the zero time.
func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
