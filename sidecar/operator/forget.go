package operator

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/engine"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/links"
)

// Forget erases what is kept about a person, wherever that is.
func (a *admin) Forget(ctx context.Context, req *adminv1.ForgetRequest) (*adminv1.ForgetResponse, error) {
	s, who := a.server, &journal.Forgotten{Name: strings.TrimSpace(req.GetPerson())}
	if who.Name == "" {
		return nil, status.Error(codes.InvalidArgument, "nobody is named: give an address, or the user id at the connector")
	}
	out := &adminv1.ForgetResponse{}
	linked, err := knownLinks(ctx, s, who) // the address of a link tells the user id for the journal
	if err != nil {
		return nil, status.Errorf(codes.Internal, "the links still hold what they held: %v", err)
	}
	recorded, remembered, err := s.Kept.Journal.Forget(ctx, who)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	out.Requests, out.Remembered = int32(recorded), int32(remembered)
	if linked {
		n, err := s.Kept.Links.Reset(ctx, theirs(who))
		if err != nil {
			return nil, status.Errorf(codes.Internal, "the links still hold what they held: %v", err)
		}
		out.Links = int32(n)
	}
	if err := forgetFacts(ctx, s, who, req.GetFacts(), out); err != nil {
		return nil, status.Errorf(codes.Internal, "the store of facts still holds what it held: %v", err)
	}
	s.Log.InfoContext(ctx, "a person was forgotten", "requests", out.Requests, "remembered", out.Remembered, "links", out.Links, "answers", out.Answers,
		"facts_of_all", len(out.Plugins) > 0)
	return out, nil
}

// forgetFacts drops what is cached for a person by each name that is known of them, or all.
func forgetFacts(ctx context.Context, s *engine.Server, who *journal.Forgotten, all bool, out *adminv1.ForgetResponse) error {
	if !all {
		for _, id := range who.IDs() {
			n, err := s.Host.Drop(ctx, "", id)
			if err != nil {
				return err
			}
			out.Answers += int32(n)
		}
		out.Erased = out.Answers > 0 && s.Kept.Facts != nil
		return nil
	}
	for _, p := range s.Active.Load().Plugins {
		out.Plugins = append(out.Plugins, p.Plugin.Name())
	}
	slices.Sort(out.Plugins)
	out.Erased = s.Kept.Facts != nil
	return s.Host.Forget(ctx)
}

// theirs matches the links of a person.
func theirs(who *journal.Forgotten) func(links.Link) bool {
	return func(l links.Link) bool { return who.Linked(l.Connector, l.User, l.Address) }
}

// knownLinks tells who what the links tell of the person, and reports whether there are any.
func knownLinks(ctx context.Context, s *engine.Server, who *journal.Forgotten) (bool, error) {
	store := s.Kept.Links
	if store == nil {
		return false, nil
	}
	who.Address = store.Address(who.Name)
	list, _, err := store.List(ctx)
	for _, l := range list {
		theirs(who)(l)
	}
	return true, err
}
