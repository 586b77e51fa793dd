package state

import (
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/statetest"
)

var server statetest.Postgres

// postgresServer returns the address of a database of the test's own.
func postgresServer(t *testing.T) string {
	t.Helper()
	return server.Database(t)
}
