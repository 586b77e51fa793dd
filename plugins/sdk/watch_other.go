//go:build !linux

package sdk

import (
	"os"
	"time"
)

// watchHost ends this process when its host has died.
func watchHost() {
	go func() {
		lostHost(os.Getppid, time.Tick(time.Second))
		os.Exit(1)
	}()
}
