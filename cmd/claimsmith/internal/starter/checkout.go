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

// Released returns the version of the program that info is about if anybody can fetch its module by it, else "".
func Released(info *debug.BuildInfo) string {
	v := info.Main.Version
	if !strings.HasPrefix(v, "v") || strings.Contains(v, "+") || info.Main.Replace != nil {
		return ""
	}
	// Built in a working copy: a commit is not known to be anywhere else, a tag is there to be published.
	if pseudo.MatchString(v) && info.Main.Sum == "" {
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
