package pluginhost

import "golang.org/x/sys/unix"

// This architecture has clone only.
const (
	auditArch   = unix.AUDIT_ARCH_AARCH64
	forkNumber  = unix.SYS_CLONE3
	vforkNumber = unix.SYS_CLONE3
)
