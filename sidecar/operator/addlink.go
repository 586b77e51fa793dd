package operator

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/links"
)

// AddLink makes a link by hand.
func (a *linkAdmin) AddLink(ctx context.Context, req *adminv1.AddLinkRequest) (*adminv1.AddLinkResponse, error) {
	store, err := a.store()
	if err != nil {
		return nil, err
	}
	wanted := req.GetLink()
	l := links.Link{
		Connector: wanted.GetConnectorId(), User: wanted.GetUserId(), Plugin: wanted.GetPlugin(), Account: wanted.GetAccount(), ID: wanted.GetAccountId(),
		At: time.Now(), Explicit: true,
	}
	if err := a.named(&l, req.GetDecisionId() != ""); err != nil {
		return nil, err
	}
	if id := req.GetDecisionId(); id != "" {
		if err := a.decided(ctx, tidyID(id), &l); err != nil {
			return nil, err
		}
	}
	l.Issuer = a.issuer(l.Connector)
	switch made, err := store.Add(ctx, l); {
	case err != nil:
		return nil, unusable(err)
	case !made:
		return nil, status.Error(codes.AlreadyExists, "the person or the account is linked to another: see claimsmith links list, and reset that link first")
	}
	a.server.Log.InfoContext(ctx, "a person was linked to an account by hand", "plugin", l.Plugin, "connector_id", l.Connector)
	return &adminv1.AddLinkResponse{Link: linkWire(l)}, nil
}

// named checks the names in a link that is to be made.
func (a *linkAdmin) named(l *links.Link, byDecision bool) error {
	if byDecision && l.Connector+l.User != "" {
		return status.Error(codes.InvalidArgument, "the decision says who it is: name no connector and no user beside it")
	}
	for _, part := range []struct {
		name, value string
		person      bool
	}{{"plugin", l.Plugin, false}, {"connector", l.Connector, true}, {"user", l.User, true}, {"account", l.Account, false}} {
		if part.value == "" && !(byDecision && part.person) {
			return status.Errorf(codes.InvalidArgument, "a link needs a %s", part.name)
		}
	}
	active := a.server.Active.Load()
	var plugins []string
	for _, p := range active.Plugins {
		plugins = append(plugins, p.Plugin.Name())
	}
	if !slices.Contains(plugins, l.Plugin) {
		return status.Errorf(codes.NotFound, "no plugin is called %q%s", l.Plugin, hinted(config.Suggest(l.Plugin, plugins)))
	}
	var connectors []string
	for _, c := range active.Cfg.Connectors {
		connectors = append(connectors, c.Name)
	}
	if !byDecision && !slices.Contains(connectors, l.Connector) && !a.came(l.Connector) {
		return status.Errorf(codes.NotFound, "no connector is called %q in the configuration, and nobody came through one since the start%s",
			l.Connector, hinted(config.Suggest(l.Connector, connectors)))
	}
	return nil
}

func hinted(hint string) string {
	if hint == "" {
		return ""
	}
	return "\nhint: " + hint
}

// came reports whether somebody came through a connector lately: the configuration need not name each.
func (a *linkAdmin) came(connector string) bool {
	return len(a.server.Kept.Journal.Last(1, func(d *journal.Entry) bool { return d.Connector == connector })) > 0
}

// decided fills in who a decision was about.
func (a *linkAdmin) decided(ctx context.Context, id string, l *links.Link) error {
	const hint = "\nhint: let the person try once more and take the id of that decision, or name the person by connector and user"
	who, err := a.server.Kept.Journal.About(ctx, id)
	switch {
	case err != nil:
		return err
	case who == nil && a.server.Kept.Journal.Get(id) == nil:
		return status.Errorf(codes.NotFound, "no decision %s: the last %d since the start are kept%s", id, journal.Kept, hint)
	case who == nil:
		return status.Errorf(codes.NotFound, "the decision %s does not say who it was about: only those are remembered for whom an account was found%s", id, hint)
	case who.Subjects[l.Plugin] == "":
		return status.Errorf(codes.NotFound, "the decision %s did not find an account of %s%s", id, l.Plugin, hint)
	}
	l.Connector, l.User, l.Address = who.Connector, who.Subjects[l.Plugin], who.Address
	return nil
}
