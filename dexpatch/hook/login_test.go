package claimshook_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
	hookv1 "github.com/claimsmith/claimsmith/proto/claimsmith/hook/v1"
)

func TestLogin(t *testing.T) {
	tests := []struct {
		name      string
		answer    answerFunc
		more      string
		wantErr   string
		wantPage  string
		wantCode  int
		wantCalls int
	}{
		{
			name: "a login that the service allows goes on", answer: always(patches(set("username", `"mum"`), nil)), wantCalls: 1,
		},
		{
			name: "a refusal has a page with the sentence and the decision", answer: always(denial("No account here has the address mum@gmail.com.", "household")),
			wantErr: "refused (decision d1, rule household)", wantCode: 403, wantCalls: 1,
			wantPage: "No account here has the address mum@gmail.com. (decision d1)",
		},
		{
			name: "the sentence is one line, of bounded length, without what turns text around", answer: always(denial("a\r\n\u202e\x00b "+strings.Repeat("c", 400), "r")),
			wantErr: "refused (decision d1, rule r)", wantCode: 403, wantCalls: 1,
			wantPage: "a   b " + strings.Repeat("c", 293) + " (decision d1)",
		},
		{
			name: "an empty sentence becomes ours", answer: always(denial("", "r")),
			wantErr: "refused (decision d1, rule r)", wantCode: 403, wantCalls: 1, wantPage: "You may not sign in here. (decision d1)",
		},
		{
			name: "a failure asks to come back", answer: always(&hookv1.ExtendPayloadResponse{DecisionId: "d1"}),
			wantErr: "claims hook: the reply holds neither patches nor a denial (decision d1)", wantCode: 503, wantCalls: 1,
			wantPage: "The sign-in could not be checked just now. Please try again later. (decision d1)",
		},
		{
			name: "a patch that no token could take is found at login", answer: always(patches(set("sub", `"root"`), nil)),
			wantErr: `claims hook: patch of the access token: claim "sub" is reserved for Dex (decision d1)`, wantCode: 503, wantCalls: 1,
			wantPage: "The sign-in could not be checked just now. Please try again later. (decision d1)",
		},
		{
			name: "a client that is not concerned is not asked about", answer: always(denial("No.", "r")), more: `, "clients": ["wiki"]`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.answer)
			h := open(t, s.socket, tt.more)
			err := h.Login(exchangeContext(t, "r1", "ignored"), []byte(payload), token())
			if got := withoutLocalID(err); got != tt.wantErr {
				t.Errorf("error:\ngot  %s\nwant %s", got, tt.wantErr)
			}
			code, page, ok := claimshook.Page(fmt.Errorf("finalize: %w", err))
			if f := new(claimshook.Failure); errors.As(err, &f) && strings.HasPrefix(f.DecisionID, "dex-") {
				page = strings.ReplaceAll(page, f.DecisionID, "LOCAL")
			}
			if code != tt.wantCode || page != tt.wantPage || ok != (tt.wantErr != "") {
				t.Errorf("page:\ngot  %d %s %t\nwant %d %s", code, page, ok, tt.wantCode, tt.wantPage)
			}
			calls := s.calls()
			if len(calls) != tt.wantCalls {
				t.Fatalf("%d calls, want %d", len(calls), tt.wantCalls)
			}
			if tt.wantCalls > 0 && (calls[0].Stage != hookv1.Stage_STAGE_LOGIN || calls[0].GrantType != "" || len(calls[0].TokenKinds) != 2) {
				t.Errorf("asked %v", calls[0])
			}
		})
	}
}

func TestWhatIsSaidToThePersonIsInNoLog(t *testing.T) {
	h := open(t, serve(t, always(denial("mum@gmail.com is switched off.", "household"))).socket, "")
	_, err := h.Extend(exchangeContext(t, "r1", ""), []byte(payload), token())
	var text, js strings.Builder
	slog.New(slog.NewTextHandler(&text, nil)).Info("failed", "err", err)
	slog.New(slog.NewJSONHandler(&js, nil)).Info("failed", "err", err)
	for _, said := range []string{text.String(), js.String(), fmt.Sprintf("%v %+v %#v %s %q", err, err, err, err, err)} {
		if strings.Contains(said, "mum") || strings.Contains(said, "switched") {
			t.Errorf("logged: %s", said)
		}
	}
}

// withheld is the answer of a service whose rules need a lookup that is not made for the grant.
func withheld(decision string) answerFunc {
	return func(ctx context.Context, _ *hookv1.ExtendPayloadRequest) (*hookv1.ExtendPayloadResponse, error) {
		if decision != "" {
			_ = grpc.SetTrailer(ctx, metadata.Pairs(claimshook.DecisionTrailer, decision))
		}
		return nil, status.Error(codes.PermissionDenied, "no mum@gmail.com here")
	}
}

func TestTokenError(t *testing.T) {
	refused := always(denial("mum@gmail.com is switched off.", "household"))
	failed := always(&hookv1.ExtendPayloadResponse{DecisionId: "d1"})
	tests := []struct {
		name       string
		answer     answerFunc
		grant      string
		wantCode   string
		wantWords  string
		wantStatus int
		late       bool
		wantRetry  string
	}{
		{"a refused code", refused, "authorization_code", "invalid_grant", "The request was refused (decision d1).", 400, false, ""},
		{"a refused refresh", refused, "refresh_token", "invalid_grant", "The request was refused (decision d1).", 400, false, ""},
		{"a refused password", refused, "password", "invalid_grant", "The request was refused (decision d1).", 400, true, ""},
		{"a refused token exchange", refused, "urn:ietf:params:oauth:grant-type:token-exchange", "invalid_request", "The request was refused (decision d1).", 400, true, ""},
		{"a refused client", refused, "client_credentials", "unauthorized_client", "The request was refused (decision d1).", 400, true, ""},
		{"a refused device", refused, "urn:ietf:params:oauth:grant-type:device_code", "access_denied", "The request was refused (decision d1).", 400, false, ""},
		{"a refresh in a grant without lookups", withheld("d1"), "refresh_token", "unauthorized_client", "The request was refused (decision d1).", 400, false, ""},
		{"a password in a grant without lookups", withheld("d1"), "password", "unauthorized_client", "The request was refused (decision d1).", 400, true, ""},
		{"a permission that something on the way denies", withheld(""), "password", "temporarily_unavailable", "Please try again later (decision LOCAL).", 503, true, "5"},
		{"a failure is never invalid_grant", failed, "refresh_token", "temporarily_unavailable", "Please try again later (decision d1).", 503, false, "5"},
		{"there is nothing to retry when the token is gone", failed, "refresh_token", "temporarily_unavailable", "Please try again later (decision d1).", 503, true, ""},
		{"a client has lost nothing", failed, "client_credentials", "temporarily_unavailable", "Please try again later (decision d1).", 503, true, "5"},
		{"a request that the hook let pass keeps Dex's own answer", always(patches(nil, nil)), "password", "server_error", "", 500, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := exchangeContext(t, "r1", tt.grant)
			h, w := open(t, serve(t, tt.answer).socket, ""), httptest.NewRecorder()
			if tt.late {
				_, _ = h.Extend(ctx, []byte(payload), access(token()))
			} else {
				_ = h.Preflight(ctx, []byte(payload), token())
			}
			code, words, status := claimshook.TokenError(ctx, w, "server_error", "", 500)
			words = regexp.MustCompile(`dex-[a-z2-7]{8}`).ReplaceAllString(words, "LOCAL")
			if code != tt.wantCode || words != tt.wantWords || status != tt.wantStatus || w.Header().Get("Retry-After") != tt.wantRetry {
				t.Errorf("got %s, %q, %d, Retry-After %q", code, words, status, w.Header().Get("Retry-After"))
			}
		})
	}
	code, words, status := claimshook.TokenError(t.Context(), httptest.NewRecorder(), "invalid_client", "Invalid client credentials.", 401)
	if code != "invalid_client" || words != "Invalid client credentials." || status != 401 {
		t.Errorf("an error of Dex's own became %s, %s, %d", code, words, status)
	}
	if _, _, ok := claimshook.Page(errors.New("storage is down")); ok {
		t.Error("an error of Dex's own was taken for ours")
	}
}

func TestWhatAnAuthorizationEndpointSays(t *testing.T) {
	tests := []struct {
		name                           string
		answer                         answerFunc
		wantBrief, wantCode, wantWords string
		wantStatus                     int
		wantRetry                      string
	}{
		{"a refusal", always(denial("mum@gmail.com is switched off.", "household")), "You cannot sign in here. (decision d1)", "access_denied", "The request was refused (decision d1).", 403, ""},
		{"a grant without lookups", withheld("d1"), "You cannot sign in here. (decision d1)", "unauthorized_client", "The request was refused (decision d1).", 403, ""},
		{"a failure", always(&hookv1.ExtendPayloadResponse{DecisionId: "d1"}), "The sign-in could not be checked just now. Please try again later. (decision d1)",
			"temporarily_unavailable", "Please try again later (decision d1).", 503, "5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := open(t, serve(t, tt.answer).socket, "").Extend(exchangeContext(t, "r1", ""), []byte(payload), token())
			code, words, ok := claimshook.AuthorizationError(err)
			status, brief, _ := claimshook.BriefPage(err)
			w := httptest.NewRecorder()
			claimshook.RetryLater(w, err)
			if got := w.Header().Get("Retry-After"); got != tt.wantRetry {
				t.Errorf("Retry-After %q, want %q", got, tt.wantRetry)
			}
			if code != tt.wantCode || words != tt.wantWords || !ok || brief != tt.wantBrief || status != tt.wantStatus {
				t.Errorf("got %s, %q, %t, %d %q", code, words, ok, status, brief)
			}
		})
	}
	if _, _, ok := claimshook.AuthorizationError(errors.New("storage is down")); ok {
		t.Error("an error of Dex's own was taken for ours")
	}
}
