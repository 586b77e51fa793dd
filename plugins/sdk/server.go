package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/claimsmith/claimsmith/proto/claimsmith/plugin/v1"
)

// maxMessage caps what goes either way.
const maxMessage = 4 << 20

// closeTime is how long running lookups are waited for before what they use is closed. It is less than the time that the
// host gives the process to end.
const closeTime = time.Second

// server speaks the wire contract for a plugin.
type server struct {
	pluginv1.UnimplementedLookupServiceServer
	plugin Plugin
	host   Host

	mu  sync.Mutex
	cur *opened // nil: not configured
}

// opened is a session with the lookups that use it.
type opened struct {
	session
	running sync.WaitGroup
}

func newServer(p Plugin, h Host) *server { return &server{plugin: p, host: h} }

// options are those of every gRPC server here.
func options(given []grpc.ServerOption) []grpc.ServerOption {
	return append(given, grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))
}

func (s *server) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	d, err := s.plugin.Describe()
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &pluginv1.DescribeResponse{
		Name: d.Name, Version: d.Version,
		ConfigSchema: d.ConfigSchema, ParamsSchema: d.ParamsSchema, FactsSchema: d.FactsSchema,
	}, nil
}

func (s *server) Configure(ctx context.Context, req *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
	var ses session
	err := s.guarded("Open", func() (err error) {
		ses, err = s.plugin.open(ctx, s.host, req.GetConfig())
		return err
	})
	if errors.As(err, new(panicked)) {
		return nil, status.Error(codes.Internal, err.Error())
	}
	if err != nil {
		return &pluginv1.ConfigureResponse{Problems: problems(err)}, nil
	}
	resp := &pluginv1.ConfigureResponse{}
	if age, says := s.plugin.MaxAge(req.GetConfig()); says {
		resp.MaxAgeMs = proto.Int64(age.Milliseconds())
	}
	if req.GetCheckOnly() {
		s.close(&opened{session: ses})
		return resp, nil
	}
	if old := s.swap(&opened{session: ses}); old != nil {
		go s.close(old)
	}
	return resp, nil
}

func problems(err error) []*pluginv1.Problem {
	var list Problems
	if !errors.As(err, &list) || len(list) == 0 {
		return []*pluginv1.Problem{{Message: err.Error()}}
	}
	out := make([]*pluginv1.Problem, len(list))
	for i, p := range list {
		out[i] = &pluginv1.Problem{Path: p.Path, Message: p.Message, Hint: p.Hint}
	}
	return out
}

func (s *server) Lookup(ctx context.Context, req *pluginv1.LookupRequest) (*pluginv1.LookupResponse, error) {
	cur := s.acquire()
	if cur == nil {
		return nil, status.Error(codes.FailedPrecondition, "not configured")
	}
	defer cur.running.Done()
	var r reply
	if req.GetFresh() {
		ctx = context.WithValue(ctx, fresh{}, true)
	}
	err := s.guarded("Lookup", func() (err error) {
		r, err = cur.lookup(ctx, req.GetParams())
		return err
	})
	if err != nil {
		return nil, status.Error(code(err), err.Error())
	}
	return &pluginv1.LookupResponse{Found: r.found, Problem: r.problem, Facts: r.facts, AgeMs: r.age.Milliseconds()}, nil
}

// code tells what kind of "don't know" err is.
func code(err error) codes.Code {
	switch {
	case errors.As(err, new(panicked)), errors.Is(err, errAnswer):
		return codes.Internal
	case errors.Is(err, errParams):
		return codes.InvalidArgument
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	case errors.As(err, new(unanswerable)):
		return codes.DataLoss
	}
	return codes.Unavailable
}

// acquire returns the current session, which is not closed until Done of running is called.
func (s *server) acquire() *opened {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur != nil {
		s.cur.running.Add(1)
	}
	return s.cur
}

func (s *server) swap(next *opened) (old *opened) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, s.cur = s.cur, next
	return old
}

// shutdown closes the current session.
func (s *server) shutdown() {
	if old := s.swap(nil); old != nil {
		s.close(old)
	}
}

// close waits a moment for the lookups that run, then closes o.
func (s *server) close(o *opened) {
	idle := make(chan struct{})
	go func() {
		o.running.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-time.After(closeTime):
	}
	if err := s.guarded("Close", o.Close); err != nil {
		s.host.Log.Warn("plugin not closed cleanly", slog.Any("err", err))
	}
}

// panicked is a panic that became an error. Its text holds no value that the plugin worked with.
type panicked struct{ text string }

func (p panicked) Error() string { return p.text }

// guarded calls f and turns a panic into an error, so that one question does not cost all the others their answers.
func (s *server) guarded(what string, f func() error) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		// What was thrown may be a string with personal data in it; what the runtime throws is not.
		text := fmt.Sprintf("%T", v)
		if r, ok := v.(runtime.Error); ok {
			text = r.Error()
		}
		s.host.Log.Error("plugin panicked", slog.String("in", what), slog.String("panic", text), slog.String("stack", string(debug.Stack())))
		err = panicked{"panic in " + what + ": " + text}
	}()
	return f()
}
