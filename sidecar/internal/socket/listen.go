package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// socket is a unix socket to be listened on. The folder that it stands in belongs to the sidecar: it is made when it is not
// there, and refused when somebody else owns it or could put another socket in its place.
type Unix struct {
	Path  string
	Mode  fs.FileMode // of the socket
	Group int         // of socket and folder; -1 leaves it as it is
}

// folderMode lets the group reach the socket and nobody but us change the folder.
const folderMode = 0o750

func (s Unix) Listen() (net.Listener, error) {
	if err := s.folder(); err != nil {
		return nil, err
	}
	if err := s.clear(); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", s.Path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", s.Path, err)
	}
	if err := errors.Join(os.Chmod(s.Path, s.Mode), s.chgrp(s.Path)); err != nil {
		return nil, errors.Join(fmt.Errorf("set the rights of %s: %w", s.Path, err), l.Close())
	}
	return l, nil
}

func (s Unix) chgrp(path string) error {
	if s.Group < 0 {
		return nil
	}
	return os.Chown(path, -1, s.Group)
}

// folder makes the folder of the socket, or checks the one that is there.
func (s Unix) folder() error {
	dir := filepath.Dir(s.Path)
	err := os.Mkdir(dir, folderMode)
	switch {
	case err == nil:
		// Mkdir is subject to the umask.
		if err := errors.Join(os.Chmod(dir, folderMode), s.chgrp(dir)); err != nil {
			return fmt.Errorf("set the rights of %s: %w", dir, err)
		}
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("make the folder %s for the socket: %s does not exist", dir, filepath.Dir(dir))
	case !errors.Is(err, fs.ErrExist):
		return fmt.Errorf("make the folder for the socket: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look at the folder of the socket: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("the folder of the socket, %s, is no folder", dir)
	case ok && int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("the folder of the socket, %s, belongs to user %d, not to this process (user %d); name a folder that is ours, as in %s",
			dir, stat.Uid, os.Geteuid(), filepath.Join(dir, "claimsmith", filepath.Base(s.Path)))
	}
	if err := FolderGuarded(dir, info); err != nil {
		return err
	}
	return s.chgrp(dir)
}

// clear removes the socket that a dead process left. A live one is refused.
func (s Unix) clear() error {
	info, err := os.Lstat(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("listen on %s: something that is no socket is there", s.Path)
	}
	conn, err := net.DialTimeout("unix", s.Path, time.Second)
	if err == nil {
		_ = conn.Close() // it was only a knock
		return fmt.Errorf("listen on %s: another process is serving there", s.Path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("listen on %s: is anybody there? %w", s.Path, err)
	}
	if err := os.Remove(s.Path); err != nil {
		return fmt.Errorf("remove the socket of a dead process: %w", err)
	}
	return nil
}
