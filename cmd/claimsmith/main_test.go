package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMain lets the test binary be claimsmith: tests start it again with the arguments of a command, and it starts itself again
// as sidecar, wrapper and plugin, as the real binary does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		if os.Args[1] == "floor" {
			fmt.Fprintln(os.Stderr, serveFloor(os.Args[2])) // until it is killed
			os.Exit(1)
		}
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}
