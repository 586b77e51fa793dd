//go:build amd64 || arm64

package pluginhost

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forbidProcesses lets this thread, and what it becomes, start threads and no processes. A program cannot leave behind what
// it cannot start.
func forbidProcesses() error {
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		least = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		set   = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		ret   = unix.BPF_RET | unix.BPF_K

		number, arch, argument = 0, 4, 16 // in struct seccomp_data; the low half of the first argument

		let     = unix.SECCOMP_RET_ALLOW
		refuse  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
		unknown = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	)
	filter := []unix.SockFilter{
		{Code: load, K: arch},
		{Code: equal, K: auditArch, Jt: 1},
		{Code: ret, K: unknown}, // calls of another architecture
		{Code: load, K: number},
		{Code: least, K: 0x40000000, Jf: 1},
		{Code: ret, K: unknown}, // and those of x32
		// The flags of clone3 are in memory, where a filter cannot look: programs then take clone.
		{Code: equal, K: unix.SYS_CLONE3, Jf: 1},
		{Code: ret, K: unknown},
		{Code: equal, K: forkNumber, Jf: 1},
		{Code: ret, K: refuse},
		{Code: equal, K: vforkNumber, Jf: 1},
		{Code: ret, K: refuse},
		{Code: equal, K: unix.SYS_CLONE, Jt: 1},
		{Code: ret, K: let},
		{Code: load, K: argument},
		{Code: set, K: unix.CLONE_THREAD, Jt: 1},
		{Code: ret, K: refuse},
		{Code: ret, K: let},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return fmt.Errorf("no other processes: %w", err)
	}
	return nil
}
