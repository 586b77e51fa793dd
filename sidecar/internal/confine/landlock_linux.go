package confine

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The file rules are made with the kernel's three calls directly: the wrapper is one thread that is about to become
// another program, so what a library would add, rules for all threads of a process that goes on, is not needed.

// Rights, in the order in which versions of the kernel learned them.
const (
	fileRead  = unix.LANDLOCK_ACCESS_FS_READ_FILE
	fileRun   = unix.LANDLOCK_ACCESS_FS_EXECUTE
	fileWrite = unix.LANDLOCK_ACCESS_FS_WRITE_FILE
	allOfOne  = 1<<13 - 1                         // execute ... make symbolic link
	refer     = unix.LANDLOCK_ACCESS_FS_REFER     // version 2
	truncate  = unix.LANDLOCK_ACCESS_FS_TRUNCATE  // version 3
	ioctlDev  = unix.LANDLOCK_ACCESS_FS_IOCTL_DEV // version 5
	ofFiles   = fileRead | fileRun | fileWrite | truncate | ioctlDev
	readTree  = fileRead | fileRun | unix.LANDLOCK_ACCESS_FS_READ_DIR
	writeTree = allOfOne&^(fileRun|unix.LANDLOCK_ACCESS_FS_MAKE_CHAR|unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK) | refer | truncate
)

// landlockVersion is what the kernel offers; 0 is nothing.
func landlockVersion() int {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

// ruleset is what a version is asked for, and how much of the structure it knows.
func ruleset(version int) (attr unix.LandlockRulesetAttr, size uintptr) {
	attr.Handled_access_fs, size = handled(version), unsafe.Offsetof(attr.Handled_access_net)
	if version >= 4 {
		attr.Handled_access_net, size = unix.LANDLOCK_ACCESS_NET_BIND_TCP|unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, unsafe.Offsetof(attr.Scoped)
	}
	if version >= 6 {
		attr.Scoped, size = unix.LANDLOCK_SCOPE_SIGNAL|unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, unsafe.Offsetof(attr.Quiet_access_fs)
	}
	return attr, size
}

// landlocked is what a version of Landlock keeps back.
func landlocked(version int, o orders) (c Report) {
	c.Files, c.TCP, c.Signals = version, version >= 4, version >= 6
	if c.TCP {
		c.Ports = o.Connect
	}
	return c
}

// confineReach keeps this thread, and what it becomes, to the files and TCP ports that it is given, and its signals to itself, as
// far as this version of Landlock can.
func confineReach(o orders, version int) error {
	attr, size := ruleset(version)
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return fmt.Errorf("file rules: %w", errno)
	}
	defer unix.Close(int(fd))
	for _, r := range []struct {
		paths  []string
		rights uint64
	}{{systemPaths[:], readTree}, {o.Readable, readTree}, {o.Writable, readTree | writeTree}, {[]string{os.DevNull}, fileRead | fileWrite | truncate}} {
		for _, path := range r.paths {
			if err := allow(int(fd), path, r.rights&attr.Handled_access_fs); err != nil {
				return fmt.Errorf("file rules: %s: %w", path, err)
			}
		}
	}
	if attr.Handled_access_net != 0 {
		for _, port := range o.Connect {
			if err := allowPort(int(fd), port); err != nil {
				return fmt.Errorf("rule for the port %d: %w", port, err)
			}
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, audited(version), 0); errno != 0 {
		return fmt.Errorf("file rules: %w", errno)
	}
	return nil
}

// audited are the flags with which the kernel tells its audit log, where that is on, what it refuses the program that this becomes: it would
// only tell of this one otherwise.
func audited(version int) uintptr {
	if version < 7 {
		return 0
	}
	return unix.LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON
}

// allowPort lets connections to a TCP port be made.
func allowPort(ruleset, port int) error {
	const netPort = 2 // LANDLOCK_RULE_NET_PORT
	attr := struct{ access, port uint64 }{unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, uint64(port)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), netPort, uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// handled are the rights that a version knows: all of them are denied unless a rule gives them.
func handled(version int) uint64 {
	rights := uint64(allOfOne)
	if version >= 2 {
		rights |= refer
	}
	if version >= 3 {
		rights |= truncate
	}
	if version >= 5 {
		rights |= ioctlDev
	}
	return rights
}

// allow gives rights on a file, or a directory and all in it. What does not exist needs no rule.
func allow(ruleset int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EACCES) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= ofFiles
	}
	attr := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
