package sidecar

import "time"

// EndCalls makes calls of the hook last no longer.
func EndCalls(after time.Duration) func(*Options) {
	return func(o *Options) { o.longestCall = after }
}

// AgeConnections makes connections over a network last no longer.
func AgeConnections(after time.Duration) func(*Options) {
	return func(o *Options) { o.connectionAge = after }
}
