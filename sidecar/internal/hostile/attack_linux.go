//go:build amd64 || arm64

package hostile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Attack tries one thing, a verb and what it is pointed at: "read /a/b", "signal 17", "call bpf". It returns how that went:
// "done", "refused", or in words what it found.
func Attack(what string) string {
	verb, arg, _ := strings.Cut(what, " ")
	pid, _ := parsePID(arg)
	if try, ok := onFiles[verb]; ok {
		return outcomeOf(try(arg))
	}
	if try, ok := onProcesses[verb]; ok {
		return outcomeOf(try(pid))
	}
	if try, ok := onNetwork[verb]; ok {
		return outcomeOf(try(arg))
	}
	if look, ok := looks[verb]; ok {
		return look(arg)
	}
	return "no such attack: " + verb
}

func parsePID(arg string) (pid int, err error) {
	_, err = fmt.Sscan(arg, &pid)
	return pid, err
}

// opened does something to a file that is open for reading only.
func opened(file string, f func(fd int) error) error {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(fd)
}

var onFiles = map[string]func(file string) error{
	"read":   func(file string) error { _, err := os.ReadFile(file); return err },
	"list":   func(file string) error { _, err := os.ReadDir(file); return err },
	"write":  func(file string) error { return os.WriteFile(file, []byte("x"), 0o600) },
	"remove": os.Remove,
	"link":   func(file string) error { return os.Link(file, filepath.Join(os.Getenv("HOME"), "stolen")) }, // moved to where it may read
	"own": func(name string) error { // a file of its own, where it may
		return os.WriteFile(filepath.Join(os.Getenv("HOME"), name), make([]byte, 1<<20), 0o600)
	},
	"rewrite": func(string) error {
		program, err := os.Readlink("/proc/self/exe")
		if err != nil {
			return err
		}
		return os.WriteFile(program, []byte("x"), 0o700)
	},
	"truncate": func(file string) error { return unix.Truncate(file, 0) },
	"cut": func(file string) error {
		fd, err := unix.Open(file, unix.O_RDONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0)
		if err == nil {
			_ = unix.Close(fd)
		}
		return err
	},
	"chmod":  func(file string) error { return unix.Chmod(file, 0o666) },
	"fchmod": func(file string) error { return opened(file, func(fd int) error { return unix.Fchmod(fd, 0o666) }) },
	"chmod2": func(file string) error {
		name, err := unix.BytePtrFromString(file)
		if err != nil {
			return err
		}
		dir := unix.AT_FDCWD
		_, _, errno := unix.Syscall6(unix.SYS_FCHMODAT2, uintptr(dir), uintptr(unsafe.Pointer(name)), 0o666, 0, 0, 0)
		return orNil(errno)
	},
	"chown": func(file string) error { return unix.Lchown(file, os.Getuid(), os.Getgid()) },
	"fchown": func(file string) error {
		return opened(file, func(fd int) error { return unix.Fchown(fd, os.Getuid(), os.Getgid()) })
	},
	"times": func(file string) error { return os.Chtimes(file, time.Unix(1, 0), time.Unix(1, 0)) },
	"attribute": func(file string) error {
		return unix.Setxattr(file, "user.claimsmith", []byte("x"), 0)
	},
	"look": func(file string) error {
		_, err := unix.Listxattr(file, nil)
		return err
	},
	"flags": func(file string) error {
		return opened(file, func(fd int) error {
			var none int32
			_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.FS_IOC_SETFLAGS, uintptr(unsafe.Pointer(&none)))
			return orNil(errno)
		})
	},
	"lease": func(file string) error {
		return opened(file, func(fd int) error { _, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK); return err })
	},
	"stat": func(file string) error { _, err := os.Stat(file); return err },
	"watch": func(file string) error {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		_, err = unix.InotifyAddWatch(fd, file, unix.IN_ALL_EVENTS)
		return err
	},
}

var onProcesses = map[string]func(pid int) error{
	"kill":   func(pid int) error { return unix.Kill(pid, unix.SIGTERM) },
	"signal": func(pid int) error { return unix.Kill(pid, 0) },
	"thread": func(pid int) error { return unix.Tgkill(pid, pid, 0) },
	"task": func(pid int) error {
		_, _, errno := unix.Syscall(unix.SYS_TKILL, uintptr(pid), 0, 0)
		return orNil(errno)
	},
	"queue": func(pid int) error {
		info := [32]int32{int32(unix.SIGURG), 0, -1} // SI_QUEUE
		_, _, errno := unix.Syscall(unix.SYS_RT_SIGQUEUEINFO, uintptr(pid), uintptr(unix.SIGURG), uintptr(unsafe.Pointer(&info)))
		return orNil(errno)
	},
	"sigio": func(pid int) error { // a descriptor that signals somebody else
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(pair[0])
		defer unix.Close(pair[1])
		_, err = unix.FcntlInt(uintptr(pair[0]), unix.F_SETOWN, pid)
		return err
	},
	"pidfd": func(pid int) error {
		fd, err := unix.PidfdOpen(pid, 0)
		if err == nil {
			_ = unix.Close(fd)
		}
		return err
	},
	"trace": unix.PtraceSeize,
	"look-into": func(pid int) error {
		var b [8]byte
		local := []unix.Iovec{{Base: &b[0], Len: 8}}
		_, err := unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: 0, Len: 8}}, 0)
		return err
	},
	"limit": func(pid int) error { // a second of processor time would end it
		return unix.Prlimit(pid, unix.RLIMIT_CPU, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}, nil)
	},
	"limits": func(pid int) error { return unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, new(unix.Rlimit)) },
	"renice": func(pid int) error {
		now, err := unix.Getpriority(unix.PRIO_PROCESS, pid)
		if err != nil {
			return err
		}
		return unix.Setpriority(unix.PRIO_PROCESS, pid, 20-now)
	},
	"pin": func(pid int) error {
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(pid, &set); err != nil {
			return err
		}
		return unix.SchedSetaffinity(pid, &set)
	},
	"disk-priority": func(pid int) error {
		const process, idle = 1, 3 << 13
		_, _, errno := unix.Syscall(unix.SYS_IOPRIO_SET, process, uintptr(pid), idle)
		return orNil(errno)
	},
}

var onNetwork = map[string]func(addr string) error{
	"tcp": func(addr string) error { return dialled("tcp", addr) },
	"udp": func(addr string) error { return dialled("udp", addr) },
	"connect": func(socket string) error {
		return dialled("unix", socket)
	},
	"listen": func(addr string) error {
		l, err := net.Listen("tcp", addr)
		if err == nil {
			_ = l.Close()
		}
		return err
	},
	"mptcp": func(addr string) error { return by(addr, unix.IPPROTO_MPTCP, nil) },
	"sctp":  func(addr string) error { return by(addr, unix.IPPROTO_SCTP, nil) },
	"fast-open": func(addr string) error {
		return by(addr, unix.IPPROTO_TCP, func(fd int, to unix.Sockaddr) error { return unix.Sendto(fd, []byte("x"), unix.MSG_FASTOPEN, to) })
	},
	"vsock": func(string) error {
		fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			_ = unix.Close(fd)
		}
		return err
	},
	// A server that lets somebody in says something at once in HTTP/2; one that does not hangs up.
	"ask": func(socket string) error {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, err = io.ReadFull(conn, make([]byte, 1))
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return unix.EPERM
		}
		return err
	},
}

func dialled(network, addr string) error {
	c, err := net.DialTimeout(network, addr, 10*time.Second)
	if err == nil {
		_ = c.Close()
	}
	return err
}

// by connects to a port of this machine with another protocol than TCP, or in another way.
func by(addr string, protocol int, send func(int, unix.Sockaddr) error) error {
	to, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	at := &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}
	if send != nil {
		return send(fd, at)
	}
	return unix.Connect(fd, at)
}

// looks are attacks that tell more than whether they succeeded.
var looks = map[string]func(arg string) string{
	"call":  func(name string) string { return called(name) },
	"spawn": func(string) string { return outcomeOf(exec.Command("/bin/sleep", "600").Start()) },
	"fork": func(string) string {
		_, _, errno := syscall.RawSyscall(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0)
		return outcomeOf(orNil(errno))
	},
	"session": func(string) string { _, err := unix.Setsid(); return outcomeOf(err) },
	"bomb":    func(string) string { return bomb() },
	"root":    func(string) string { return outcomeOf(syscall.Setuid(0)) },
	"borrow": func(arg string) string { // a program that runs as its owner, and what it is to be run with
		command := strings.Fields(arg)
		out, err := exec.Command(command[0], command[1:]...).Output()
		if err != nil {
			return outcomeOf(err)
		}
		return "user " + string(out)
	},
	"who": func(string) string {
		r, e, s := unix.Getresuid()
		rg, eg, sg := unix.Getresgid()
		groups, _ := os.Getgroups()
		return fmt.Sprint(r, e, s, rg, eg, sg, groups)
	},
	"user": func(string) string { return fmt.Sprint(os.Geteuid()) },
	"terminal": func(string) string {
		if sid, _ := unix.Getsid(0); sid != os.Getpid() {
			return "that of its host"
		}
		return "none"
	},
	"outlive": func(string) string { return outcomeOf(unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0)) },
	"descriptors": func(string) string {
		var all []int
		defer func() {
			for _, fd := range all {
				_ = unix.Close(fd)
			}
		}()
		for len(all) < 100_000 {
			fd, err := unix.Dup(1)
			if err != nil {
				return outcomeOf(err)
			}
			all = append(all, fd)
		}
		return fmt.Sprintf("%d descriptors", len(all))
	},
	"memory": func(string) string {
		defer debug.SetGCPercent(debug.SetGCPercent(-1))
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 40)) // what the environment says is only a wish
		var all [][]byte
		defer func() {
			for _, b := range all {
				_ = unix.Munmap(b)
			}
		}()
		for range 4 << 10 {
			b, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
			if err != nil {
				return outcomeOf(err)
			}
			all = append(all, b)
		}
		return fmt.Sprintf("%d MiB", len(all))
	},
	"privileges": func(string) string {
		v, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
		if err == nil && v == 1 {
			return "no new ones"
		}
		return "new ones"
	},
	"capabilities": func(string) string {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var held [2]unix.CapUserData
		if err := unix.Capget(&header, &held[0]); err != nil {
			return outcomeOf(err)
		}
		if held != [2]unix.CapUserData{} {
			return fmt.Sprintf("%x", held)
		}
		return "none"
	},
	"wish": func(string) string { return os.Getenv("GOMEMLIMIT") },
	"core": func(string) string {
		var l unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_CORE, &l); err != nil {
			return outcomeOf(err)
		}
		return fmt.Sprintf("core %d %d", l.Cur, l.Max)
	},
	"spin": func(string) string {
		var l unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_CPU, &l); err != nil {
			return outcomeOf(err)
		}
		if l.Cur == unix.RLIM_INFINITY {
			return "done"
		}
		return "limited"
	},
}

// Calls are system calls that no plugin needs, by name.
var Calls = map[string]uintptr{
	"add_key": unix.SYS_ADD_KEY, "request_key": unix.SYS_REQUEST_KEY, "keyctl": unix.SYS_KEYCTL,
	"io_uring_setup": unix.SYS_IO_URING_SETUP, "bpf": unix.SYS_BPF, "perf_event_open": unix.SYS_PERF_EVENT_OPEN, "userfaultfd": unix.SYS_USERFAULTFD,
	"unshare": unix.SYS_UNSHARE, "setns": unix.SYS_SETNS, "clone3": unix.SYS_CLONE3, "openat2": unix.SYS_OPENAT2,
	"mount": unix.SYS_MOUNT, "umount2": unix.SYS_UMOUNT2, "pivot_root": unix.SYS_PIVOT_ROOT, "chroot": unix.SYS_CHROOT,
	"fsopen": unix.SYS_FSOPEN, "open_tree": unix.SYS_OPEN_TREE, "move_mount": unix.SYS_MOVE_MOUNT, "mount_setattr": unix.SYS_MOUNT_SETATTR,
	"statmount": unix.SYS_STATMOUNT, "listmount": unix.SYS_LISTMOUNT,
	"init_module": unix.SYS_INIT_MODULE, "finit_module": unix.SYS_FINIT_MODULE, "delete_module": unix.SYS_DELETE_MODULE,
	"kexec_load": unix.SYS_KEXEC_LOAD, "reboot": unix.SYS_REBOOT, "swapon": unix.SYS_SWAPON, "swapoff": unix.SYS_SWAPOFF, "acct": unix.SYS_ACCT,
	"syslog": unix.SYS_SYSLOG, "settimeofday": unix.SYS_SETTIMEOFDAY, "clock_settime": unix.SYS_CLOCK_SETTIME, "adjtimex": unix.SYS_ADJTIMEX,
	"sethostname": unix.SYS_SETHOSTNAME, "setdomainname": unix.SYS_SETDOMAINNAME, "quotactl": unix.SYS_QUOTACTL,
	"fanotify_init": unix.SYS_FANOTIFY_INIT, "name_to_handle_at": unix.SYS_NAME_TO_HANDLE_AT, "open_by_handle_at": unix.SYS_OPEN_BY_HANDLE_AT,
	"shmget": unix.SYS_SHMGET, "semget": unix.SYS_SEMGET, "semctl": unix.SYS_SEMCTL, "msgsnd": unix.SYS_MSGSND, "mq_unlink": unix.SYS_MQ_UNLINK,
	"process_madvise": unix.SYS_PROCESS_MADVISE, "kcmp": unix.SYS_KCMP, "move_pages": unix.SYS_MOVE_PAGES, "pidfd_getfd": unix.SYS_PIDFD_GETFD,
	"pidfd_send_signal": unix.SYS_PIDFD_SEND_SIGNAL, "setxattrat": unix.SYS_SETXATTRAT, "file_setattr": unix.SYS_FILE_SETATTR,
	"a call of tomorrow": 700, "a call of x32": 0x40000000 + unix.SYS_GETPID,
}

// called makes a system call with arguments that no kernel takes.
func called(name string) string {
	number, ok := Calls[name]
	if !ok {
		return "no such call"
	}
	const nothing = ^uintptr(0)
	_, _, errno := unix.RawSyscall6(number, nothing, nothing, nothing, nothing, nothing, nothing)
	switch errno {
	case unix.EPERM, unix.ENOSYS, unix.ENOTSUP:
		return "refused"
	}
	return "it reached the kernel: " + errno.Error()
}

// bomb starts processes until it can start no more.
func bomb() string {
	var held, free sync.WaitGroup
	free.Add(1)
	for range 16 { // the runtime does not survive when it needs a thread and gets none: these wait for it
		held.Add(1)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			held.Done()
			free.Wait()
		}()
	}
	held.Wait()
	free.Done()
	if err := exec.Command("/bin/sh", "-c", "i=0; while [ $i -lt 3000 ]; do sleep 600 & i=$((i+1)); done").Run(); err == nil {
		return "3000 processes"
	}
	return "no more processes"
}

func orNil(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

// refusals are how the kernel refuses, Landlock and the filter of system calls among it.
var refusals = [...]error{
	unix.EPERM, unix.EACCES, unix.ENOSYS, unix.ENOTSUP, unix.ENOTTY, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT,
	unix.ETXTBSY, // what runs cannot be written
	unix.EXDEV,   // how Landlock says that a file may not be moved to where it would be more than it was
}

func outcomeOf(err error) string {
	if err == nil {
		return "done"
	}
	for _, r := range refusals {
		if errors.Is(err, r) {
			return "refused"
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "not there"
	case errors.Is(err, syscall.EMFILE):
		return "no more descriptors"
	case errors.Is(err, syscall.ENOMEM):
		return "no more memory"
	}
	return err.Error()
}
