package sidecar

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
)

// guarded returns an error when somebody else could change the configuration that is in file, unless the operator said that it may be.
func (o Options) guarded(file string) error {
	if o.AllowWritable {
		return nil
	}
	return config.WritableByOthers(file)
}

// folderGuarded returns an error when others could put a socket of theirs into the folder of ours.
func folderGuarded(dir string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o022 == 0 {
		return nil
	}
	return fmt.Errorf("the folder of the socket, %s, can be written by others (mode %04o): who can do that can answer in our place; make it %04o",
		dir, info.Mode().Perm(), folderMode)
}

// modeProblems are the modes that Serve refuses: of the file, and of the folders of sockets that are there.
func modeProblems(file string, cfg *config.Config, src *config.Source, o Options) (found []config.Problem) {
	if err := o.guarded(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		found = append(found, config.Problem{File: file, Message: err.Error()})
	}
	if cfg == nil {
		return found
	}
	for _, s := range []struct{ path, socket string }{{"listen", cfg.Listen.Socket}, {"admin", cfg.Admin.Socket}} {
		if s.socket == "" || s.path == "admin" && filepath.Dir(s.socket) == filepath.Dir(cfg.Listen.Socket) {
			continue
		}
		dir := filepath.Dir(s.socket)
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() { // it is made, or refused when it is listened on
			continue
		}
		if err := folderGuarded(dir, info); err != nil {
			found = append(found, src.Problem(s.path, err.Error(), ""))
		}
	}
	return found
}
