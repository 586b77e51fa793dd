package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// chrooted runs a command in a folder as a user, with the device that every engine gives it.
func chrooted(t *testing.T, root string, user uint32) *syscall.SysProcAttr {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(root, "dev"), 0o755); err != nil {
		t.Fatal(err)
	}
	null := filepath.Join(root, "dev", "null")
	if err := syscall.Mknod(null, syscall.S_IFCHR|0o666, 1<<8|3); err != nil && !os.IsExist(err) {
		t.Fatalf("make /dev/null in the image: %v", err)
	}
	if err := os.Chmod(null, 0o666); err != nil { // whatever the umask took
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: user, Gid: user}, Pdeathsig: syscall.SIGKILL}
}
