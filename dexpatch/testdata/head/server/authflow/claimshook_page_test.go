package authflow

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/dexidp/dex/server/claimshook/hookv1"
	"github.com/dexidp/dex/server/templates"
	"github.com/dexidp/dex/storage"
	dexweb "github.com/dexidp/dex/web"
)

// TestUseAnotherAccountKeepsTheRequest: all of it, with a login by another account.
func TestUseAnotherAccountKeepsTheRequest(t *testing.T) {
	server := newRefusingHandler(t)
	tests := []struct {
		name string
		with func(*storage.AuthRequest)
		want url.Values // beside those of every request
	}{
		{"a plain one", func(*storage.AuthRequest) {}, url.Values{"prompt": {"select_account login"}}},
		{"consent is asked for again", func(a *storage.AuthRequest) { a.Prompt = "consent" }, url.Values{"prompt": {"select_account login consent"}}},
		{"everything", func(a *storage.AuthRequest) {
			a.Nonce, a.MaxAge, a.ForceApprovalPrompt = "n1", 0, true
			a.PKCE = storage.PKCE{CodeChallenge: "c1", CodeChallengeMethod: "S256"}
		}, url.Values{"prompt": {"select_account login"}, "nonce": {"n1"}, "max_age": {"0"}, "approval_prompt": {"force"}, "code_challenge": {"c1"}, "code_challenge_method": {"S256"}}},
	}
	authReq := loginRequest(t, server)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := authReq
			tt.with(&a)
			link, err := url.Parse(server.beginAgainURL(a, "select_account login"))
			require.NoError(t, err)
			for name, value := range map[string]string{
				"client_id": "client", "redirect_uri": "https://client.example.org/cb", "scope": "openid offline_access", "response_type": "code", "state": "s1",
			} {
				tt.want.Set(name, value)
			}
			require.Equal(t, tt.want, link.Query())
			require.Equal(t, "/auth", link.Path)
		})
	}
}

// TestBeforeTheSecondFactorThePageSaysLittle: the words of the operator may tell something about the account.
func TestBeforeTheSecondFactorThePageSaysLittle(t *testing.T) {
	tests := []struct {
		name      string
		validated bool
		answer    *hookv1.ExtendPayloadResponse
		want      int
		wantPage  string
	}{
		{"before", false, refuse(), http.StatusForbidden, "<p>You cannot sign in here. (decision d1)</p>"},
		{"after", true, refuse(), http.StatusForbidden, "<p>Nobody signs in today. (decision d1)</p>"},
		{"a failure before", false, fail(), http.StatusServiceUnavailable, "<p>The sign-in could not be checked just now. Please try again later. (decision d1)</p>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := newHookedHandler(t, service{answer: tt.answer})
			server.MFAEnabled, server.DefaultMFAChain = true, []string{"totp"}
			require.NoError(t, server.Storage.CreateClient(t.Context(), storage.Client{ID: "client"}))
			authReq := loginRequest(t, server)
			request := httptest.NewRequest(http.MethodGet, "/callback?state=req", nil)
			if tt.validated {
				require.NoError(t, server.Storage.UpdateAuthRequest(t.Context(), "req", func(a storage.AuthRequest) (storage.AuthRequest, error) {
					a.LoggedIn, a.MFAValidated = true, true
					return a, nil
				}))
				request = httptest.NewRequest(http.MethodGet, server.buildContinueURL(authReq), nil)
			}
			w := httptest.NewRecorder()
			server.ServeHTTP(w, request)
			require.Equal(t, tt.want, w.Code)
			require.Contains(t, w.Body.String(), tt.wantPage)
		})
	}
}

// TestThePageIsATemplate: who changes Dex's templates changes the page.
func TestThePageIsATemplate(t *testing.T) {
	const ours = `{{ template "header.html" . }}<p>In our words: {{ .ErrMsg }}</p>`
	tests := []struct {
		name    string
		changed map[string]string // empty: not there
		want    string
		wantNot string
	}{
		{"Dex's own", nil, "Use another account", "In our words"},
		{"a changed one", map[string]string{"refused.html": ours + `<a href="{{ .Link }}">Try again</a>`}, "<p>In our words: Nobody signs in today. (decision d1)</p>", "Use another account"},
		{"a theme without it gets its error page", map[string]string{"refused.html": "", "error.html": ours}, "<p>In our words: Nobody signs in today. (decision d1)</p>", "<a "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := newRefusingHandler(t)
			loginRequest(t, server)
			theme := fstest.MapFS{}
			require.NoError(t, fs.WalkDir(dexweb.FS(), ".", func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				data, err := fs.ReadFile(dexweb.FS(), path)
				theme[path] = &fstest.MapFile{Data: data}
				return err
			}))
			for name, text := range tt.changed {
				if delete(theme, "templates/"+name); text != "" {
					theme["templates/"+name] = &fstest.MapFile{Data: []byte(text)}
				}
			}
			var err error
			//nolint:dogsled // only the templates are needed here
			_, _, _, server.Templates, err = templates.LoadWebConfig(templates.Config{WebFS: theme, IssuerURL: "http://dex.example.org"})
			require.NoError(t, err)

			w := httptest.NewRecorder()
			server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/callback?state=req", nil))
			require.Equal(t, http.StatusForbidden, w.Code)
			require.Contains(t, w.Body.String(), tt.want)
			require.NotContains(t, w.Body.String(), tt.wantNot)
			require.Contains(t, w.Body.String(), "theme/styles.css", "the header of the theme")
		})
	}
}
