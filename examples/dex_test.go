package examples

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	claimshook "github.com/claimsmith/claimsmith/dexpatch/hook"
)

// dexConfig is the part of Dex's configuration that the examples use. Dex's own type is in its main package and cannot be
// imported; decoding is strict here, so a key that is not spelled as Dex spells it (see cmd/dex/config.go there) is found.
type dexConfig struct {
	Issuer  string `json:"issuer"`
	Storage struct {
		Type   string `json:"type"`
		Config *struct {
			File string `json:"file"`
		} `json:"config"`
	} `json:"storage"`
	Web struct {
		HTTP           string   `json:"http"`
		AllowedOrigins []string `json:"allowedOrigins"`
	} `json:"web"`
	Logger struct {
		Level         string   `json:"level"`
		Format        string   `json:"format"`
		ExcludeFields []string `json:"excludeFields"`
	} `json:"logger"`
	OAuth2 struct {
		SkipApprovalScreen bool `json:"skipApprovalScreen"`
	} `json:"oauth2"`
	Expiry struct {
		IDTokens string `json:"idTokens"`
	} `json:"expiry"`
	Frontend struct {
		Issuer string `json:"issuer"`
	} `json:"frontend"`
	Connectors       []dexConnector `json:"connectors"`
	StaticClients    []dexClient    `json:"staticClients"`
	EnablePasswordDB bool           `json:"enablePasswordDB"`
	StaticPasswords  []dexPassword  `json:"staticPasswords"`
	Signer           struct {
		Type   string             `json:"type"`
		Config *claimshook.Config `json:"config"` // the hook's own type, which is strict itself
	} `json:"signer"`
}

type dexConnector struct {
	Type   string          `json:"type"`
	ID     string          `json:"id"`
	Name   string          `json:"name"`
	Config json.RawMessage `json:"config"`
}

type dexClient struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	Secret       string   `json:"secret"`
	SecretEnv    string   `json:"secretEnv"`
	RedirectURIs []string `json:"redirectURIs"`
}

type dexPassword struct {
	Email         string `json:"email"`
	Username      string `json:"username"`
	UserID        string `json:"userID"`
	Hash          string `json:"hash"`
	EmailVerified *bool  `json:"emailVerified"`
}

// googleConfig and oidcConfig are what the examples use of Dex's connectors of these types.
type googleConfig struct {
	ClientID     string `json:"clientID"`
	ClientSecret string `json:"clientSecret"`
	RedirectURI  string `json:"redirectURI"`
}

type oidcConfig struct {
	googleConfig
	Issuer                    string            `json:"issuer"`
	Scopes                    []string          `json:"scopes"`
	RootCAs                   []string          `json:"rootCAs"`
	BasicAuthUnsupported      bool              `json:"basicAuthUnsupported"`
	InsecureSkipEmailVerified bool              `json:"insecureSkipEmailVerified"`
	InsecureEnableGroups      bool              `json:"insecureEnableGroups"`
	UserNameKey               string            `json:"userNameKey"`
	ClaimMapping              map[string]string `json:"claimMapping"`
}

// readDex reads a configuration of Dex as Dex does: YAML becomes JSON, JSON becomes the struct.
func readDex(file string) (c dexConfig, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		return c, err
	}
	asJSON, err := json.Marshal(document)
	if err != nil {
		return c, err
	}
	if err := strict(asJSON, &c); err != nil {
		return c, err
	}
	for _, connector := range c.Connectors {
		if err := connector.decode(); err != nil {
			return c, fmt.Errorf("connector %s: %w", connector.ID, err)
		}
	}
	return c, nil
}

func strict(data []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(v)
}

func (c dexConnector) decode() error {
	switch c.Type {
	case "google":
		return strict(c.Config, new(googleConfig))
	case "oidc":
		return strict(c.Config, new(oidcConfig))
	default:
		return fmt.Errorf("no example uses the type %q so far", c.Type)
	}
}

func TestEveryDexConfigurationCanBeRead(t *testing.T) {
	files := dexFiles(t)
	if len(files) == 0 {
		t.Error("no configuration of Dex")
	}
	for _, file := range files {
		c, err := readDex(file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if c.Issuer == "" || c.Storage.Type == "" || c.Web.HTTP == "" || len(c.StaticClients) == 0 {
			t.Errorf("%s: issuer, storage, web or staticClients is missing", file)
		}
		for _, client := range c.StaticClients {
			if (client.Secret == "") == (client.SecretEnv == "") {
				t.Errorf("%s: client %s needs secret or secretEnv", file, client.ID)
			}
		}
		for _, personal := range []string{"email", "username", "preferred_username", "groups", "user", "user_id"} {
			if !slices.Contains(c.Logger.ExcludeFields, personal) {
				t.Errorf("%s: logger.excludeFields lets %s into the log", file, personal)
			}
		}
	}
}

// dexFiles returns the files of the examples with an issuer at the top level, which only Dex has.
func dexFiles(t *testing.T) (found []string) {
	t.Helper()
	files, err := filepath.Glob("*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile(`(?m)^issuer:`).Match(text) {
			found = append(found, file)
		}
	}
	return found
}

func TestTheHouseholdAtHomeDiffersFromTheDemoInGoogle(t *testing.T) {
	demo, err := readDex("household/dex.yaml")
	if err != nil {
		t.Fatal(err)
	}
	home, err := readDex("household/dex-google.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := home.Connectors[0].Type; got != "google" {
		t.Errorf("the connector's type is %q", got)
	}
	if home.Signer.Config == nil || demo.Signer.Config == nil {
		t.Fatal("the signer claimsHook is missing")
	}
	if !slices.Equal(home.Signer.Config.Clients, demo.Signer.Config.Clients) || home.Signer.Config.Address != demo.Signer.Config.Address {
		t.Errorf("claimsHook: %+v at home, %+v in the demo", *home.Signer.Config, *demo.Signer.Config)
	}
	if home.Connectors[0].ID != demo.Connectors[0].ID || home.StaticClients[0].ID != demo.StaticClients[0].ID {
		t.Error("the rules name a connector and a client that are not in both files")
	}
}
