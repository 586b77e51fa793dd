package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"

	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

// service adds a claim, or refuses.
type service struct {
	hookv1.UnimplementedClaimsHookServiceServer
	refuses bool
}

func (s service) ExtendPayload(_ context.Context, req *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	if s.refuses {
		return &hookv1.ExtendPayloadResponse{DecisionId: "d2", Outcome: &hookv1.ExtendPayloadResponse_Denial{Denial: &hookv1.Denial{Message: "No.", Rule: "closed"}}}, nil
	}
	p := &hookv1.Patch{Set: map[string][]byte{"username": []byte(`"dsm-` + req.ClientId + `"`)}}
	return &hookv1.ExtendPayloadResponse{DecisionId: "d1", Outcome: &hookv1.ExtendPayloadResponse_Patches{Patches: &hookv1.Patches{AccessToken: p, IdToken: p}}}, nil
}

// redeem asks an embedded Dex, with that service beside it, for tokens.
func redeem(t *testing.T, asked service) *httptest.ResponseRecorder {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cs-") // short: the path of a socket has a limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	hookv1.RegisterClaimsHookServiceServer(s, asked)
	go s.Serve(l)
	t.Cleanup(s.Stop)

	dex, err := newDex(t.Context(), "http://dex.example.org/dex", l.Addr().String(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{
		"grant_type": {"password"}, "username": {"mum@example.org"}, "password": {"password"}, "scope": {"openid"},
		"client_id": {"embedded"}, "client_secret": {"secret"},
	}
	r := httptest.NewRequest(http.MethodPost, "/dex/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	dex.ServeHTTP(w, r)
	return w
}

// TestARefusalEndsAsAnErrorOfDex, which is one of the limits: nothing is signed, and nobody is told why.
func TestARefusalEndsAsAnErrorOfDex(t *testing.T) {
	w := redeem(t, service{refuses: true})
	if w.Code != http.StatusInternalServerError || strings.TrimSpace(w.Body.String()) != `{"error":"server_error"}` {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestTheEmbeddedDexAddsAClaim(t *testing.T) {
	w := redeem(t, service{})
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	for _, name := range []string{"access_token", "id_token"} {
		token, _ := answer[name].(string)
		_, rest, _ := strings.Cut(token, ".")
		middle, _, _ := strings.Cut(rest, ".")
		data, err := base64.RawURLEncoding.DecodeString(middle)
		if err != nil {
			t.Fatal(err)
		}
		var claims map[string]any
		if err := json.Unmarshal(data, &claims); err != nil || claims["username"] != "dsm-embedded" {
			t.Errorf("%s: %s", name, data)
		}
	}
}

func TestSubject(t *testing.T) {
	if user, connector := subject("CgQxMDhhEgZnb29nbGU"); user != "108a" || connector != "google" {
		t.Errorf("got %q, %q", user, connector)
	}
	if user, connector := subject("!"); user != "" || connector != "" {
		t.Errorf("got %q, %q", user, connector)
	}
}
