//go:build amd64 || arm64

package confine

import (
	"fmt"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of a plugin. All calls up to mseal were looked at one by one: what is not refused here reaches nothing but the
// process itself, what Landlock and the rights of files decide about, or what needs a capability, and a plugin has none. Calls
// that are newer do not exist for a plugin: nobody has looked at them, and programs have to get along without them anyway.
// A filter sees numbers, and neither paths nor what a pointer points at, so a call that could reach another file or
// process by its path or in a structure is refused as a whole.
const newest = unix.SYS_MSEAL

// callRule is what comes of some system calls: they go through when all checks hold. A rule without checks refuses them.
type callRule struct {
	errno  unix.Errno
	calls  []uint32
	checks []callCheck
}

// callCheck looks at one argument, of which the kernel takes 32 bits.
type callCheck struct {
	arg    uint32
	holds  checkKind
	values []uint32
	errno  unix.Errno
}

type checkKind int

const (
	oneOf   checkKind = iota // it is one of values
	noneOf                   // it is none of values
	allBits                  // it has the bits of values[0]
	noBits                   // it has none of the bits of values[0]
	notThis                  // under the mask values[0] it is not values[1]
)

// callRules are the rules for the process pid. A process with landlocked signals can only reach itself and its children with them.
func callRules(o orders, pid int, signals bool) []callRule {
	self := uint32(pid)
	rules := []callRule{
		// Programs take clone and openat instead: what these do stands in memory.
		{errno: unix.ENOSYS, calls: []uint32{unix.SYS_CLONE3, unix.SYS_OPENAT2}},
		// It does what any call does, past every filter.
		{errno: unix.ENOSYS, calls: []uint32{unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER}},
		{errno: unix.EPERM, calls: slices.Concat(forbiddenCalls[:], archForbidden[:])},
		// Of other processes not even limits and priorities. Go and Python ask for their own.
		{errno: unix.EPERM, calls: []uint32{unix.SYS_PRLIMIT64, unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_SETAFFINITY,
			unix.SYS_SCHED_SETATTR, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO},
			checks: []callCheck{{arg: 0, holds: oneOf, values: []uint32{0, self}, errno: unix.EPERM}}},
		// It ends with its host, its children are found under it, and it shares no processor for its own reasons.
		{calls: []uint32{unix.SYS_PRCTL}, checks: []callCheck{
			{arg: 0, holds: noneOf, values: []uint32{unix.PR_SET_PDEATHSIG, unix.PR_SCHED_CORE}, errno: unix.EPERM}}},
		// Whom a descriptor signals, and with what; leases keep others waiting.
		{calls: []uint32{unix.SYS_FCNTL}, checks: []callCheck{
			{arg: 1, holds: noneOf, values: []uint32{unix.F_SETOWN, unix.F_SETOWN_EX, unix.F_SETSIG, unix.F_SETLEASE, unix.F_NOTIFY}, errno: unix.EPERM}}},
		// Landlock knows TCP by its protocol: others that speak to the same ports are none. Fast open connects without being asked.
		{calls: []uint32{unix.SYS_SOCKET}, checks: []callCheck{
			{arg: 0, holds: oneOf, values: []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}, errno: unix.EAFNOSUPPORT},
			{arg: 2, holds: oneOf, values: []uint32{0, unix.IPPROTO_ICMP, unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_ICMPV6}, errno: unix.EPROTONOSUPPORT}}},
		{calls: []uint32{unix.SYS_SENDTO, unix.SYS_SENDMMSG}, checks: []callCheck{{arg: 3, holds: noBits, values: []uint32{unix.MSG_FASTOPEN}, errno: unix.EPERM}}},
		{calls: []uint32{unix.SYS_SENDMSG}, checks: []callCheck{{arg: 2, holds: noBits, values: []uint32{unix.MSG_FASTOPEN}, errno: unix.EPERM}}},
	}
	namespaces := callCheck{arg: 0, holds: noBits, errno: unix.EPERM, values: []uint32{unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS |
		unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET}}
	if o.Processes == 0 {
		rules = append(rules,
			callRule{errno: unix.EPERM, calls: archForks[:]},
			callRule{calls: []uint32{unix.SYS_CLONE}, checks: []callCheck{namespaces, {arg: 0, holds: allBits, values: []uint32{unix.CLONE_THREAD}, errno: unix.EPERM}}},
			callRule{calls: []uint32{unix.SYS_KILL}, checks: []callCheck{{arg: 0, holds: oneOf, values: []uint32{0, self}, errno: unix.EPERM}}},
			callRule{calls: []uint32{unix.SYS_TGKILL}, checks: []callCheck{{arg: 0, holds: oneOf, values: []uint32{self}, errno: unix.EPERM}}},
		)
	} else {
		notOurs := callCheck{arg: 0, holds: noBits, values: []uint32{unix.CLONE_PARENT}, errno: unix.EPERM} // it would be a child of the host
		rules = append(rules, callRule{calls: []uint32{unix.SYS_CLONE}, checks: []callCheck{namespaces, notOurs}})
	}
	if !signals { // by the id of a thread, which may be anybody's
		rules = append(rules, callRule{errno: unix.EPERM, calls: []uint32{unix.SYS_TKILL}})
	}
	if !o.Files {
		return rules
	}
	// A file that may be read can be opened, and what opens it can do all of this. What a program makes is its own anyway.
	truncates := func(arg uint32) []callCheck {
		return []callCheck{{arg: arg, holds: notThis, values: []uint32{unix.O_TRUNC | unix.O_ACCMODE, unix.O_TRUNC | unix.O_RDONLY}, errno: unix.EPERM}}
	}
	rules = append(rules,
		callRule{errno: unix.EPERM, calls: append([]uint32{
			unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT, unix.SYS_TRUNCATE,
		}, archFiles[:]...)},
		callRule{errno: unix.ENOTSUP, calls: []uint32{ // as on a file system that has none
			unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR, unix.SYS_GETXATTR, unix.SYS_LGETXATTR, unix.SYS_FGETXATTR,
			unix.SYS_LISTXATTR, unix.SYS_LLISTXATTR, unix.SYS_FLISTXATTR, unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR,
		}},
		callRule{calls: []uint32{unix.SYS_IOCTL}, checks: []callCheck{{arg: 1, holds: oneOf, values: ioctls[:], errno: unix.ENOTTY}}},
		callRule{calls: []uint32{unix.SYS_OPENAT}, checks: truncates(2)},
	)
	for _, open := range archOpen { // of the architectures that have it
		rules = append(rules, callRule{calls: []uint32{open}, checks: truncates(1)})
	}
	return rules
}

// forbiddenCalls reach other processes, the kernel itself, or what outlives the process.
var forbiddenCalls = [...]uint32{
	// other processes
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE, unix.SYS_PROCESS_MRELEASE, unix.SYS_KCMP,
	unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES, unix.SYS_GET_ROBUST_LIST, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL,
	unix.SYS_SETPRIORITY, unix.SYS_IOPRIO_SET, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
	unix.SYS_SETSID, unix.SYS_SETPGID, // whose children leave its group are not found
	// keys, and what is shared by name and stays
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SHMCTL, unix.SYS_SHMDT, unix.SYS_SEMGET, unix.SYS_SEMOP, unix.SYS_SEMTIMEDOP, unix.SYS_SEMCTL,
	unix.SYS_MSGGET, unix.SYS_MSGSND, unix.SYS_MSGRCV, unix.SYS_MSGCTL,
	unix.SYS_MQ_OPEN, unix.SYS_MQ_UNLINK, unix.SYS_MQ_TIMEDSEND, unix.SYS_MQ_TIMEDRECEIVE, unix.SYS_MQ_NOTIFY, unix.SYS_MQ_GETSETATTR,
	// namespaces and mounts
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_CHROOT, unix.SYS_PIVOT_ROOT, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_MOUNT_SETATTR, unix.SYS_MOVE_MOUNT,
	unix.SYS_OPEN_TREE, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_STATMOUNT, unix.SYS_LISTMOUNT,
	unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_FANOTIFY_INIT, unix.SYS_FANOTIFY_MARK, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
	// the machine
	unix.SYS_BPF, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_REBOOT,
	unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_SYSLOG, unix.SYS_VHANGUP, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME, unix.SYS_LSM_SET_SELF_ATTR,
	unix.SYS_LOOKUP_DCOOKIE, unix.SYS_NFSSERVCTL,
}

const fionbio, fioclex, fionclex = 0x5421, 0x5451, 0x5450

// ioctls are what runtimes ask: whether there is a terminal, how much is to be read, not to block, and names of interfaces. Others
// change files that are only open for reading, or are a door to a driver.
var ioctls = [...]uint32{
	unix.TCGETS, unix.TCGETS2, unix.TIOCGWINSZ, unix.TIOCGPGRP, unix.TIOCINQ, unix.TIOCOUTQ, fionbio, fioclex, fionclex,
	unix.SIOCGIFNAME, unix.SIOCGIFCONF, unix.SIOCGIFFLAGS, unix.SIOCGIFADDR, unix.SIOCGIFMTU, unix.SIOCGIFHWADDR, unix.SIOCGIFINDEX,
}

const (
	loadWord = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	jumpEq   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jumpMore = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
	jumpBits = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	andWith  = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	answer   = unix.BPF_RET | unix.BPF_K

	// Where the number, the architecture and the low half of the first argument are in struct seccomp_data.
	callNumber, callArch, callArgument = 0, 4, 16
)

func refuse(errno unix.Errno) unix.SockFilter {
	return unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ERRNO | uint32(errno)}
}

// compileCalls makes of rules what the kernel runs.
func compileCalls(rules []callRule) []unix.SockFilter {
	filter := []unix.SockFilter{
		{Code: loadWord, K: callArch},
		{Code: jumpEq, K: auditArch, Jt: 1},
		refuse(unix.ENOSYS), // calls of another architecture have other numbers
		{Code: loadWord, K: callNumber},
		{Code: jumpMore, K: newest, Jf: 1}, // also those of x32
		refuse(unix.ENOSYS),
	}
	for _, r := range rules {
		body := r.body()
		for _, call := range r.calls {
			filter = append(filter, unix.SockFilter{Code: jumpEq, K: call, Jf: uint8(len(body))})
			filter = append(filter, body...)
		}
	}
	return append(filter, unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ALLOW})
}

// body answers a call of r.
func (r callRule) body() (body []unix.SockFilter) {
	if len(r.checks) == 0 {
		return []unix.SockFilter{refuse(r.errno)}
	}
	for _, c := range r.checks {
		body = append(body, unix.SockFilter{Code: loadWord, K: callArgument + 8*c.arg})
		switch last := len(c.values) - 1; c.holds {
		case oneOf:
			for i, v := range c.values {
				body = append(body, unix.SockFilter{Code: jumpEq, K: v, Jt: uint8(last - i + 1)})
			}
		case noneOf:
			for i, v := range c.values {
				jump := unix.SockFilter{Code: jumpEq, K: v, Jt: uint8(last - i)}
				if i == last {
					jump.Jf = 1
				}
				body = append(body, jump)
			}
		case allBits:
			body = append(body, unix.SockFilter{Code: jumpBits, K: c.values[0], Jt: 1}) // one bit
		case noBits:
			body = append(body, unix.SockFilter{Code: jumpBits, K: c.values[0], Jf: 1})
		case notThis:
			body = append(body, unix.SockFilter{Code: andWith, K: c.values[0]}, unix.SockFilter{Code: jumpEq, K: c.values[1], Jf: 1})
		}
		body = append(body, refuse(c.errno))
	}
	return append(body, unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ALLOW})
}

// confineCalls keeps this thread, and what it becomes, to the system calls of a plugin.
func confineCalls(o orders, signals bool) error {
	filter := compileCalls(callRules(o, os.Getpid(), signals))
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return fmt.Errorf("system calls: %w", err)
	}
	return nil
}
