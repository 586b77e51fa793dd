//go:build unix

package pluginhost

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// wrapped returns the arguments that make Exec run command.
func wrapped(parent int, digests map[string]string, command []string) []string {
	args := []string{fmt.Sprintf("--parent=%d", parent)}
	for path, digest := range digests {
		args = append(args, "--sha256="+digest+":"+path)
	}
	return append(append(args, "--"), command...)
}

// Exec becomes a plugin: it is what [Options].Wrapper runs in the new process. args are
//
//	--parent=PID [--sha256=HEX:PATH ...] -- COMMAND [ARGUMENT ...]
//
// The process gets /dev/null as stdin, keeps no descriptor beyond stderr, leaves no core dump, and is killed when the thread
// that started it ends (on Linux). On success Exec does not return. An error is for stderr, with an exit status that is
// not zero: the host reads it there.
func Exec(args []string) error {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:] // from the end of the wrapper's own arguments
	}
	flags := flag.NewFlagSet("exec", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	parent := flags.Int("parent", 0, "")
	var digests []string
	flags.Func("sha256", "", func(s string) error {
		digests = append(digests, s)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("plugin exec: %w", err)
	}
	command := flags.Args()
	if len(command) == 0 || *parent <= 0 {
		return errors.New("plugin exec: no command: this is run by claimsmith itself")
	}
	runtime.LockOSThread() // the kernel notes the signal of dieWith with the thread, and execve keeps that of its own
	defer runtime.UnlockOSThread()
	if err := confine(*parent); err != nil {
		return fmt.Errorf("plugin exec: %w", err)
	}
	for _, d := range digests {
		want, path, _ := strings.Cut(d, ":")
		if message, _ := checkDigest(path, want); message != "" {
			return fmt.Errorf("plugin exec: %s: %s", path, message)
		}
	}
	if err := syscall.Exec(command[0], command, os.Environ()); err != nil {
		return fmt.Errorf("plugin exec: %s: %w", command[0], err)
	}
	return nil
}

// confine gives this process what a plugin may have.
func confine(parent int) error {
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
