//go:build unix

package confine

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exec becomes a plugin: it is what the wrapper of a plugin host runs in a new process. args are what the host made up, and after --
// the command.
//
// The process gets /dev/null as stdin, keeps no descriptor beyond stderr, leaves no core dump, gains no privileges, and is
// killed when the thread that started it ends (on Linux). Files that have a digest are compared, and of those that are run
// it runs a copy. It becomes the user that it shall run as, and cannot go back. Then limits, file rules and the ban on other
// processes are applied, and reported in one line on stderr.
// On success Exec does not return. An error is for stderr, with an exit status that is not zero: the host reads it there.
func Exec(args []string) error {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:] // from the end of the wrapper's own arguments
	}
	var o orders
	if len(args) < 3 || args[1] != "--" || json.Unmarshal([]byte(args[0]), &o) != nil || o.Parent <= 0 {
		return errors.New("plugin exec: no command: this is run by claimsmith itself")
	}
	command := args[2:]
	runtime.LockOSThread() // what follows is for this thread, and execve keeps that of its own
	defer runtime.UnlockOSThread()
	if err := enclose(o.Parent); err != nil {
		return fmt.Errorf("plugin exec: %w", err)
	}
	path, command, err := compare(o, command) // as who can read all that is compared
	if err != nil {
		return fmt.Errorf("plugin exec: %w", err)
	}
	if err := settle(o); err != nil {
		return fmt.Errorf("plugin exec: %w", err)
	}
	confined, err := confine(o)
	if err != nil {
		return fmt.Errorf("plugin exec: %w", err)
	}
	if err := o.reaches(Account{o.UID, o.GID}, path); err != nil {
		return fmt.Errorf("plugin exec: %w", err)
	}
	confined.Checked, confined.User, confined.Own = len(o.SHA256), os.Geteuid(), o.UID != 0
	fmt.Fprintln(os.Stderr, confined.line())
	if err := syscall.Exec(path, command, os.Environ()); err != nil {
		return fmt.Errorf("plugin exec: %s: %w", path, err)
	}
	return nil
}

// enclose cuts this process off from what it inherited.
func enclose(parent int) error {
	if err := dieWith(parent); err != nil {
		return err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	if fd := int(null.Fd()); fd != 0 {
		if err := duplicate(fd, 0); err != nil {
			return fmt.Errorf("stdin: %w", err)
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("no core dumps: %w", err)
	}
	closeInherited()
	return nil
}

// settle makes this process one of the user that it was ordered to have.
func settle(o orders) error {
	a := Account{o.UID, o.GID}
	if !a.Own() {
		return nil
	}
	if o.Copies != "" {
		if err := a.lend(o.Copies); err != nil {
			return err
		}
	}
	if err := become(a); err != nil {
		return err
	}
	return dieWith(o.Parent) // the kernel forgets the request when the user changes
}

// compare holds the files that have a digest against it. Those of the command, and those beside or below one of them, are
// copied while they are compared, each under its whole path in the directory for copies, and the copies take their places
// in the command: what is run is what was compared, whatever happens to the file meanwhile, and a program finds the
// modules that lie beside it.
func compare(o orders, command []string) (path string, replaced []string, err error) {
	path, replaced = command[0], slices.Clone(command)
	for _, file := range slices.Sorted(maps.Keys(o.SHA256)) {
		near := slices.ContainsFunc(command, func(arg string) bool {
			return o.SHA256[arg] != "" && strings.HasPrefix(file, filepath.Dir(arg)+"/")
		})
		if o.Copies == "" || !near {
			if message, _ := checkDigest(file, o.SHA256[file]); message != "" {
				return "", nil, fmt.Errorf("%s: %s", file, message)
			}
			continue
		}
		copied := filepath.Join(o.Copies, file)
		if err := copyCompared(file, copied, o.SHA256[file]); err != nil {
			return "", nil, fmt.Errorf("%s: %w", file, err)
		}
		for i, arg := range command {
			switch {
			case arg != file:
			case i == 0:
				path = copied
			default:
				replaced[i] = copied
			}
		}
	}
	return path, replaced, nil
}

func copyCompared(from, to, want string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o500)
	if err != nil {
		return err
	}
	message, _ := digest(from, want, f)
	if err := f.Close(); err != nil { // nobody can run what is open for writing
		return err
	}
	if message != "" {
		return errors.New(message)
	}
	return nil
}

// limit sets soft and hard limit of one resource, and returns what holds then: where less was allowed already, that stays.
func limit(resource int, n uint64) (uint64, error) {
	var now unix.Rlimit
	if err := unix.Getrlimit(resource, &now); err != nil {
		return 0, err
	}
	n = min(n, now.Max)
	return n, unix.Setrlimit(resource, &unix.Rlimit{Cur: n, Max: n})
}

// closeInherited marks all descriptors beyond stderr to be closed by execve. Those of this process itself are needed until then.
func closeInherited() {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil { // no /proc in here
		for fd := 3; fd < 1024; fd++ {
			unix.CloseOnExec(fd)
		}
		return
	}
	for _, e := range entries {
		var fd int
		if _, err := fmt.Sscan(e.Name(), &fd); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}
