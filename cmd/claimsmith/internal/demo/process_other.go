//go:build unix && !linux

package demo

import "syscall"

// childAttributes gives a child a process group of its own, so that ^C reaches only us and we stop things in order.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
