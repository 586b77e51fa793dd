package links

import (
	"os"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/statetest"
)

var server statetest.Postgres

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	os.Exit(code)
}
