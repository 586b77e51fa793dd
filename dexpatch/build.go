package dexpatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Options say what to build.
type Options struct {
	// Output is where Build puts the binary. Cached does not use it.
	Output string
	// Source is a source tree of Dex, which is copied and not changed. Empty: a Dex from the module proxy.
	Source string
	// Version is the name of one of Versions. Empty: the first that can be had.
	Version string
	// CacheDir is where Cached keeps binaries. Empty: claimsmith/dex in the cache directory of the user.
	CacheDir string
	// NoCGO builds without cgo even where a C compiler is found. The sqlite3 storage of Dex is not in the binary then.
	NoCGO bool
	// NeedsSQLite ends the build with ErrNoSQLite where no C compiler is found.
	NeedsSQLite bool
	// Platform is what to build for, like linux/arm64. Empty: this one. Another one has cgo only if CC in the environment names
	// a C compiler for it.
	Platform string
	// Stock builds Dex as it is, without the hook, to compare with.
	Stock bool
	// Label is added to the version that the binary tells, to know one's own builds by.
	Label string
	// Progress gets a line for what begins, and then every few seconds how far it is. Nil: nobody.
	Progress func(message string)
}

// Build makes a Dex with the hook. It works on a copy in a temporary folder, so neither the module cache nor Source is
// written to, and the binary appears at Output whole or not at all. Errors that callers tell apart: ErrNoGo, ErrOldGo, ErrNoSpace, ErrNoSQLite,
// *NoDexError, *DownloadError, *BuildError, and those of NewPlan.
func Build(ctx context.Context, o Options) error {
	return inTree(ctx, o, buildTo(o.Output))
}

// work is done in an edited tree of Dex.
type work func(ctx context.Context, b *builder, tree string, info Info) error

// buildTo compiles Dex.
func buildTo(output string) work {
	return func(ctx context.Context, b *builder, tree string, info Info) error {
		if err := b.compile(ctx, tree, info.version(b.options.Stock), "./cmd/dex", output); err != nil {
			return err
		}
		b.say("built " + info.Details())
		return nil
	}
}

// inTree runs work on an edited copy of Dex, which is gone afterwards: of Source, or of the first version of which the module proxy
// gives all that the work needs.
func inTree(ctx context.Context, o Options, do work) error {
	if err := o.validate(); err != nil {
		return err
	}
	b := newBuilder(o)
	if o.Source == "" {
		return b.first(ctx, func(v Version) error { return b.inVersion(ctx, v, do) })
	}
	if err := checkTree(o.Source); err != nil {
		return err
	}
	b.say("copying " + o.Source)
	return b.inCopy(ctx, treeVersion(o.Source), do, func(tree string) error {
		if _, err := copyTree(o.Source, tree); err != nil {
			return fmt.Errorf("copy %s: %w", o.Source, noSpace(err))
		}
		return nil
	})
}

// inVersion is inTree for one version from the module proxy. A *DownloadError means that another one may do.
func (b *builder) inVersion(ctx context.Context, v Version, do work) error {
	b.say("getting the sources of Dex " + v.Name)
	v, err := b.fetch(ctx, v)
	if err != nil {
		return err
	}
	b.version = v
	return b.inCopy(ctx, v.Name, do, v.lay)
}

// inCopy lays out a tree, edits it unless stock is wanted, and works in it.
func (b *builder) inCopy(ctx context.Context, version string, do work, layOut func(tree string) error) error {
	tmp, err := os.MkdirTemp("", "claimsmith-dex-")
	if err != nil {
		return noSpace(err)
	}
	defer os.RemoveAll(tmp)
	b.tmp = filepath.Join(tmp, "tmp")
	defer func() { b.tmp = "" }()
	tree := filepath.Join(tmp, "dex")
	for _, dir := range []string{tree, b.tmp} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return noSpace(err)
		}
	}
	if err := layOut(tree); err != nil {
		return err
	}
	if !b.options.Stock {
		p, err := NewPlan(tree, version)
		if err != nil {
			return err
		}
		for _, warning := range p.Warnings() {
			b.say(warning)
		}
		if err := p.write(); err != nil {
			return err
		}
	}
	b.findCompiler(ctx)
	if b.options.NeedsSQLite && !b.compiler.found() {
		return ErrNoSQLite
	}
	info, err := b.info(ctx, version)
	if err != nil {
		return err
	}
	return do(ctx, b, tree, info)
}

// first tries the versions in turn until the module proxy gives what one of them needs, and says why not the others.
func (b *builder) first(ctx context.Context, try func(Version) error) error {
	versions, err := choose(b.options.Version, b.versions)
	if err != nil {
		return err
	}
	var none NoDexError
	for i, v := range versions {
		err := try(v)
		var refused *DownloadError
		if !errors.As(err, &refused) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		none.Refused = append(none.Refused, Refused{v.Name, refused.Reason})
		if i+1 < len(versions) {
			b.say(fmt.Sprintf("Dex %s cannot be had: %s; taking %s", v.Name, refused.Reason, versions[i+1].Name))
		}
	}
	return &none
}

// Preview plans the edits of the tree in Source of the options, or of the first version that can be had, for a look at them.
func Preview(ctx context.Context, o Options) (*Plan, error) {
	if o.Source != "" {
		return NewPlan(o.Source, "")
	}
	b := newBuilder(o)
	var p *Plan
	err := b.first(ctx, func(v Version) error {
		v, err := b.fetch(ctx, v)
		if err == nil {
			p, err = NewPlan(v.dex.dir, v.Name)
		}
		return err
	})
	return p, err
}

// builder runs the go command for one build.
type builder struct {
	options  Options
	say      func(string)
	versions []Version // to try in turn
	version  Version   // what is built; the zero value for Source
	compiler compiler
	limit    time.Duration // for one version from the module proxy
	tmp      string        // for the go command, so that nothing of it stays when it is killed; empty: its own choice
}

func newBuilder(o Options) *builder {
	b := &builder{options: o, say: o.Progress, versions: Versions(), limit: fetchLimit}
	if b.say == nil {
		b.say = func(string) {}
	}
	return b
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
	args := append([]string{"build", "-v", "-trimpath", "-buildvcs=false"}, b.compiler.flags("-w -X main.version="+version)...)
	cmd := b.command(ctx, tree, append(args, "-o", part, pkg)...)
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
	cmd.Env = buildEnv(os.Environ(), b.compiler.cgo(), b.platform())
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
