package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAVersionSaysWhatIsKnown(t *testing.T) {
	platform := []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "GOARCH", Value: "arm64"}}
	vcs := append(platform, debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef"}, debug.BuildSetting{Key: "vcs.time", Value: "2026-08-01T12:00:00Z"})
	tests := []struct {
		name string
		info debug.BuildInfo
		want string
	}{
		{"go install of a tag", debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v0.1.0"}, Settings: platform},
			"claimsmith v0.1.0\ngo1.26.8 linux/arm64\n"},
		{"a build of a commit", debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v0.1.0"}, Settings: vcs},
			"claimsmith v0.1.0\ncommit 0123456789abcdef of 2026-08-01T12:00:00Z\ngo1.26.8 linux/arm64\n"},
		{"a build in the middle of work", debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v0.1.0+dirty"}, Settings: append(vcs, debug.BuildSetting{Key: "vcs.modified", Value: "true"})},
			"claimsmith v0.1.0+dirty\ncommit 0123456789abcdef of 2026-08-01T12:00:00Z, with changes on top\ngo1.26.8 linux/arm64\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want+"builds Dex v2.45.1, or v2.45.0, or 2026-08-06\n", buildOf(&tt.info).String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBothWaysToAskForTheVersionSayTheSame(t *testing.T) {
	said := map[string]string{}
	for _, arg := range []string{"version", "--version"} {
		var out, errs strings.Builder
		if code := run([]string{arg}, strings.NewReader(""), &out, &errs); code != exitGood || errs.Len() > 0 {
			t.Fatalf("%s ended with %d and said %q", arg, code, errs.String())
		}
		said[arg] = out.String()
	}
	if diff := cmp.Diff(said["version"], said["--version"]); diff != "" || said["version"] != thisBuild().String() {
		t.Errorf("%q", said)
	}
}

func TestEveryCommandOfTheHelpHasAManualPage(t *testing.T) {
	dir := t.TempDir()
	var out, errs strings.Builder
	if code := run([]string{"man", dir}, strings.NewReader(""), &out, &errs); code != exitGood || errs.Len() > 0 {
		t.Fatalf("it ended with %d and said %q", code, errs.String())
	}
	for _, cmd := range ours(command()) {
		if cmd.Hidden || cmd.HasParent() && cmd.Parent().Hidden {
			continue
		}
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1"))
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(page), strings.ReplaceAll(cmd.Short, "-", `\-`)) && !strings.Contains(string(page), cmd.Short) {
			t.Errorf("the page of %s does not say %q", cmd.CommandPath(), cmd.Short)
		}
	}
}
