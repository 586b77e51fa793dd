package claimshook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// answerFunc is what a service does with a request.
type answerFunc func(context.Context, *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error)

// service is the other end of the hook, over a real socket.
type service struct {
	hookv1.UnimplementedClaimsHookServiceServer

	socket string
	server *grpc.Server
	health *health.Server
	answer answerFunc

	mu       sync.Mutex
	requests []*hookv1.ExtendPayloadRequest
}

func (s *service) ExtendPayload(ctx context.Context, req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	s.mu.Lock()
	s.requests = append(s.requests, proto.CloneOf(req))
	s.mu.Unlock()
	return s.answer(ctx, req)
}

func (s *service) calls() []*hookv1.ExtendPayloadRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// socketPath is short: a path of a unix socket has 108 bytes at most.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hook")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// serve starts a service that is healthy.
func serve(t *testing.T, answer answerFunc, o ...grpc.ServerOption) *service {
	t.Helper()
	return serveAt(t, socketPath(t), answer, o...)
}

func serveAt(t *testing.T, socket string, answer answerFunc, o ...grpc.ServerOption) *service {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, l, answer, o...)
}

func serveOn(t *testing.T, l net.Listener, answer answerFunc, o ...grpc.ServerOption) *service {
	t.Helper()
	s := &service{socket: l.Addr().String(), server: grpc.NewServer(o...), health: health.NewServer(), answer: answer}
	hookv1.RegisterClaimsHookServiceServer(s.server, s)
	grpc_health_v1.RegisterHealthServer(s.server, s.health)
	go s.server.Serve(l)
	t.Cleanup(s.server.Stop)
	return s
}

// requestKey is the context key of the request id in these tests.
type requestKey struct{}

// open makes a hook for a socket with more keys of claimsHook, as JSON.
func open(t *testing.T, socket, more string) *claimshook.Hook {
	t.Helper()
	return openLogging(t, socket, more, io.Discard)
}

func openLogging(t *testing.T, socket, more string, log io.Writer) *claimshook.Hook {
	t.Helper()
	return openWith(t, socket, more, slog.New(slog.NewTextHandler(log, nil)))
}

func openDebugging(t *testing.T, socket string, log io.Writer) *claimshook.Hook {
	t.Helper()
	return openWith(t, socket, "", slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
}

func openWith(t *testing.T, socket, more string, log *slog.Logger) *claimshook.Hook {
	t.Helper()
	var c claimshook.Config
	if err := json.Unmarshal(fmt.Appendf(nil, `{"address": "unix://%s"%s}`, socket, more), &c); err != nil {
		t.Fatal(err)
	}
	h, err := claimshook.New(c, claimshook.Options{RequestIDKey: requestKey{}, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// exchangeContext is the context of one HTTP request.
func exchangeContext(t *testing.T, id, grantType string) context.Context {
	t.Helper()
	return claimshook.WithGrantType(context.WithValue(t.Context(), requestKey{}, id), grantType)
}

const payload = `{"iss":"https://dex","sub":"Cg","aud":"nas","exp":9007199254740993,"email":"mum@gmail.com","email_verified":true,"name":"Mum"}`

func token() claimshook.Token {
	return claimshook.Token{
		Kind: claimshook.IDToken, ClientID: "nas", Audience: []string{"nas"}, ConnectorID: "google", Scopes: []string{"openid", "email"},
		Identity: claimshook.Identity{
			UserID: "107691503500061", Username: "Mum", PreferredUsername: "mum", Email: "mum@gmail.com", EmailVerified: true, Groups: []string{"family"},
		},
	}
}

// access is the same for an access token.
func access(t claimshook.Token) claimshook.Token {
	t.Kind = claimshook.AccessToken
	return t
}

func patches(access, id *hookv1.Patch) *hookv1.ExtendPayloadResponse {
	return &hookv1.ExtendPayloadResponse{
		DecisionId: "d1",
		Outcome:    &hookv1.ExtendPayloadResponse_Patches{Patches: &hookv1.Patches{AccessToken: access, IdToken: id}},
	}
}

func denial(message, rule string) *hookv1.ExtendPayloadResponse {
	return &hookv1.ExtendPayloadResponse{
		DecisionId: "d1", Outcome: &hookv1.ExtendPayloadResponse_Denial{Denial: &hookv1.Denial{Message: message, Rule: rule}},
	}
}

func set(name, value string) *hookv1.Patch {
	return &hookv1.Patch{Set: map[string][]byte{name: []byte(value)}}
}

// always answers every request alike.
func always(resp *hookv1.ExtendPayloadResponse) answerFunc {
	return func(context.Context, *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
		return resp, nil
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
