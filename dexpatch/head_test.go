package dexpatch_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/claimsmith/claimsmith/dexpatch"
	"github.com/claimsmith/claimsmith/dexpatch/dextest"
)

// head builds the newest Dex that the edits are made for, which is no release, with the hook and without: of the checkout that
// CLAIMSMITH_DEX_SOURCE names, or from the module proxy if that gives it.
func head(t *testing.T) (hooked, stock string) {
	t.Helper()
	source := os.Getenv("CLAIMSMITH_DEX_SOURCE")
	versions := dexpatch.Versions()
	var built [2]string
	for i, plain := range []bool{false, true} {
		o := dexpatch.Options{Source: source, Version: versions[len(versions)-1].Name, NoCGO: true, Stock: plain, Progress: func(m string) { t.Log(m) }}
		var err error
		if source == "" {
			built[i], err = dexpatch.Cached(t.Context(), o)
		} else {
			o.Output = filepath.Join(t.TempDir(), "dex")
			built[i], err = o.Output, dexpatch.Build(t.Context(), o)
		}
		if errors.As(err, new(*dexpatch.NoDexError)) {
			t.Skipf("%v\nset CLAIMSMITH_DEX_SOURCE to a checkout of it", err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return built[0], built[1]
}

// TestHead runs the flows of the releases against HEAD, and those that only HEAD has: sessions, prompts and logout tokens.
func TestHead(t *testing.T) {
	if os.Getenv("CLAIMSMITH_CI") == "" {
		t.Skip("takes minutes: CLAIMSMITH_CI=1 go test -v -timeout 30m -run TestHead ./dexpatch runs it")
	}
	hooked, stock := head(t)
	t.Run("flows", func(t *testing.T) { testFlows(t, dextest.Options{Binary: hooked}, true) })
	t.Run("sessions", func(t *testing.T) { testSessionLogin(t, hooked) })
	t.Run("another account", func(t *testing.T) { testUseAnotherAccount(t, hooked) })
	t.Run("logout tokens", func(t *testing.T) { testLogoutTokens(t, hooked, stock) })
}
