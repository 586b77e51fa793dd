package claimshook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// BenchmarkExchange is what the two signings of an exchange cost in the hook, with a service in the same process that answers at
// once: one call over a unix socket, and two payloads that are read, checked and patched.
func BenchmarkExchange(b *testing.B) {
	dir, err := os.MkdirTemp("", "hook")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		b.Fatal(err)
	}
	patch := &hookv1.Patch{Set: map[string][]byte{"username": []byte(`"mum"`), "groups": []byte(`["users"]`), "plan": []byte(`"gold"`), "robot": []byte("false")}}
	s := grpc.NewServer()
	hookv1.RegisterClaimsHookServiceServer(s, constant{answer: patches(patch, patch)})
	go s.Serve(l)
	b.Cleanup(s.Stop)
	var c claimshook.Config
	if err := json.Unmarshal(fmt.Appendf(nil, `{"address": "unix://%s"}`, l.Addr()), &c); err != nil {
		b.Fatal(err)
	}
	h, err := claimshook.New(c, claimshook.Options{RequestIDKey: requestKey{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { h.Close() })
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		id := context.WithValue(b.Context(), requestKey{}, fmt.Sprint(n))
		exchange := claimshook.WithGrantType(id, "authorization_code")
		for _, tok := range []claimshook.Token{access(token()), token()} {
			if _, err := h.Extend(exchange, []byte(payload), tok); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// constant always answers the same.
type constant struct {
	hookv1.UnimplementedClaimsHookServiceServer
	answer *hookv1.ExtendPayloadResponse
}

func (c constant) ExtendPayload(context.Context, *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	return c.answer, nil
}
