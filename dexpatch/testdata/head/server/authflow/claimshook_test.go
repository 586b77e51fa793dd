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

	"github.com/davecgh/go-spew/spew"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/dexidp/dex/connector"
	"github.com/dexidp/dex/connector/mock"
	"github.com/dexidp/dex/server/claimshook"
	"github.com/dexidp/dex/server/claimshook/hookv1"
	"github.com/dexidp/dex/server/connectors"
	"github.com/dexidp/dex/server/internal"
	"github.com/dexidp/dex/server/session"
	"github.com/dexidp/dex/server/tokens"
	"github.com/dexidp/dex/storage"
)

// service is a claims service that says one thing.
type service struct {
	hookv1.UnimplementedClaimsHookServiceServer
	answer *hookv1.ExtendPayloadResponse
	asked  func(context.Context) // may be nil
}

func (s service) ExtendPayload(ctx context.Context, _ *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
	if s.asked != nil {
		s.asked(ctx)
	}
	return s.answer, nil
}

// refuse lets nobody in, and fail is no answer.
func refuse() *hookv1.ExtendPayloadResponse {
	return &hookv1.ExtendPayloadResponse{DecisionId: "d1", Outcome: &hookv1.ExtendPayloadResponse_Denial{
		Denial: &hookv1.Denial{Message: "Nobody signs in today.", Rule: "closed"},
	}}
}

func fail() *hookv1.ExtendPayloadResponse { return &hookv1.ExtendPayloadResponse{DecisionId: "d1"} }

// newRefusingHandler is a login flow whose issuer has a hook that refuses.
func newRefusingHandler(t *testing.T) *testServer {
	t.Helper()
	return newHookedHandler(t, service{answer: refuse()})
}

// newHookedHandler is a login flow whose issuer has a hook that asks this service.
func newHookedHandler(t *testing.T, asked service) *testServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "hook")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	require.NoError(t, err)
	s := grpc.NewServer()
	hookv1.RegisterClaimsHookServiceServer(s, asked)
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
	})
	server.Issuer = tokens.NewIssuer(server.Storage, server.Signer, server.IssuerURL.URL, time.Hour, time.Now, server.Logger)
	server.Issuer.ClaimsHook = hook
	return server
}

func loginRequest(t *testing.T, server *testServer) storage.AuthRequest {
	t.Helper()
	authReq := storage.AuthRequest{
		ID: "req", ClientID: "client", ConnectorID: "mock", Expiry: time.Now().Add(time.Hour), MaxAge: -1, HMACKey: []byte("key"),
		Scopes: []string{"openid", "offline_access"}, ResponseTypes: []string{"code"}, RedirectURI: "https://client.example.org/cb", State: "s1",
	}
	require.NoError(t, server.Storage.CreateAuthRequest(t.Context(), authReq))
	return authReq
}

// refreshing is a connector with which offline sessions are stored.
type refreshing struct{ connector.RefreshConnector }

func TestARefusedLoginStoresNothing(t *testing.T) {
	server, ctx := newRefusingHandler(t), t.Context()
	authReq := loginRequest(t, server)
	before := stored(server)
	_, err := server.finalizeLogin(ctx, connector.Identity{UserID: "u1"}, authReq, refreshing{})
	require.EqualError(t, err, "refused (decision d1, rule closed)")
	require.Equal(t, before, stored(server))
}

// stored is all that the storage holds.
func stored(server *testServer) string {
	dump := spew.ConfigState{Indent: " ", SortKeys: true, DisablePointerAddresses: true, DisableCapacities: true}
	data, _, _ := strings.Cut(dump.Sdump(server.Storage), "\n logger:") // its last field
	return data
}

// password signs in whoever knows a word.
type password struct{ connector.PasswordConnector }

func (password) Prompt() string { return "" }

func (password) Login(context.Context, connector.Scopes, string, string) (connector.Identity, bool, error) {
	return connector.Identity{UserID: "u1"}, true, nil
}

// kerberos signs in whoever comes.
type kerberos struct{ connector.PasswordConnector }

func (kerberos) TrySPNEGO(context.Context, connector.Scopes, http.ResponseWriter, *http.Request) (*connector.Identity, connector.Handled, error) {
	return &connector.Identity{UserID: "u1"}, true, nil
}

// saml signs in whoever posts.
type saml struct{}

func (saml) POSTData(connector.Scopes, string) (string, string, error) { return "", "", nil }

func (saml) HandlePOST(connector.Scopes, string, string) (connector.Identity, error) {
	return connector.Identity{UserID: "u1"}, nil
}

// TestEveryWayIn: a login that the hook ends has a page, or with prompt=none a redirect, and nothing of it is stored.
func TestEveryWayIn(t *testing.T) {
	form := func(target, body string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
	ways := []struct {
		name      string
		connector connector.Connector
		loggedIn  bool
		request   func(server *testServer, authReq storage.AuthRequest) *http.Request
	}{
		{"callback", mock.NewCallbackConnector(nil), false, func(*testServer, storage.AuthRequest) *http.Request {
			return httptest.NewRequest(http.MethodGet, "/callback?state=req", nil)
		}},
		{"password", password{}, false, func(*testServer, storage.AuthRequest) *http.Request {
			return form("/auth/mock/login?state=req", "login=mum&password=x")
		}},
		{"SPNEGO", kerberos{}, false, func(*testServer, storage.AuthRequest) *http.Request {
			return httptest.NewRequest(http.MethodGet, "/auth/mock/login?state=req", nil)
		}},
		{"SAML", saml{}, false, func(*testServer, storage.AuthRequest) *http.Request {
			return form("/callback", "RelayState=req&SAMLResponse=x")
		}},
		{"after a session, MFA or consent", saml{}, true, func(server *testServer, authReq storage.AuthRequest) *http.Request {
			return httptest.NewRequest(http.MethodGet, server.buildContinueURL(authReq), nil)
		}},
	}
	const refusedPage, failedPage = "Nobody signs in today. (decision d1)", "The sign-in could not be checked just now. Please try again later. (decision d1)"
	outcomes := []struct {
		name, prompt string
		answer       *hookv1.ExtendPayloadResponse
		wantStatus   int
		wantPage     string
		wantLink     bool
		wantLocation string
	}{
		{"refused", "", refuse(), http.StatusForbidden, refusedPage, true, ""},
		{"refused with prompt=consent", "consent", refuse(), http.StatusForbidden, refusedPage, true, ""},
		{"failed", "", fail(), http.StatusServiceUnavailable, failedPage, false, ""},
		{"refused with prompt=none", "none", refuse(), http.StatusSeeOther, "", false,
			"https://client.example.org/cb?error=access_denied&error_description=The+request+was+refused+%28decision+d1%29.&state=s1"},
		{"failed with prompt=none", "none", fail(), http.StatusSeeOther, "", false,
			"https://client.example.org/cb?error=temporarily_unavailable&error_description=Please+try+again+later+%28decision+d1%29.&state=s1"},
	}
	for _, way := range ways {
		for _, tt := range outcomes {
			t.Run(way.name+"/"+tt.name, func(t *testing.T) {
				server := newHookedHandler(t, service{answer: tt.answer})
				authReq := loginRequest(t, server)
				require.NoError(t, server.Storage.UpdateAuthRequest(t.Context(), "req", func(a storage.AuthRequest) (storage.AuthRequest, error) {
					a.Prompt, a.LoggedIn = tt.prompt, way.loggedIn
					return a, nil
				}))
				known, err := server.Connectors.Get(t.Context(), "mock")
				require.NoError(t, err)
				server.Connectors.Set("mock", connectors.Connector{ResourceVersion: known.ResourceVersion, Connector: way.connector})
				request := way.request(server, authReq)
				if strings.Contains(tt.prompt, "consent") && way.loggedIn { // approved meanwhile
					request = httptest.NewRequest(http.MethodGet, internal.StepURL("/auth", authReq, internal.StepApproved, nil), nil)
				}
				before := stored(server)

				w := httptest.NewRecorder()
				server.ServeHTTP(w, request)
				require.Equal(t, tt.wantStatus, w.Code)
				require.Equal(t, tt.wantLocation, w.Header().Get("Location"))
				require.Contains(t, w.Body.String(), tt.wantPage)
				require.Equal(t, tt.wantLink, strings.Contains(w.Body.String(), "Use another account"))
				require.Empty(t, w.Header().Values("Set-Cookie"))
				require.Equal(t, before, stored(server), "something was stored")
			})
		}
	}
}

// TestOtherSignaturesPassTheHook: logout tokens are signed with Sign directly.
func TestOtherSignaturesPassTheHook(t *testing.T) {
	token, err := newRefusingHandler(t).Signer.Sign(t.Context(), []byte(`{"events":{}}`))
	require.NoError(t, err)
	require.NotEmpty(t, token)
}

// TestTheCallsOfARequestShareOneTimeout: before tokens of the authorization endpoint there are two.
func TestTheCallsOfARequestShareOneTimeout(t *testing.T) {
	const timeout, took = 3 * time.Second, 200 * time.Millisecond // the first is the default
	var left []time.Duration
	server := newHookedHandler(t, service{
		answer: &hookv1.ExtendPayloadResponse{DecisionId: "d1", Outcome: &hookv1.ExtendPayloadResponse_Patches{Patches: &hookv1.Patches{}}},
		asked: func(ctx context.Context) {
			deadline, _ := ctx.Deadline()
			left = append(left, time.Until(deadline))
			<-time.After(took)
		},
	})
	authReq := loginRequest(t, server)
	authReq.LoggedIn, authReq.ResponseTypes = true, []string{"id_token"}
	w := httptest.NewRecorder()
	_, ok := server.passClaimsHook(w, httptest.NewRequest(http.MethodGet, "/auth", nil), authReq)
	require.True(t, ok, w.Body.String())
	require.Len(t, left, 2)
	require.LessOrEqual(t, left[0], timeout)
	require.LessOrEqual(t, left[1], timeout-took)
}
