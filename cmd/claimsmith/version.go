package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/claimsmith/claimsmith/dexpatch"
)

// build is where this program comes from, as far as the toolchain recorded it.
type build struct {
	Version  string   `json:"version"`
	Commit   string   `json:"commit,omitempty"`
	Date     string   `json:"date,omitempty"` // of the commit
	Modified bool     `json:"modified,omitempty"`
	Go       string   `json:"go"`
	Platform string   `json:"platform"`
	Dex      []string `json:"dex"` // what a build of Dex takes: the first that can be had
}

func versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Show the version, the commit, and the releases of Dex that it builds",
		Example: "  claimsmith version\n  claimsmith version --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := thisBuild()
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(b)
			}
			_, err := io.WriteString(cmd.OutOrStdout(), b.String())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func thisBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{Main: debug.Module{Version: "unknown"}}
	}
	return buildOf(info)
}

func buildOf(info *debug.BuildInfo) build {
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	b := build{
		Version: info.Main.Version, Commit: set["vcs.revision"], Date: set["vcs.time"], Modified: set["vcs.modified"] == "true",
		Go: info.GoVersion, Platform: set["GOOS"] + "/" + set["GOARCH"],
	}
	for _, v := range dexpatch.Versions() {
		b.Dex = append(b.Dex, v.Name)
	}
	return b
}

// String is a line for each thing that is known.
func (b build) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "claimsmith %s\n", b.Version)
	if b.Commit != "" {
		fmt.Fprintf(&s, "commit %s of %s", b.Commit, b.Date)
		if b.Modified {
			s.WriteString(", with changes on top")
		}
		s.WriteByte('\n')
	}
	fmt.Fprintf(&s, "%s %s\nbuilds Dex %s\n", b.Go, b.Platform, strings.Join(b.Dex, ", or "))
	return s.String()
}

// version is that of the module, with the beginning of the commit where the toolchain recorded it.
func version() string {
	b := thisBuild()
	if len(b.Commit) < 12 {
		return b.Version
	}
	return b.Version + " " + b.Commit[:12]
}

// manCommand writes the manual pages that packages hold. Its place is not in the help, where all of them stand already.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man FOLDER",
		Short:   "Write the manual pages of all commands",
		Example: "  claimsmith man /usr/share/man/man1",
		Hidden:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("man takes the folder for the pages")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			b := thisBuild()
			day, _ := time.Parse(time.RFC3339, b.Date) // the zero time has no day on the page
			root := cmd.Root()
			root.DisableAutoGenTag = true
			return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "claimsmith " + b.Version, Date: &day}, args[0])
		},
	}
}
