package dexpatch

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
)

// Info says what a binary was made of. Its String is the version that the binary tells; the toolchain and the platform are
// recorded by Go itself (go version -m).
type Info struct {
	Version   string // of Dex, like v2.45.1
	Commit    string // of Dex; "unknown" for sources without git
	Dirty     bool   // whether the sources were changed since the commit
	Edits     string // digest of the edits and of the sources laid in
	Label     string
	Toolchain string
	Platform  string
	CGO       bool
}

// String is the version of the binary, a semantic version where Dex's is one.
func (i Info) String() string {
	meta := []string{"claimsmith", i.Edits}
	if !strings.Contains(i.Version, i.Commit) && i.Commit != "unknown" {
		meta = append(meta, "g"+i.Commit)
	}
	if !i.CGO {
		meta = append(meta, "no-sqlite3") // the storage
	}
	if i.Dirty {
		meta = append(meta, "dirty")
	}
	if i.Label != "" {
		meta = append(meta, i.Label)
	}
	return i.Version + "+" + strings.Join(meta, ".")
}

// version is String, or Dex's own where nothing is added.
func (i Info) version(stock bool) string {
	if stock {
		return i.Version
	}
	return i.String()
}

// Details is a line for the person who builds.
func (i Info) Details() string {
	state, cgo := "clean", "without cgo: the storage sqlite3 is not in it"
	if i.Dirty {
		state = "changed since"
	}
	if i.CGO {
		cgo = "with cgo, so the storage sqlite3 is in it"
	}
	return fmt.Sprintf("%s: dex commit %s (%s), edits %s, %s %s, %s", i, i.Commit, state, i.Edits, i.Toolchain, i.Platform, cgo)
}

var labels = regexp.MustCompile(`^[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*$`)

// validate refuses options that cannot be built.
func (o Options) validate() error {
	if o.Label != "" && !labels.MatchString(o.Label) {
		return fmt.Errorf("version label %q: letters, digits and hyphens, in parts between dots", o.Label)
	}
	if o.Platform == "" {
		return nil
	}
	if system, arch, ok := strings.Cut(o.Platform, "/"); !ok || system == "" || arch == "" {
		return fmt.Errorf("platform %q: like linux/amd64", o.Platform)
	}
	return nil
}

func (b *builder) platform() string {
	if b.options.Platform != "" {
		return b.options.Platform
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}

// info finds out what is about to be built.
func (b *builder) info(ctx context.Context, version string) (Info, error) {
	toolchain, err := b.toolchain(ctx)
	if err != nil {
		return Info{}, err
	}
	edits, err := editsDigest()
	if err != nil {
		return Info{}, err
	}
	i := Info{Version: version, Edits: edits, Label: b.options.Label, Toolchain: toolchain, Platform: b.platform(), CGO: b.compiler.found()}
	if b.options.Source == "" {
		i.Commit = b.version.commit()
		return i, nil
	}
	i.Commit = "unknown"
	if out, err := git(ctx, b.options.Source, "rev-parse", "--short=12", "HEAD"); err == nil {
		i.Commit = strings.TrimSpace(string(out))
		status, err := git(ctx, b.options.Source, "status", "--porcelain")
		i.Dirty = err != nil || len(status) > 0
	}
	return i, ctx.Err()
}

// toolchain is the version of the go command that builds.
func (b *builder) toolchain(ctx context.Context) (string, error) {
	out, err := b.command(ctx, b.tmp, "env", "GOVERSION").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", ErrNoGo
	} else if err != nil {
		return "", fmt.Errorf("ask go for its version: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// editsDigest digests all that is added to Dex.
func editsDigest() (string, error) {
	var lay []string
	for _, e := range Edits() {
		for _, v := range e.Variants {
			lay = append(lay, v.Lay...)
		}
	}
	files, err := laidIn(lay)
	if err != nil {
		return "", err
	}
	digest := sha256.New()
	err = json.NewEncoder(digest).Encode([]any{Edits(), files})
	return fmt.Sprintf("%x", digest.Sum(nil)[:6]), err
}
