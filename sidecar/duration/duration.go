// Package duration writes durations as people do. Reports, hints and messages of all commands use it.
package duration

import (
	"strings"
	"time"
)

// Short writes a duration without the units that are zero at its end: 10m and not 10m0s, 1h and not 1h0m0s.
func Short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
