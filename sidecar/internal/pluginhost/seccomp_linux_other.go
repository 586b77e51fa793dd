//go:build linux && !amd64 && !arm64

package pluginhost

import "errors"

// forbidProcesses has no filter for this architecture.
func forbidProcesses() error { return errors.New("other processes: not kept back on this processor") }
