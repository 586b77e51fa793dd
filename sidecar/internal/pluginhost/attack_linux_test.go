package pluginhost

import (
	"errors"
	"fmt"
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

	"golang.org/x/sys/unix"
)

// attack is what a hostile plugin tries: "read /a/b", "kill 17" ... It returns how that went.
func attack(what string) string {
	verb, arg, _ := strings.Cut(what, " ")
	var err error
	var pid int
	_, _ = fmt.Sscan(arg, &pid)
	switch verb {
	case "read":
		_, err = os.ReadFile(arg)
	case "list":
		_, err = os.ReadDir(arg)
	case "write":
		err = os.WriteFile(arg, []byte("x"), 0o600)
	case "remove":
		err = os.Remove(arg)
	case "link": // a file that it may not read, moved to where it may
		err = os.Link(arg, filepath.Join(os.Getenv("HOME"), "stolen"))
	case "kill":
		err = syscall.Kill(pid, syscall.SIGTERM)
	case "trace":
		err = unix.PtraceSeize(pid)
	case "spawn":
		err = exec.Command("/bin/sleep", "600").Start()
	case "bomb":
		return bomb()
	case "root":
		err = syscall.Setuid(0)
	case "borrow": // a program that runs as its owner
		out, err := exec.Command(arg, asWho).Output()
		if err != nil {
			return outcomeOf(err)
		}
		return "user " + string(out)
	case "who":
		r, e, s := unix.Getresuid()
		rg, eg, sg := unix.Getresgid()
		groups, _ := os.Getgroups()
		return fmt.Sprint(r, e, s, rg, eg, sg, groups)
	case "terminal":
		if sid, _ := unix.Getsid(0); sid != os.Getpid() {
			return "that of its host"
		}
		return "none"
	case "fork":
		_, _, errno := syscall.RawSyscall(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0)
		err = orNil(errno)
	case "descriptors":
		n := 0
		for n < 100_000 && err == nil {
			_, err = unix.Dup(1)
			n++
		}
		if n > 300 {
			return fmt.Sprintf("%d descriptors", n)
		}
	case "memory":
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(1 << 40) // what the environment says is only a wish
		var all [][]byte
		for range 4 << 10 {
			b, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
			if err != nil {
				return outcomeOf(err)
			}
			all = append(all, b)
		}
		return fmt.Sprintf("%d MiB", len(all))
	case "privileges":
		var v int
		v, err = unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
		if v == 1 {
			return "no new ones"
		}
	case "wish":
		return os.Getenv("GOMEMLIMIT")
	case "core":
		var l unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_CORE, &l); err != nil {
			return outcomeOf(err)
		}
		return fmt.Sprintf("core %d %d", l.Cur, l.Max)
	case "connect":
		var c net.Conn
		if c, err = net.Dial("unix", arg); err == nil {
			_ = c.Close()
		}
	}
	return outcomeOf(err)
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

func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, fs.ErrNotExist):
		return "not there"
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return "refused"
	case errors.Is(err, syscall.EMFILE):
		return "no more descriptors"
	case errors.Is(err, syscall.ENOMEM):
		return "no more memory"
	case errors.Is(err, syscall.EXDEV):
		return "refused as another file system"
	}
	return err.Error()
}
