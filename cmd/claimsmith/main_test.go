package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be claimsmith: tests start it again with the arguments of a command, and it starts itself again
// as sidecar, wrapper and plugin, as the real binary does. Scripts find it in PATH under its name.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		if os.Args[1] == "floor" {
			fmt.Fprintln(os.Stderr, serveFloor(os.Args[2])) // until it is killed
			os.Exit(1)
		}
		claimsmith()
	}
	testscript.Main(m, map[string]func(){"claimsmith": claimsmith})
}

func claimsmith() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
