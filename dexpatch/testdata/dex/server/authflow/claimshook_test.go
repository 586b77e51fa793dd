package authflow

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/dexidp/dex/connector"
	"github.com/dexidp/dex/server/claimshook"
	"github.com/dexidp/dex/server/claimshook/hookv1"
	"github.com/dexidp/dex/server/connectors"
	"github.com/dexidp/dex/server/session"
	"github.com/dexidp/dex/server/signer"
	"github.com/dexidp/dex/server/tokens"
	"github.com/dexidp/dex/storage"
)

// refuser is a claims service that lets nobody in.
type refuser struct {
	hookv1.UnimplementedClaimsHookServiceServer
}

func (refuser) ExtendPayload(context.Context, *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	return &hookv1.ExtendPayloadResponse{DecisionId: "d1", Outcome: &hookv1.ExtendPayloadResponse_Denial{
		Denial: &hookv1.Denial{Message: "Nobody signs in today.", Rule: "closed"},
	}}, nil
}

// newRefusingHandler is a login flow whose signer has a hook that refuses.
func newRefusingHandler(t *testing.T) *testServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "hook")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	require.NoError(t, err)
	s := grpc.NewServer()
	hookv1.RegisterClaimsHookServiceServer(s, refuser{})
	go s.Serve(l)
	t.Cleanup(s.Stop)

	var config claimshook.Config
	require.NoError(t, json.Unmarshal([]byte(`{"address": "unix://`+l.Addr().String()+`"}`), &config))
	hook, err := claimshook.New(config, claimshook.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { hook.Close() })

	t.Setenv("DEX_SESSIONS_ENABLED", "true")
	_, server := newTestHandler(t, func(c *testFlowConfig) {
		c.SessionConfig = &session.Config{AbsoluteLifetime: time.Hour, ValidIfNotUsedFor: time.Hour}
		c.Signer = struct {
			signer.Signer
			*claimshook.Hook
		}{c.Signer, hook}
	})
	server.Issuer = tokens.NewIssuer(server.Storage, server.Signer, server.IssuerURL.URL, time.Hour, time.Now, server.Logger)
	return server
}

func loginRequest(t *testing.T, server *testServer) storage.AuthRequest {
	t.Helper()
	authReq := storage.AuthRequest{
		ID: "req", ClientID: "client", ConnectorID: "mock", Expiry: time.Now().Add(time.Hour),
		Scopes: []string{"openid", "offline_access"}, ResponseTypes: []string{"code"},
	}
	require.NoError(t, server.Storage.CreateAuthRequest(t.Context(), authReq))
	return authReq
}

// refreshing is a connector with which offline sessions are stored.
type refreshing struct{ connector.RefreshConnector }

func TestARefusedLoginStoresNothing(t *testing.T) {
	server, ctx := newRefusingHandler(t), t.Context()
	_, err := server.finalizeLogin(ctx, connector.Identity{UserID: "u1"}, loginRequest(t, server), refreshing{})
	require.EqualError(t, err, "refused (decision d1, rule closed)")

	stored, err := server.Storage.GetAuthRequest(ctx, "req")
	require.NoError(t, err)
	require.False(t, stored.LoggedIn)
	require.Empty(t, stored.Claims)
	_, err = server.Storage.GetUserIdentity(ctx, "u1", "mock")
	require.ErrorIs(t, err, storage.ErrNotFound)
	_, err = server.Storage.GetOfflineSessions(ctx, "u1", "mock")
	require.ErrorIs(t, err, storage.ErrNotFound)
}

// kerberos signs in whoever comes.
type kerberos struct{ connector.PasswordConnector }

func (kerberos) TrySPNEGO(context.Context, connector.Scopes, http.ResponseWriter, *http.Request) (*connector.Identity, connector.Handled, error) {
	return &connector.Identity{UserID: "u1"}, true, nil
}

func TestARefusedSPNEGOLoginIsShown(t *testing.T) {
	server := newRefusingHandler(t)
	loginRequest(t, server)
	known, err := server.Connectors.Get(t.Context(), "mock")
	require.NoError(t, err)
	server.Connectors.Set("mock", connectors.Connector{ResourceVersion: known.ResourceVersion, Connector: kerberos{}})

	w := httptest.NewRecorder()
	server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/auth/mock/login?state=req", nil))
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Contains(t, w.Body.String(), "Nobody signs in today. (decision d1)")
}

// saml signs in whoever posts.
type saml struct{}

func (saml) POSTData(connector.Scopes, string) (string, string, error) { return "", "", nil }

func (saml) HandlePOST(connector.Scopes, string, string) (connector.Identity, error) {
	return connector.Identity{UserID: "u1"}, nil
}

func TestARefusedSAMLLoginIsShown(t *testing.T) {
	server := newRefusingHandler(t)
	loginRequest(t, server)
	known, err := server.Connectors.Get(t.Context(), "mock")
	require.NoError(t, err)
	server.Connectors.Set("mock", connectors.Connector{ResourceVersion: known.ResourceVersion, Connector: saml{}})

	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/callback", strings.NewReader("RelayState=req&SAMLResponse=x"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	server.ServeHTTP(w, r)
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Contains(t, w.Body.String(), "Nobody signs in today. (decision d1)")
	stored, err := server.Storage.GetAuthRequest(t.Context(), "req")
	require.NoError(t, err)
	require.False(t, stored.LoggedIn)
}

// TestBeforeTheSecondFactorThePageSaysLittle: the words of the operator may tell something about the account.
func TestBeforeTheSecondFactorThePageSaysLittle(t *testing.T) {
	server := newRefusingHandler(t)
	server.MFAEnabled, server.DefaultMFAChain = true, []string{"totp"}
	require.NoError(t, server.Storage.CreateClient(t.Context(), storage.Client{ID: "client"}))
	authReq := loginRequest(t, server)
	_, refused := server.finalizeLogin(t.Context(), connector.Identity{UserID: "u1"}, authReq, refreshing{})
	tests := []struct {
		name      string
		validated bool
		want      string
	}{
		{"before", false, "You cannot sign in here. (decision d1)"},
		{"after", true, "Nobody signs in today. (decision d1)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			authReq.MFAValidated = tt.validated
			w := httptest.NewRecorder()
			require.True(t, server.endedByClaimsHook(w, httptest.NewRequest(http.MethodGet, "/auth", nil), authReq, refused))
			require.Equal(t, http.StatusForbidden, w.Code)
			require.Contains(t, w.Body.String(), tt.want)
		})
	}
}

// TestOtherSignaturesPassTheHook: logout tokens are signed with Sign directly.
func TestOtherSignaturesPassTheHook(t *testing.T) {
	token, err := newRefusingHandler(t).Signer.Sign(t.Context(), []byte(`{"events":{}}`))
	require.NoError(t, err)
	require.NotEmpty(t, token)
}
