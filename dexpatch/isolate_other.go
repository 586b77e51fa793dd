//go:build !linux

package dexpatch

import (
	"os/exec"
	"syscall"
	"time"
)

// isolate makes a command and what it starts end with its context.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
}
