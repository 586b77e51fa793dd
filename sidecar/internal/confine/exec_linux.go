package confine

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// dieWith asks the kernel to kill this process when the thread that started it ends. It stays in force over execve.
func dieWith(parent int) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	if os.Getppid() != parent { // it died before we asked, and there will be no signal
		return errors.New("the host is gone")
	}
	return nil
}

func duplicate(from, to int) error { return unix.Dup3(from, to, 0) }
