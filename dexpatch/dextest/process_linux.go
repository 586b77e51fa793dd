package dextest

import (
	"os/exec"
	"syscall"
)

// dieWithUs keeps a killed test from leaving Dex behind.
func dieWithUs(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
