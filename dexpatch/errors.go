package dexpatch

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// ErrNoGo says that there is no go command.
var ErrNoGo = errors.New("there is no go command in PATH; building Dex needs Go 1.25.0 or newer, from https://go.dev/dl")

// ErrOldGo says that the go command is older than the one that Dex asks for.
var ErrOldGo = errors.New("the go command in PATH is too old for Dex, which needs Go 1.25.0 or newer, from https://go.dev/dl")

// ErrNoSQLite says that the binary would lack the storage that a configuration wants.
var ErrNoSQLite = errors.New("storage is sqlite3, which needs a C compiler at the build (Debian: gcc libc6-dev): install one, or write another storage: memory, postgres, mysql, etcd or kubernetes")

// ErrNoSpace says that the disk is full.
var ErrNoSpace = errors.New("the disk is full; building Dex needs about 1 GB for modules, the build cache and the binary")

// DownloadError says that a module that Dex consists of, or that it needs, could not be had.
type DownloadError struct {
	Reason string // the answer of the module proxy
}

func (e *DownloadError) Error() string { return "download the modules that Dex needs: " + e.Reason }

// Refused is a version that could not be had.
type Refused struct {
	Version string
	Reason  string
}

// NoDexError says that no version could be had from the module proxy, and what it answered for each.
type NoDexError struct {
	Refused []Refused
}

func (e *NoDexError) Error() string {
	var b strings.Builder
	b.WriteString("the module proxy gives no Dex that can be built:")
	for _, r := range e.Refused {
		fmt.Fprintf(&b, "\n  %s: %s", r.Version, r.Reason)
	}
	return b.String()
}

// BuildError says that Dex did not compile.
type BuildError struct {
	Version string
	Output  string // the last lines
}

func (e *BuildError) Error() string {
	return fmt.Sprintf("build dex %s:\n%s", e.Version, e.Output)
}

// noSpace puts the plain words before an error that means a full disk.
func noSpace(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w (%w)", ErrNoSpace, err)
	}
	return err
}

// lastLines returns the last n lines that say something.
func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
