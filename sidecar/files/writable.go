package files

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// WritableByOthers returns an error if somebody other than the file's owner can change a file or put another in its place:
// if group or others can write the file, or a folder on the way to it, also on that of a link.
// A folder where each may only remove what is his own, such as /tmp, will do when what stands there belongs to root or to this
// process. So does a file system that nobody can write. It also returns an error if it cannot tell.
func WritableByOthers(file string) error {
	names, err := way(file)
	if err != nil {
		return fmt.Errorf("look at %s: %w", file, Reason(err))
	}
	target := names[len(names)-1]
	info, err := os.Stat(target)
	if err != nil {
		return fmt.Errorf("look at %s: %w", file, Reason(err))
	}
	if info.Mode().Perm()&0o022 != 0 && !readOnly(target) {
		if !slices.ContainsFunc(names, isLink) {
			target = file // as it was written
		}
		return fmt.Errorf("%s can be written by %s: mend it with chmod go-w %s", file, writers(info), target)
	}
	for _, name := range slices.Backward(names) {
		if err := folderWritable(name); err != nil {
			return err
		}
	}
	return nil
}

// FoldersOf returns the folders in which a change can make a name another file: where the files are, and where each link on the way to
// them is. Of one that is not there it returns those as far as the way goes.
func FoldersOf(files ...string) (out []string) {
	for _, file := range files {
		names, _ := way(file)
		for i, name := range names {
			if i == len(names)-1 || isLink(name) {
				out = append(out, filepath.Dir(name))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func isLink(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.Mode().Type() == fs.ModeSymlink
}

// way returns all names that are looked at to find a file, in their order, each in a folder on whose own way there is no link. The last
// one is that of the file itself.
func way(file string) (names []string, err error) {
	file, err = filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	const most = 40 // links, as for Linux
	at, rest := "/", strings.Split(file, "/")
	for links := 0; len(rest) > 0; {
		name := filepath.Join(at, rest[0])
		back := rest[0] == ".." || name == at
		rest = rest[1:]
		if back {
			at = name
			continue
		}
		names = append(names, name)
		info, err := os.Lstat(name)
		if err != nil {
			return names, err
		}
		if info.Mode().Type() != fs.ModeSymlink {
			at = name
			continue
		}
		to, err := os.Readlink(name)
		if err != nil {
			return names, err
		}
		if links++; links > most {
			return names, syscall.ELOOP
		}
		if filepath.IsAbs(to) {
			at = "/"
		}
		rest = slices.Concat(strings.Split(to, "/"), rest)
	}
	return names, nil
}

// folderWritable looks at the folder in which a name stands.
func folderWritable(name string) error {
	folder := filepath.Dir(name)
	dir, err := os.Stat(folder)
	if err != nil {
		return fmt.Errorf("look at %s: %w", folder, Reason(err))
	}
	if dir.Mode().Perm()&0o022 == 0 || readOnly(folder) {
		return nil
	}
	link, err := os.Lstat(name)
	if err != nil {
		return fmt.Errorf("look at %s: %w", name, Reason(err))
	}
	if dir.Mode()&fs.ModeSticky != 0 && ours(link) && ours(dir) {
		return nil
	}
	return fmt.Errorf("the folder %s can be written by %s, who could replace %s: mend it with chmod go-w %s",
		folder, writers(dir), filepath.Base(name), folder)
}

func writers(info fs.FileInfo) string {
	if info.Mode().Perm()&0o002 != 0 {
		return "everybody"
	}
	return "its group"
}

// ours reports whether a file belongs to root or to the user of this process.
func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}
