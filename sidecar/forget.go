package sidecar

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
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
	linked, err := s.knownLinks(ctx, who) // the address of a link tells the user id for the journal
	if err != nil {
		return nil, status.Errorf(codes.Internal, "the links still hold what they held: %v", err)
	}
	recorded, remembered, err := s.kept.journal.Forget(ctx, who)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	out.Requests, out.Remembered = int32(recorded), int32(remembered)
	if linked {
		n, err := s.kept.links.Reset(ctx, theirs(who))
		if err != nil {
			return nil, status.Errorf(codes.Internal, "the links still hold what they held: %v", err)
		}
		out.Links = int32(n)
	}
	if err := s.forgetFacts(ctx, who, req.GetFacts(), out); err != nil {
		return nil, status.Errorf(codes.Internal, "the store of facts still holds what it held: %v", err)
	}
	s.log.InfoContext(ctx, "a person was forgotten", "requests", out.Requests, "remembered", out.Remembered, "links", out.Links, "answers", out.Answers,
		"facts_of_all", len(out.Plugins) > 0)
	return out, nil
}

// forgetFacts drops what is cached for a person by each name that is known of them, or all.
func (s *Server) forgetFacts(ctx context.Context, who *journal.Forgotten, all bool, out *adminv1.ForgetResponse) error {
	if !all {
		for _, id := range who.IDs() {
			n, err := s.host.Drop(ctx, "", id)
			if err != nil {
				return err
			}
			out.Answers += int32(n)
		}
		out.Erased = out.Answers > 0 && s.kept.facts != nil
		return nil
	}
	for _, p := range s.active.Load().plugins {
		out.Plugins = append(out.Plugins, p.plugin.Name())
	}
	slices.Sort(out.Plugins)
	out.Erased = s.kept.facts != nil
	return s.host.Forget(ctx)
}

// theirs matches the links of a person.
func theirs(who *journal.Forgotten) func(links.Link) bool {
	return func(l links.Link) bool { return who.Linked(l.Connector, l.User, l.Address) }
}

// knownLinks tells who what the links tell of the person, and reports whether there are any.
func (s *Server) knownLinks(ctx context.Context, who *journal.Forgotten) (bool, error) {
	store := s.kept.links
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
