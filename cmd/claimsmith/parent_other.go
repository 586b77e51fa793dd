//go:build !linux

package main

import "context"

// withParent is for Linux only: elsewhere there is no simple way to know what the parent is.
func withParent(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}
