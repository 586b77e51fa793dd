package sidecar

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/links"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// forgotten is somebody who is to be forgotten: what they were named by, and the ids that what is kept tells for it.
type forgotten struct {
	name    string // an address, or a user id
	address string // name as links keep an address; empty: no links are kept
	people  map[[2]string]bool
}

// is reports whether a request was about this person. The user id that it tells counts for what knows no addresses.
func (f *forgotten) is(connector, user, email string) bool {
	return f.note(connector, user, strings.EqualFold(email, f.name) || user == f.name)
}

// linked reports whether this person has a link.
func (f *forgotten) linked(l links.Link) bool {
	return f.note(l.Connector, l.User, l.User == f.name || f.address != "" && l.Address == f.address || f.people[[2]string{l.Connector, l.User}])
}

func (f *forgotten) note(connector, user string, is bool) bool {
	if is && user != "" {
		f.people[[2]string{connector, user}] = true
	}
	return is
}

// Forget erases what is kept about a person, wherever that is.
func (a *admin) Forget(ctx context.Context, req *adminv1.ForgetRequest) (*adminv1.ForgetResponse, error) {
	s, who := a.server, &forgotten{name: strings.TrimSpace(req.GetPerson()), people: map[[2]string]bool{}}
	if who.name == "" {
		return nil, status.Error(codes.InvalidArgument, "nobody is named: give an address, or the user id at the connector")
	}
	out := &adminv1.ForgetResponse{}
	var err error
	if out.Requests, err = s.forgetRecord(ctx, who); err != nil {
		return nil, status.Errorf(codes.Internal, "the record still holds what it held: %v", err)
	}
	out.Remembered = int32(s.recent.forget(func(in *pipeline.Input) bool { return who.is(in.Connector, in.Identity.UserID, in.Identity.Email) }))
	if out.Links, err = s.forgetLinks(ctx, who); err != nil {
		return nil, status.Errorf(codes.Internal, "the links still hold what they held: %v", err)
	}
	out.Remembered += int32(s.refused.forget(who))
	if err := s.forgetTally(ctx, who); err != nil {
		return nil, status.Errorf(codes.Internal, "the tally still holds what it held: %v", err)
	}
	if err := s.forgetFacts(ctx, who, req.GetFacts(), out); err != nil {
		return nil, status.Errorf(codes.Internal, "the store of facts still holds what it held: %v", err)
	}
	s.log.InfoContext(ctx, "a person was forgotten", "requests", out.Requests, "remembered", out.Remembered, "links", out.Links, "answers", out.Answers,
		"facts_of_all", len(out.Plugins) > 0)
	return out, nil
}

// forgetFacts drops what is cached for a person by each name that is known of them, or all.
func (s *Server) forgetFacts(ctx context.Context, who *forgotten, all bool, out *adminv1.ForgetResponse) error {
	if !all {
		for id := range who.ids() {
			n, err := s.host.Drop(ctx, "", id)
			if err != nil {
				return err
			}
			out.Answers += int32(n)
		}
		out.Erased = out.Answers > 0 && s.memory.facts != nil
		return nil
	}
	for _, p := range s.active.Load().plugins {
		out.Plugins = append(out.Plugins, p.plugin.Name())
	}
	slices.Sort(out.Plugins)
	out.Erased = s.memory.facts != nil
	return s.host.Forget(ctx)
}

// ids are what the person is known by.
func (f *forgotten) ids() map[string]bool {
	ids := map[string]bool{f.name: true}
	for person := range f.people {
		ids[person[1]] = true
	}
	return ids
}

func (s *Server) forgetRecord(ctx context.Context, who *forgotten) (int32, error) {
	if s.memory.keeper == nil {
		return 0, nil
	}
	n, err := s.memory.keeper.Forget(ctx, func(value []byte) bool {
		r, err := decodeRecorded(value)
		if err != nil {
			return true
		}
		identity := r.request.GetIdentity()
		return who.is(r.request.GetConnectorId(), identity.GetUserId(), identity.GetEmail())
	})
	return int32(n), err
}

// forgetLinks looks twice: the address of one link tells the user id of the others.
func (s *Server) forgetLinks(ctx context.Context, who *forgotten) (int32, error) {
	store := s.memory.links
	if store == nil {
		return 0, nil
	}
	who.address = store.Address(who.name)
	list, _, err := store.List(ctx)
	if err != nil {
		return 0, err
	}
	for _, l := range list {
		who.linked(l)
	}
	n, err := store.Reset(ctx, who.linked)
	return int32(n), err
}

// forgetTally goes by ids: the tally knows no addresses.
func (s *Server) forgetTally(ctx context.Context, who *forgotten) error {
	if s.tally == nil {
		return nil
	}
	for id := range who.ids() {
		if err := s.tally.Forget(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
