//go:build unix && !linux

package confine

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// landlockVersion is that of a kernel without it.
func landlockVersion() int { return 0 }

// confine applies what there is beside Linux: the number of descriptors.
func confine(o orders) (c Report, err error) {
	if o.Descriptors > 0 {
		n, err := limit(unix.RLIMIT_NOFILE, uint64(o.Descriptors))
		if err != nil {
			return c, fmt.Errorf("descriptors: %w", err)
		}
		c.Descriptors = int(n)
	}
	c.Why = "this system has no file rules"
	return c, nil
}
