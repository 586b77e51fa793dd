package pluginhost

import "golang.org/x/sys/unix"

const (
	auditArch   = unix.AUDIT_ARCH_X86_64
	forkNumber  = unix.SYS_FORK
	vforkNumber = unix.SYS_VFORK
)
