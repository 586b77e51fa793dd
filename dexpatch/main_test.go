package dexpatch_test

import (
	"os"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/statetest"
)

// databases is the PostgreSQL in which a Dex of these tests keeps what it knows.
var databases statetest.Postgres

func TestMain(m *testing.M) {
	code := m.Run()
	databases.Stop()
	os.Exit(code)
}
