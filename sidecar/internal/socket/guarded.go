package socket

import (
	"fmt"
	"io/fs"
)

// FolderGuarded returns an error when others could put a socket of theirs into the folder of ours.
func FolderGuarded(dir string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o022 == 0 {
		return nil
	}
	return fmt.Errorf("the folder of the socket, %s, can be written by others (mode %04o): anyone who can do that can answer in our place; make it %04o",
		dir, info.Mode().Perm(), folderMode)
}
