package synologysso

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dexidp/dex/connector"
	"github.com/dexidp/dex/connector/oidc"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/claimsmith/claimsmith/plugins/synology/dsmtest"
)

// connectorConfig is the connector of dex.yaml, read as Dex reads it into its own type; a key that Dex does not know is an error.
func connectorConfig(t *testing.T) oidc.Config {
	t.Helper()
	text, err := fs.ReadFile(Files, "dex.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Connectors []struct {
			Type   string
			Config map[string]any
		}
	}
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Connectors) != 1 || document.Connectors[0].Type != "oidc" {
		t.Fatalf("connectors %+v", document.Connectors)
	}
	asJSON, err := json.Marshal(document.Connectors[0].Config)
	if err != nil {
		t.Fatal(err)
	}
	var c oidc.Config
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Dex's own connector, configured as in dex.yaml, signs somebody in at the emulated SSO Server, with groups in both forms.
func TestDexSignsPeopleInAtTheSSOServer(t *testing.T) {
	for domain, groups := range map[string][]string{"": {"family", "users"}, "example.com": {"family@example.com", "users@example.com"}} {
		t.Run("groups of "+domain, func(t *testing.T) {
			c := connectorConfig(t)
			nas, err := dsmtest.Start(dsmtest.Options{
				Accounts: []dsmtest.Account{{Name: "mum", Email: "mum@example.org", Password: "hers", Groups: []string{"family"}}},
				Server:   &dsmtest.SSOServer{ClientID: c.ClientID, ClientSecret: "s3cret", RedirectURI: c.RedirectURI, GroupDomain: domain},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer nas.Close()
			ca := filepath.Join(t.TempDir(), "ca.pem")
			if err := os.WriteFile(ca, nas.CA(), 0o600); err != nil {
				t.Fatal(err)
			}
			c.Issuer, c.ClientSecret, c.RootCAs = nas.SSOIssuer(), "s3cret", []string{ca}
			opened, err := c.Open("nas", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			dex := opened.(connector.CallbackConnector)
			scopes := connector.Scopes{Groups: true}
			address, data, err := dex.LoginURL(scopes, c.RedirectURI, "a-state")
			if err != nil {
				t.Fatal(err)
			}
			back := signIn(t, nas, address)
			got, err := dex.HandleCallback(scopes, data, httpRequest(t, back))
			if err != nil {
				t.Fatal(err)
			}
			got.ConnectorData = nil
			want := connector.Identity{
				UserID: "mum", Username: "mum", PreferredUsername: "mum", Email: "mum@example.org", EmailVerified: true, Groups: groups,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// signIn types name and password into the page at address, and returns where the browser is sent.
func signIn(t *testing.T, nas *dsmtest.NAS, address string) string {
	t.Helper()
	form := url.Values{"account": {"mum"}, "passwd": {"hers"}}.Encode()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := nas.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.Header.Get("Location")
}

func httpRequest(t *testing.T, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
