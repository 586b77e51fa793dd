package dexpatch

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// ErrNoGo says that there is no go command.
var ErrNoGo = errors.New("there is no go command in PATH; building Dex needs Go 1.25.8 or newer, from https://go.dev/dl")

// ErrNoSpace says that the disk is full.
var ErrNoSpace = errors.New("the disk is full; building Dex needs about 1 GB for modules, the build cache and the binary")

// DownloadError says that Dex, or a module that it needs, could not be had.
type DownloadError struct {
	Module string // empty: some module that Dex needs
	Reason string
}

func (e *DownloadError) Error() string {
	what := "the modules that Dex needs"
	if e.Module != "" {
		what = e.Module
	}
	hint := "GOPROXY names where modules come from."
	if strings.Contains(e.Reason, "dial tcp") {
		hint = "Is there a network? " + hint
	}
	return fmt.Sprintf("download %s: %s\n%s", what, e.Reason, hint)
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
