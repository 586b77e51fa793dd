package dexpatch_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// answerFunc is what a sidecar says.
type answerFunc = func(*hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error)

// decider is a sidecar that answers as it is told.
type decider struct {
	hookv1.UnimplementedClaimsHookServiceServer

	t      *testing.T
	socket string
	server *grpc.Server

	hangs atomic.Bool

	mu     sync.Mutex
	answer answerFunc
	asked  []string // stage, grant, kinds
}

func (d *decider) ExtendPayload(ctx context.Context, req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	if d.hangs.Load() {
		<-d.t.Context().Done() // and not ctx: who gives up first should not depend on chance
		return nil, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, strings.TrimSpace(fmt.Sprintf("%s %s %v", req.Stage, req.GrantType, req.TokenKinds)))
	return d.answer(req)
}

// set changes the answer and forgets what was asked.
func (d *decider) set(answer answerFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer, d.asked = answer, nil
}

func (d *decider) questions() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

func serve(t *testing.T) *decider {
	t.Helper()
	dir, err := os.MkdirTemp("", "hook") // short: a socket's path has a limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &decider{t: t, socket: filepath.Join(dir, "s"), answer: dsmName}
	d.up()
	return d
}

// up begins to serve.
func (d *decider) up(o ...grpc.ServerOption) {
	d.t.Helper()
	l, err := net.Listen("unix", d.socket)
	if err != nil {
		d.t.Fatal(err)
	}
	d.server = grpc.NewServer(o...)
	healthv1.RegisterHealthServer(d.server, health.NewServer())
	hookv1.RegisterClaimsHookServiceServer(d.server, d)
	go d.server.Serve(l)
	d.t.Cleanup(d.server.Stop)
}

// down ends it, and the socket with it.
func (d *decider) down() { d.server.Stop() }

// dsmName gives both tokens a name for the NAS.
func dsmName(req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	patch := &hookv1.Patch{
		Set:    map[string][]byte{"username": []byte(`"dsm-` + req.Identity.UserId + `"`), "groups": []byte(`["users"]`)},
		Remove: []string{"preferred_username"},
	}
	return &hookv1.ExtendPayloadResponse{
		DecisionId: "d1", Outcome: &hookv1.ExtendPayloadResponse_Patches{Patches: &hookv1.Patches{AccessToken: patch, IdToken: patch}},
	}, nil
}

const sentence = "No account on this NAS has the address mum@gmail.com."

func refuse(*hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	return &hookv1.ExtendPayloadResponse{
		DecisionId: "d2", Outcome: &hookv1.ExtendPayloadResponse_Denial{Denial: &hookv1.Denial{Message: sentence, Rule: "claimsmith.yaml:14"}},
	}, nil
}

func fail(*hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	return &hookv1.ExtendPayloadResponse{DecisionId: "d3"}, nil
}

// atToken lets everybody in and answers otherwise when a token is wanted.
func atToken(answer answerFunc) func(*hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	return func(req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
		if req.Stage == hookv1.Stage_STAGE_LOGIN {
			return dsmName(req)
		}
		return answer(req)
	}
}
