package links

import (
	"os"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/internal/state/statetest"
)

var server statetest.Postgres

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	os.Exit(code)
}
