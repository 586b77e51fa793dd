package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// withParent ends the context when we were started by `go run` and it is gone: it does not hand SIGTERM on, and cannot hand
// SIGKILL on. A parent of any other kind, such as a shell, may end without us.
func withParent(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	parent := os.Getppid()
	exe, err := os.Readlink("/proc/" + strconv.Itoa(parent) + "/exe")
	if err != nil || filepath.Base(exe) != "go" {
		return ctx, cancel
	}
	go func() {
		defer cancel()
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for os.Getppid() == parent {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, cancel
}
