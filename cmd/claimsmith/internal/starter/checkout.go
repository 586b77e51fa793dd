package starter

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

var (
	moduleLine = regexp.MustCompile(`(?m)^module\s+"?` + regexp.QuoteMeta(module) + `"?\s*(//.*)?$`)
	// pseudo is a version that the toolchain made up of a commit, which may be on one machine only.
	pseudo = regexp.MustCompile(`[-.]\d{14}-[0-9a-f]{12}$`)
)

// Released returns the version by which anybody can fetch the SDK that the program of info was built with, or "". A program that
// was built in a checkout of a tag has the SDK of the same tag: the modules are released together.
func Released(info *debug.BuildInfo) string {
	for _, dep := range info.Deps {
		if dep.Path == sdk && dep.Sum != "" && dep.Replace == nil {
			return dep.Version
		}
	}
	v := info.Main.Version
	if !strings.HasPrefix(v, "v") || strings.Contains(v, "+") || info.Main.Replace != nil {
		return ""
	}
	// A commit is not known to be anywhere else; a tag is there to be published.
	if pseudo.MatchString(v) {
		return ""
	}
	return v
}

// CheckedOut reports what keeps dir from being a checkout of claimsmith.
func CheckedOut(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return err
	}
	if !moduleLine.Match(text) {
		return fmt.Errorf("%s is not the go.mod of %s", filepath.Join(dir, "go.mod"), module)
	}
	return nil
}

// Checkout returns the checkout that one of the folders is or stands in, or "". Folders that are not absolute are passed over.
func Checkout(folders ...string) string {
	for _, dir := range folders {
		for filepath.IsAbs(dir) {
			if CheckedOut(dir) == nil {
				return dir
			}
			above := filepath.Dir(dir)
			if above == dir {
				break
			}
			dir = above
		}
	}
	return ""
}

// Workspace returns the go.work that the go command takes notice of in dir, as in a folder of a checkout, or "".
func Workspace(dir string) string {
	if given := os.Getenv("GOWORK"); given != "" {
		return strings.TrimPrefix(given, "off")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for {
		file := filepath.Join(dir, "go.work")
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file
		}
		above := filepath.Dir(dir)
		if above == dir {
			return ""
		}
		dir = above
	}
}
