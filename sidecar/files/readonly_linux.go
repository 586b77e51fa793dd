package files

import "golang.org/x/sys/unix"

// readOnly reports whether a file is on a file system that is mounted read-only, as Kubernetes mounts configuration.
func readOnly(file string) bool {
	var stat unix.Statfs_t
	return unix.Statfs(file, &stat) == nil && stat.Flags&unix.ST_RDONLY != 0
}
