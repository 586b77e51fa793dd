package dexpatch_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/dexpatch"
	"github.com/claimsmith/claimsmith/dexpatch/dextest"
)

// TestReleases builds each Dex whose sources are given, and runs the flows against it. CLAIMSMITH_DEX_SOURCES is a list of
// folders, separated like PATH: checkouts of releases, which the module proxy does not serve.
func TestReleases(t *testing.T) {
	sources := filepath.SplitList(os.Getenv("CLAIMSMITH_DEX_SOURCES"))
	if len(sources) == 0 {
		t.Log("CLAIMSMITH_DEX_SOURCES names no checkout of a release; the shapes of the releases are tested on testdata/shapes only")
	}
	for _, source := range sources {
		t.Run(filepath.Base(source), func(t *testing.T) {
			binary := filepath.Join(t.TempDir(), "dex")
			if err := dexpatch.Build(t.Context(), dexpatch.Options{Source: source, Output: binary}); err != nil {
				t.Fatal(err)
			}
			testFlows(t, binary, old)
		})
	}
}

// old is set for releases, which have no client credentials and no sessions.
const old = true

// testFlows runs the flows that every supported Dex has.
func testFlows(t *testing.T, binary string, old bool) {
	sidecar := serve(t)
	config := hooked(sidecar)
	if old { // the device flow of a client with a secret needs an issuer without a path there
		config = strings.Replace(config, "name: NAS,", "name: NAS, public: true,", 1)
	}
	dex := dextest.Start(t, dextest.Options{Config: config, Args: []string{"--require-claims-hook"}, Binary: binary})
	t.Run("claims of every grant", func(t *testing.T) { testGrants(t, dex, sidecar, old) })
	t.Run("login", func(t *testing.T) { testLogin(t, dex, sidecar) })
	t.Run("token endpoint", func(t *testing.T) { testTokenEndpoint(t, dex, sidecar, old) })
	t.Run("discovery", func(t *testing.T) { testDiscovery(t, dex) })
	t.Run("nobody loses a login", func(t *testing.T) { testConsumesNothing(t, dex, sidecar) })
	t.Run("a device learns of a refusal", func(t *testing.T) { testRefusedDevice(t, dex, sidecar) })
	t.Run("refresh", func(t *testing.T) { testRefresh(t, dex, sidecar) })
}
