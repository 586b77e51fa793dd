package files

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// OnlyOwnerWrites returns an error if somebody other than the owner of a file can change it or put another in its place: if
// group or others can write the file, or the folder it is in, or, where the name is a link, the folder of the link. A folder
// where each may remove only what is his own, such as /tmp, will do when the file belongs to root or to this process. So does
// a file system that nobody can write. It also returns an error if it cannot tell.
func OnlyOwnerWrites(file string) error {
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		return Reason(err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return Reason(err)
	}
	if readOnly(target) {
		return nil
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("the file can be written by %s: chmod go-w %s", writers(info), target)
	}
	for _, name := range []string{file, target} {
		if err := folderWritable(name); err != nil {
			return err
		}
	}
	return nil
}

// folderWritable looks at the folder in which a name stands.
func folderWritable(name string) error {
	folder := filepath.Dir(name)
	dir, err := os.Stat(folder)
	if err != nil {
		return fmt.Errorf("look at its folder: %w", Reason(err))
	}
	if dir.Mode().Perm()&0o022 == 0 || readOnly(folder) {
		return nil
	}
	entry, err := os.Lstat(name)
	if err != nil {
		return Reason(err)
	}
	if dir.Mode()&fs.ModeSticky != 0 && ours(entry) && ours(dir) {
		return nil
	}
	return fmt.Errorf("its folder can be written by %s, who could put another file in its place: chmod go-w %s", writers(dir), folder)
}

func writers(info fs.FileInfo) string {
	if info.Mode().Perm()&0o002 != 0 {
		return "everybody"
	}
	return "its group"
}

// ours tells whether a file belongs to root or to the user of this process.
func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}
