package operator

import (
	"context"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/engine"
	"github.com/claimsmith/claimsmith/sidecar/internal/links"
)

// linkAdmin answers the operator about links.
type linkAdmin struct {
	adminv1.UnimplementedLinkServiceServer
	server *engine.Server
}

func (a *linkAdmin) store() (*links.Store, error) {
	if s := a.server.Kept.Links; s != nil {
		return s, nil
	}
	return nil, status.Error(codes.FailedPrecondition, "links are not kept: write state in the configuration, and start the sidecar again")
}

// unusable is the status for a store that failed.
func unusable(err error) error {
	return status.Errorf(codes.Internal, "the links cannot be used: %v", err)
}

// ListLinks lists all links.
func (a *linkAdmin) ListLinks(ctx context.Context, _ *adminv1.ListLinksRequest) (*adminv1.ListLinksResponse, error) {
	store, err := a.store()
	if err != nil {
		return nil, err
	}
	list, unreadable, err := store.List(ctx)
	if err != nil {
		return nil, unusable(err)
	}
	out := &adminv1.ListLinksResponse{Unreadable: int32(unreadable)}
	if lost, _ := store.Check(ctx); !lost.IsZero() { // what is not sound is listed all the same
		out.Lost = timestamppb.New(lost)
	}
	for _, l := range list {
		out.Links = append(out.Links, linkWire(l))
	}
	return out, nil
}

func linkWire(l links.Link) *adminv1.Link {
	return &adminv1.Link{
		ConnectorId: l.Connector, UserId: l.User, Plugin: l.Plugin, Account: l.Account, AccountId: l.ID, Explicit: l.Explicit, Time: timestamppb.New(l.At),
		Issuer: l.Issuer,
	}
}

// issuer is the provider that the active configuration names for a connector; empty for none.
func (a *linkAdmin) issuer(connector string) string {
	return a.server.Active.Load().Set.Pipeline.Connector[connector].Issuer
}

// AdoptLinks writes the provider of a connector into links that name none.
func (a *linkAdmin) AdoptLinks(ctx context.Context, req *adminv1.AdoptLinksRequest) (*adminv1.AdoptLinksResponse, error) {
	store, err := a.store()
	if err != nil {
		return nil, err
	}
	connector := req.GetConnectorId()
	issuer := a.issuer(connector)
	switch {
	case connector == "":
		return nil, status.Error(codes.InvalidArgument, "say whose links: by connector")
	case issuer == "":
		return nil, status.Errorf(codes.FailedPrecondition, "the configuration names no provider for the connector %q: write its issuer under connectors", connector)
	}
	n, err := store.Adopt(ctx, connector, issuer)
	if err != nil {
		return nil, unusable(err)
	}
	a.server.Log.InfoContext(ctx, "links were given the provider of their connector by hand", "connector_id", connector, "links", n)
	return &adminv1.AdoptLinksResponse{Links: int32(n)}, nil
}

// AcceptLinks takes the links that are there for sound.
func (a *linkAdmin) AcceptLinks(ctx context.Context, req *adminv1.AcceptLinksRequest) (*adminv1.AcceptLinksResponse, error) {
	store, err := a.store()
	if err != nil {
		return nil, err
	}
	removed, err := store.Accept(ctx, req.GetComplete())
	if err != nil {
		return nil, unusable(err)
	}
	list, _, err := store.List(ctx)
	if err != nil {
		return nil, unusable(err)
	}
	a.server.Log.InfoContext(ctx, "links were accepted by hand", "links", len(list), "rows_removed", removed, "complete", req.GetComplete())
	return &adminv1.AcceptLinksResponse{Links: int32(len(list)), Removed: int32(removed)}, nil
}

// ResetLinks takes links apart.
func (a *linkAdmin) ResetLinks(ctx context.Context, req *adminv1.ResetLinksRequest) (*adminv1.ResetLinksResponse, error) {
	store, err := a.store()
	if err != nil {
		return nil, err
	}
	wanted := []string{req.GetPlugin(), req.GetConnectorId(), req.GetUserId(), req.GetAccount()}
	n := 0
	switch chosen := strings.Join(wanted, "") != ""; {
	case chosen == req.GetAll():
		return nil, status.Error(codes.InvalidArgument, "say which links: by plugin, connector, user or account; or all")
	case req.GetAll():
		n, err = store.ResetAll(ctx)
	default:
		n, err = store.Reset(ctx, func(l links.Link) bool {
			for i, has := range []string{l.Plugin, l.Connector, l.User, l.Account} {
				if wanted[i] != "" && wanted[i] != has {
					return false
				}
			}
			return true
		})
	}
	if err != nil {
		return nil, unusable(err)
	}
	a.server.Log.InfoContext(ctx, "links were reset by hand", "links", n, "all", req.GetAll())
	return &adminv1.ResetLinksResponse{Links: int32(n)}, nil
}
