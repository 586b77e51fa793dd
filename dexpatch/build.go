package dexpatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Options say what to build.
type Options struct {
	// Output is where Build puts the binary. Cached does not use it.
	Output string
	// Source is a source tree of Dex, which is copied and not changed. Empty: the pinned Dex from the module cache.
	Source string
	// CacheDir is where Cached keeps binaries. Empty: claimsmith/dex in the cache directory of the user.
	CacheDir string
	// CGO builds with cgo, which the sqlite3 storage of Dex needs.
	CGO bool
	// Platform is what to build for, like linux/arm64. Empty: this one. Another one cannot be built with cgo.
	Platform string
	// Stock builds Dex as it is, without the hook, to compare with.
	Stock bool
	// Label is added to the version that the binary tells, to know one's own builds by.
	Label string
	// Progress is told how the work goes: first what begins, then every few seconds how far it is. Nil: nobody.
	Progress func(message string)
}

// Build makes a Dex with the hook. It works on a copy in a temporary folder, so neither the module cache nor Source is
// written to, and the binary appears at Output whole or not at all. Errors that callers tell apart: ErrNoGo, ErrNoSpace,
// *DownloadError, *BuildError, and those of NewPlan.
func Build(ctx context.Context, o Options) error {
	return inTree(ctx, o, func(b *builder, tree string, info Info) error {
		if err := b.compile(ctx, tree, info.version(o.Stock), "./cmd/dex", o.Output); err != nil {
			return err
		}
		b.say("built " + info.Details())
		return nil
	})
}

// inTree runs work on an edited copy of Dex, which is gone afterwards.
func inTree(ctx context.Context, o Options, work func(b *builder, tree string, info Info) error) error {
	b := newBuilder(o)
	if err := o.validate(); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "claimsmith-dex-")
	if err != nil {
		return noSpace(err)
	}
	defer os.RemoveAll(tmp)
	tree := filepath.Join(tmp, "dex")
	b.tmp = filepath.Join(tmp, "tmp")
	for _, dir := range []string{tree, b.tmp} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return noSpace(err)
		}
	}
	version, err := b.prepare(ctx, tree)
	if err != nil {
		return err
	}
	info, err := b.info(ctx, version)
	if err != nil {
		return err
	}
	return work(b, tree, info)
}

// Preview plans the edits of the pinned Dex, or of the tree in source if that is not empty, for a look at them.
func Preview(ctx context.Context, source string) (*Plan, error) {
	if source != "" {
		return NewPlan(source, "")
	}
	dex, _, err := fetch(ctx, newBuilder(Options{}))
	if err != nil {
		return nil, err
	}
	return NewPlan(dex.dir, dex.version)
}

// builder runs the go command for one build.
type builder struct {
	options Options
	say     func(string)
	cgo     string
	tmp     string // for the go command, so that nothing of it stays when it is killed; empty: its own choice
}

func newBuilder(o Options) *builder {
	b := &builder{options: o, say: o.Progress, cgo: "0"}
	if b.say == nil {
		b.say = func(string) {}
	}
	if o.CGO {
		b.cgo = "1"
	}
	return b
}

// prepare makes an edited copy of Dex in tree and returns its version.
func (b *builder) prepare(ctx context.Context, tree string) (version string, err error) {
	if b.options.Source != "" {
		if err := checkTree(b.options.Source); err != nil {
			return "", err
		}
		b.say("copying " + b.options.Source)
		version = treeVersion(b.options.Source)
		if _, err := copyTree(b.options.Source, tree); err != nil {
			return "", fmt.Errorf("copy %s: %w", b.options.Source, noSpace(err))
		}
	} else {
		b.say("getting the sources of Dex")
		dex, api, err := fetch(ctx, b)
		if err != nil {
			return "", err
		}
		version = dex.version
		if err := dex.copyTo(tree); err != nil {
			return "", err
		}
		if err := api.copyTo(filepath.Join(tree, "api", "v2")); err != nil {
			return "", err
		}
	}
	if b.options.Stock {
		return version, nil
	}
	p, err := NewPlan(tree, version)
	if err != nil {
		return "", err
	}
	for _, warning := range p.Warnings() {
		b.say(warning)
	}
	return version, p.write()
}

// compile builds a command of the tree.
func (b *builder) compile(ctx context.Context, tree, version, pkg, output string) (err error) {
	output, err = filepath.Abs(output)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
		return noSpace(err)
	}
	// Beside the output, because a rename does not cross file systems.
	part := filepath.Join(filepath.Dir(output), fmt.Sprintf(".%s.%d.part", filepath.Base(output), os.Getpid()))
	defer func() {
		if err != nil {
			os.Remove(part)
		}
	}()
	if pkg == "./cmd/dex" {
		b.say("compiling Dex")
	}
	cmd := b.command(ctx, tree, "build", "-v", "-trimpath", "-buildvcs=false",
		"-ldflags", "-w -X main.version="+version, "-o", part, pkg)
	log := newBuildLog(b.say)
	cmd.Stderr = log
	runErr := cmd.Run()
	log.stop()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(runErr, exec.ErrNotFound):
		return ErrNoGo
	case runErr != nil:
		return log.explain(version, runErr)
	}
	return noSpace(os.Rename(part, output))
}

// kept are the settings of the go command that a build takes over. Others could change what is built (GOFLAGS, GOOS, CC's
// flags, a workspace) or come from a go command that runs us.
var kept = []string{
	"GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE", "GOINSECURE", "GOAUTH", "GOVCS",
	"GOMODCACHE", "GOCACHE", "GOPATH", "GOTMPDIR", "GOTOOLCHAIN", "GODEBUG", "GOENV",
}

// command returns a go command whose processes end with the context, and on Linux with us.
func (b *builder) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = buildEnv(os.Environ(), b.cgo, b.platform())
	if b.tmp != "" {
		cmd.Env = append(cmd.Env, "GOTMPDIR="+b.tmp)
	}
	isolate(cmd)
	return cmd
}

func buildEnv(env []string, cgo, platform string) []string {
	var out []string
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "GO") || strings.HasPrefix(name, "CGO_") || name == "PWD" {
			continue
		}
		out = append(out, kv)
	}
	for _, name := range kept {
		if value, ok := os.LookupEnv(name); ok {
			out = append(out, name+"="+value)
		}
	}
	// readonly: a go.mod or go.sum that would have to change ends the build.
	system, arch, _ := strings.Cut(platform, "/")
	return append(out, "CGO_ENABLED="+cgo, "GOFLAGS=-mod=readonly", "GOWORK=off", "GOOS="+system, "GOARCH="+arch)
}
