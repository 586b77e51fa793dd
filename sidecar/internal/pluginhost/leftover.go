package pluginhost

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"
)

// A host that is killed cannot remove its temporary directories. Each holds a lock for as long as the host lives, which the kernel
// takes back whatever ends it, so the next host knows which are nobody's.

const lockName = "lock"

var tempName = regexp.MustCompile(`^claimsmith-[0-9]+$`) // as os.MkdirTemp makes it

// temp is a temporary directory of this host.
type temp struct {
	dir  string
	lock *os.File
}

// makeTemp makes a temporary directory in base, or where the system has them, and removes those that dead hosts left there.
func (h *Host) makeTemp(base string) (string, error) {
	if base == "" {
		base = os.TempDir()
	}
	removeLeft(base)
	dir, err := os.MkdirTemp(base, "claimsmith-") // mode 0700
	if err != nil {
		return "", err
	}
	lock, err := lockTemp(dir)
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	h.temps = append(h.temps, temp{dir, lock})
	return dir, nil
}

// lockTemp makes the lock of a new directory. It gets its name when it is held: a lock that nobody holds is that of a dead host.
func lockTemp(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName+".new"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB), os.Rename(f.Name(), filepath.Join(dir, lockName))); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// removeLeft removes the directories of dead hosts of this user. What cannot be removed stays: it is only in the way.
func removeLeft(base string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, e := range entries {
		if dir := filepath.Join(base, e.Name()); e.IsDir() && tempName.MatchString(e.Name()) && abandoned(dir) {
			_ = os.RemoveAll(dir)
		}
	}
}

// abandoned reports whether a directory is one of a host of this user that is no more.
func abandoned(dir string) bool {
	var stat unix.Stat_t
	if err := unix.Lstat(dir, &stat); err != nil || int(stat.Uid) != os.Geteuid() {
		return false
	}
	fd, err := unix.Open(filepath.Join(dir, lockName), unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil
}

func (h *Host) removeTemps() {
	for _, t := range h.temps {
		_ = os.RemoveAll(t.dir)
		_ = t.lock.Close() // after that, so that nobody else removes it meanwhile
	}
}
