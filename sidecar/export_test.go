package sidecar

import "time"

// AgeConnections makes connections over a network last no longer.
func AgeConnections(after time.Duration) func(*Options) {
	return func(o *Options) { o.connectionAge = after }
}
