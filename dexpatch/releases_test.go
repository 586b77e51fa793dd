package dexpatch_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/dexpatch"
	"github.com/claimsmith/claimsmith/dexpatch/dextest"
)

// sources are the folders that CLAIMSMITH_DEX_SOURCES lists, separated like PATH: checkouts of releases and of commits between
// them, which the module proxy does not serve.
func sources(t *testing.T) []string {
	t.Helper()
	list := filepath.SplitList(os.Getenv("CLAIMSMITH_DEX_SOURCES"))
	if len(list) == 0 {
		t.Log("CLAIMSMITH_DEX_SOURCES names no checkout of Dex; only the shape of the pinned one is tested")
	}
	return list
}

// TestReleases builds each Dex whose sources are given, and runs the flows against it.
func TestReleases(t *testing.T) {
	for _, source := range sources(t) {
		t.Run(filepath.Base(source), func(t *testing.T) {
			binary := filepath.Join(t.TempDir(), "dex")
			if err := dexpatch.Build(t.Context(), dexpatch.Options{Source: source, Output: binary}); err != nil {
				t.Fatal(err)
			}
			testFlows(t, binary, !knows(t, source, "client_credentials"))
		})
	}
}

// knows reports whether the server of a Dex has a word in one of its files.
func knows(t *testing.T, source, word string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(filepath.Join(source, "server"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		found = found || strings.Contains(string(data), word)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestHistory tries every fifth commit since v2.45.0 in each source that is a clone with a history.
func TestHistory(t *testing.T) {
	for _, source := range sources(t) {
		if _, err := os.Stat(filepath.Join(source, ".git")); err != nil {
			continue
		}
		commits, err := dexpatch.Survey(t.Context(), source, time.Date(2026, 2, 23, 0, 0, 0, 0, time.UTC), 5)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range commits {
			if c.Err != nil && (c.Date.Format(time.DateOnly) != halfDone || c.Problem() != noIssuer) {
				t.Errorf("%s: %s of %s: %s", source, c.Commit, c.Date.Format(time.DateOnly), c.Problem())
			}
		}
	}
}

// On one day Dex's device handler could exchange a code and not sign, so that nothing can be asked before the code is gone.
const (
	halfDone = "2026-07-16"
	noIssuer = "server/device/device.go, func completeDeviceAuthorization: 0 instead of 1 of: " +
		"auth, withRefresh, err := grants.ExchangeAuthCode(ctx, h.Storage, h.Connectors, h.Logger, authCode, client)"
)

// testFlows runs the flows that every supported Dex has. The old ones have no client credentials and no sessions.
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
