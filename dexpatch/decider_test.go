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
	"testing"

	"google.golang.org/grpc"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// decider is a sidecar that answers as it is told.
type decider struct {
	hookv1.UnimplementedClaimsHookServiceServer

	socket string

	mu     sync.Mutex
	answer func(*hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error)
	asked  []string // stage, grant, kinds
}

func (d *decider) ExtendPayload(_ context.Context, req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, strings.TrimSpace(fmt.Sprintf("%s %s %v", req.Stage, req.GrantType, req.TokenKinds)))
	return d.answer(req)
}

// set changes the answer and forgets what was asked.
func (d *decider) set(answer func(*hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error)) {
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
	d := &decider{socket: filepath.Join(dir, "s"), answer: dsmName}
	l, err := net.Listen("unix", d.socket)
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	hookv1.RegisterClaimsHookServiceServer(s, d)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return d
}

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
func atToken(answer func(*hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error)) func(*hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	return func(req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
		if req.Stage == hookv1.Stage_STAGE_LOGIN {
			return dsmName(req)
		}
		return answer(req)
	}
}
