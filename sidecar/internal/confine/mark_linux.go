package confine

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mark is the limit, in microseconds, by which any sidecar knows a plugin of any other, and what that started: processes inherit a hard limit
// and cannot raise it. It is one of real-time scheduling, which nobody else sets to as much and no plugin can have.
const mark = 1 << 40

func markPlugin() error {
	if _, err := limit(unix.RLIMIT_RTTIME, mark); err != nil {
		return fmt.Errorf("mark as a plugin: %w", err)
	}
	return nil
}

// Marked reports whether a process is a plugin of some sidecar, or was started by one. Of a process that cannot be seen it is not known.
func Marked(pid int) bool {
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return false
	}
	_, line, _ := bytes.Cut(limits, []byte("Max realtime timeout"))
	var soft, hard string
	var n uint64
	if _, err := fmt.Sscan(string(line), &soft, &hard); err != nil {
		return false
	}
	_, err = fmt.Sscan(hard, &n)
	return err == nil && n <= mark
}
