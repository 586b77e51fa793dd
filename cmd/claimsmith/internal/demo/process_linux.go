package demo

import "syscall"

// childAttributes gives a child a process group of its own, so that ^C reaches only us and we stop things in order, and lets the
// kernel kill it when we die.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
