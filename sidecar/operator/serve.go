package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "github.com/claimsmith/claimsmith/proto/claimsmith/admin/v1"
	"github.com/claimsmith/claimsmith/sidecar/internal/engine"
	"github.com/claimsmith/claimsmith/sidecar/internal/journal"
	"github.com/claimsmith/claimsmith/sidecar/internal/socket"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// adminStop is how long calls of the operator may go on when the sidecar ends.
const adminStop = 2 * time.Second

// Attend records requests and answers the operator, until what it returns is called.
func Attend(ctx context.Context, s *engine.Server) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // until the last decision is made, and so longer than Serve's
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Kept.Journal.Run(ctx)
	}()
	stopRecord := func() {
		cancel()
		<-done
	}
	listener, err := listenAdmin(ctx, s)
	if err != nil {
		stopRecord()
		return nil, err
	}
	if listener == nil {
		return stopRecord, nil
	}
	stopAdmin, err := serveAdmin(ctx, s, listener)
	if err != nil {
		stopRecord()
		return nil, errors.Join(err, listener.Close())
	}
	return func() {
		stopAdmin()
		stopRecord()
	}, nil
}

// listenAdmin returns nil where the operator is not answered. A socket that the file names must be had; one beside that of Dex is
// an offer, and a sidecar without it decides as well.
func listenAdmin(ctx context.Context, s *engine.Server) (net.Listener, error) {
	a := s.Active.Load().Cfg.Admin
	if a.Socket == "" {
		return nil, nil
	}
	listener, err := socket.Unix{Path: a.Socket, Mode: 0o600, Group: -1}.Listen()
	if err != nil && a.Default {
		s.Log.WarnContext(ctx, "the operator cannot reach this sidecar: name another socket with admin, or write admin: off", "err", err)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	return listener, nil
}

func serveAdmin(ctx context.Context, s *engine.Server, listener net.Listener) (stop func(), err error) {
	creds, err := socket.OwnerOnly(s.Host)
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer(grpc.Creds(socket.LoggedHandshake{TransportCredentials: creds, Log: s.Log}))
	adminv1.RegisterAdminServiceServer(server, &admin{server: s})
	adminv1.RegisterPluginServiceServer(server, &pluginAdmin{server: s})
	adminv1.RegisterLinkServiceServer(server, &linkAdmin{server: s})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	return func() {
		late := time.AfterFunc(adminStop, server.Stop)
		defer late.Stop()
		server.GracefulStop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			s.Log.ErrorContext(ctx, "the operator was not answered", "err", err)
		}
	}, nil
}

// admin answers the operator.
type admin struct {
	adminv1.UnimplementedAdminServiceServer
	server *engine.Server
}

// Reload reads the configuration again, whoever waits for it or not.
func (a *admin) Reload(ctx context.Context, req *adminv1.ReloadRequest) (*adminv1.ReloadResponse, error) {
	s := a.server
	if err := s.Reload(context.WithoutCancel(ctx), req.GetFresh(), req.GetForce()); err != nil {
		s.Log.WarnContext(ctx, "configuration not reloaded, as asked: the old one goes on serving", "err", err)
		return &adminv1.ReloadResponse{Failed: failedWire((&engine.FailedReload{At: time.Now(), Err: err}), s.Host.Reveal)}, nil
	}
	return &adminv1.ReloadResponse{Configuration: s.Configuration(), NeedsRestart: engine.NeedsRestart(s.Began, s.Active.Load().Cfg)}, nil
}

// ListDecisions lists the last decisions.
func (a *admin) ListDecisions(_ context.Context, req *adminv1.ListDecisionsRequest) (*adminv1.ListDecisionsResponse, error) {
	n := int(req.GetLimit())
	if n <= 0 {
		n = 20
	}
	found := a.server.Kept.Journal.Last(n, func(d *journal.Entry) bool {
		return (req.GetOutcome() == "" || req.GetOutcome() == string(d.Outcome)) && (req.GetClientId() == "" || req.GetClientId() == d.Client)
	})
	out := &adminv1.ListDecisionsResponse{}
	for _, d := range found {
		out.Decisions = append(out.Decisions, decisionWire(d, false))
	}
	return out, nil
}

// Explain says what became of a request.
func (a *admin) Explain(ctx context.Context, req *adminv1.ExplainRequest) (*adminv1.ExplainResponse, error) {
	id := tidyID(req.GetDecisionId())
	known := a.server.Kept.Journal.Get(id)
	request, why, err := a.recorded(ctx, id)
	if err != nil {
		return nil, err
	}
	if known == nil && request == nil {
		return nil, status.Errorf(codes.NotFound, "no decision %s: the last %d since the start are kept", id, journal.Kept)
	}
	out := &adminv1.ExplainResponse{Note: why}
	if known != nil {
		out.Decision = decisionWire(known, request != nil)
		reveal(a.server, out.Decision)
	}
	if request == nil {
		return out, nil
	}
	active := a.server.Acquire()
	defer active.Release()
	explained, note, err := replay.Replay(ctx, active.Set, request, active.Digest)
	if err != nil {
		out.Note = err.Error()
		return out, nil
	}
	out.Note = note
	explained.Reveal(a.server.Host.Reveal)
	if out.Explanation, err = json.Marshal(explained); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return out, nil
}

// recorded returns nil, and why, when the record does not have the request.
func (a *admin) recorded(ctx context.Context, id string) (_ *journal.Request, why string, err error) {
	kept := a.server.Kept.Journal
	switch {
	case kept.Records():
	case a.server.Active.Load().Cfg.Record != nil:
		return nil, "Values are not kept yet: the record in the configuration takes effect with the next start.", nil
	default:
		return nil, "Values are not kept: the configuration has no record.", nil
	}
	request, err := kept.Request(ctx, id)
	switch {
	case err != nil:
		return nil, "The record cannot be read: " + err.Error(), nil
	case request == nil:
		return nil, "The record does not have this request.", nil
	}
	return request, "", nil
}

// MakeTest makes a test case of a recorded request.
func (a *admin) MakeTest(ctx context.Context, req *adminv1.MakeTestRequest) (*adminv1.MakeTestResponse, error) {
	s := a.server
	switch {
	case s.Kept.Journal.Records():
	case s.Active.Load().Cfg.Record != nil:
		return nil, status.Error(codes.FailedPrecondition, "requests are not recorded yet: the record in the configuration takes effect with the next start")
	default:
		return nil, status.Error(codes.FailedPrecondition, "requests are not recorded: that needs record: {} in the configuration, beside state")
	}
	id := tidyID(req.GetDecisionId())
	request, why, err := a.recorded(ctx, id)
	if err != nil {
		return nil, err
	}
	if request == nil {
		return nil, status.Errorf(codes.NotFound, "no request %s: %s", id, why)
	}
	active := s.Acquire()
	defer active.Release()
	text, err := os.ReadFile(s.File)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "read the configuration: %v", err)
	}
	yaml, note, err := replay.TestCase(ctx, active.Set, request, replay.NewPseudonyms(string(text)))
	if err != nil {
		return nil, status.Errorf(codes.Internal, "make a test of %s: %v", id, err)
	}
	return &adminv1.MakeTestResponse{Yaml: yaml, Note: note}, nil
}

// tidyID reads an id as people write it down: in small letters, without the hyphen, with letters for digits.
func tidyID(id string) string {
	id = strings.NewReplacer("O", "0", "I", "1", "L", "1", "-", "", " ", "").Replace(strings.ToUpper(id))
	if len(id) == 8 {
		id = id[:4] + "-" + id[4:]
	}
	return id
}
