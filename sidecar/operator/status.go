package operator

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/compile"
	"github.com/claimsmith/claimsmith/sidecar/internal/engine"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// Status says what the sidecar is doing.
func (a *admin) Status(ctx context.Context, _ *adminv1.StatusRequest) (*adminv1.StatusResponse, error) {
	s := a.server
	active := s.Active.Load()
	counts := s.Kept.Journal.Counters()
	out := &adminv1.StatusResponse{
		Version: s.Options.Version, Pid: int32(os.Getpid()), Started: timestamppb.New(s.Started), Configuration: s.Configuration(),
		Decisions: &adminv1.Counters{Patched: counts.Patched, Unchanged: counts.Unchanged, Denied: counts.Denied, Failed: counts.Failed},
		Record:    recordStatus(ctx, s), Shadow: shadowStatus(s.Shadow()),
	}
	worst(s, active, out)
	if f := s.Failed.Load(); f != nil {
		out.FailedReload = failedWire(f, s.Host.Reveal)
	}
	if lost := s.Kept.LinksLost(ctx); !lost.IsZero() {
		out.LinksLost = timestamppb.New(lost)
	}
	if s.Certs != nil {
		end, failed := s.Certs.State()
		out.Certificate = &adminv1.Certificate{NotAfter: timestamppb.New(end)}
		if failed != nil {
			out.Certificate.Stale = failed.Error()
		}
	}
	out.NeedsRestart = engine.NeedsRestart(s.Began, active.Cfg)
	out.LinksSealed = int32(s.Kept.LinksSealed(ctx))
	for _, running := range active.Plugins {
		is, st := running.Plugin.Description(), running.Plugin.Status()
		p := &adminv1.Plugin{
			Name: running.Plugin.Name(), Is: is.Name, Version: is.Version, State: string(st.State), Pid: int32(st.PID),
			Restarts: int32(st.Restarts), LastCrash: st.LastWords(), Confinement: st.Confinement.String(),
		}
		if st.PID != 0 {
			p.Since = timestamppb.New(st.Since)
		}
		if f := st.Failing; f != nil {
			p.Failing, p.FailingSince = f.Err, timestamppb.New(f.Since)
		}
		out.Plugins = append(out.Plugins, p)
	}
	return out, nil
}

// worst fills in how long somebody can go on after an account was switched off.
func worst(s *engine.Server, active *engine.Generation, out *adminv1.StatusResponse) {
	w := replay.WorstCaseOf(active.Cfg, active.Plugins)
	if seen := time.Duration(s.Lifetimes.Longest.Load()); seen > 0 {
		w.Token, w.Seen = seen, true
		out.TokenLifetime = durationpb.New(seen)
	}
	for _, l := range w.Lookups {
		one := &adminv1.Lookup{Name: l.Alias, Plugin: l.Plugin, Place: l.Place}
		if l.Worst() > 0 {
			one.WorstStaleness = durationpb.New(l.Worst())
		}
		if l.Declared {
			one.PluginMaxAge = durationpb.New(l.Keeps)
		}
		out.Lookups = append(out.Lookups, one)
	}
	if len(w.Lookups) > 0 {
		out.WorstCase = durationpb.New(w.Total())
	}
}

func recordStatus(ctx context.Context, s *engine.Server) *adminv1.Record {
	if !s.Kept.Journal.Records() {
		return nil
	}
	limits := s.Began.Record // a reload does not change them
	n, dropped, err := s.Kept.Journal.Recorded(ctx)
	out := &adminv1.Record{Max: int32(limits.Max), MaxAge: durationpb.New(limits.MaxAge), Dropped: dropped, Kept: int32(n)}
	if err != nil {
		out.Err = err.Error()
	}
	return out
}

func shadowStatus(r *engine.ShadowReport) *adminv1.Shadow {
	if r == nil {
		return nil
	}
	out := &adminv1.Shadow{
		File: r.File, Digest: r.Digest, Loaded: timestamppb.New(r.Loaded), Same: r.Same, NotAsked: r.NotAsked, Dropped: r.Dropped,
		Changes: make(map[string]int64, len(r.Changes)),
	}
	for what, n := range r.Changes {
		out.Changes[string(what)] = n
	}
	return out
}

// wire shows what plugins said about it: the operator asks.
func failedWire(f *engine.FailedReload, reveal func(string) string) *adminv1.FailedReload {
	out := &adminv1.FailedReload{Time: timestamppb.New(f.At), Reason: reveal(f.Err.Error())}
	var (
		problems *compile.Problems
		tests    *replay.TestsFailed
		locked   *engine.LockedOut
		rendered strings.Builder
	)
	switch {
	case errors.As(f.Err, &problems):
		for _, p := range problems.List {
			out.Problems = append(out.Problems, &adminv1.Problem{
				File: p.File, Line: int32(p.Line), Column: int32(p.Col), Path: p.Path, Message: reveal(p.Message), Hint: p.Hint, Warning: p.Warning,
			})
		}
		_ = problems.Render(&rendered) // a strings.Builder takes all
	case errors.As(f.Err, &tests):
		for _, c := range tests.Report.Cases {
			if !c.Passed {
				out.Tests = append(out.Tests, c.Place+": "+c.Name)
			}
		}
		_ = tests.Report.Render(&rendered)
	case errors.As(f.Err, &locked):
		out.LocksOut = true
	}
	out.Rendered = reveal(rendered.String())
	return out
}

func decisionWire(d *journal.Entry, recorded bool) *adminv1.Decision {
	out := &adminv1.Decision{
		Id: d.ID, Time: timestamppb.New(d.At), RequestId: d.RequestID, ClientId: d.Client, ConnectorId: d.Connector, Stage: d.Stage,
		Grant: d.Grant, Outcome: string(d.Outcome), Rule: d.Rule, Took: durationpb.New(d.Took), Digest: d.Digest, Recorded: recorded,
	}
	if d.Err != nil {
		out.Err = d.Err.Error()
	}
	for _, c := range d.Changes {
		out.Changes = append(out.Changes, &adminv1.Change{Claim: c.Claim, Op: c.Op, Rule: c.Pos.String(), Facts: c.Facts})
	}
	for _, f := range d.Facts {
		one := &adminv1.Fact{Lookup: f.Alias, Source: f.Source, Took: durationpb.New(f.Took), Link: string(f.Bond)}
		if f.Age > 0 {
			one.Age = durationpb.New(f.Age)
		}
		if f.Err != nil {
			one.Err = f.Err.Error()
		}
		out.Facts = append(out.Facts, one)
	}
	for _, v := range d.Visits {
		about := d.Outline[v.Step]
		out.Steps = append(out.Steps, &adminv1.Step{
			Place: about.Pos.String(), Path: about.Path, Name: about.Name, What: about.What, Ran: v.Ran, Kind: string(v.Kind()), At: durationpb.New(v.At),
		})
	}
	for _, step := range slices.Backward(out.Steps) { // one kind of token may have passed where the other was refused
		if step.Path == strings.TrimSuffix(d.Refused, ".pin") {
			step.Refused = true
			break
		}
	}
	return out
}

// reveal puts the words of plugins into a decision, for an operator who asks about this one.
func reveal(s *engine.Server, d *adminv1.Decision) {
	d.Err = s.Host.Reveal(d.GetErr())
	for _, f := range d.GetFacts() {
		f.Err = s.Host.Reveal(f.GetErr())
	}
}
