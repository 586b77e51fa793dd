package dexpatch

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// unusedFor is how long a cached binary that nobody asked for stays.
const unusedFor = 14 * 24 * time.Hour

// Cached returns the path of a Dex with the hook, of the first version that can be had, building it if it is not there yet. The
// binary is shared by all processes of the user: one builds, the others wait and say so. What it was built from is part of its path:
// the version of Dex, the edits, the sources laid in, the version of Go, system and cgo. Source, Output, Platform and Label of the
// options are not used. Errors are those of Build.
func Cached(ctx context.Context, o Options) (string, error) {
	o.Source, o.Platform, o.Label = "", "", ""
	dir, err := cacheDir(o)
	if err != nil {
		return "", err
	}
	b := newBuilder(o)
	var binary string
	err = b.first(ctx, func(v Version) error {
		key, err := b.key(ctx, v)
		if err != nil {
			return err
		}
		binary = filepath.Join(dir, key, "dex")
		if used(binary) {
			return nil
		}
		unlock, err := lock(ctx, filepath.Join(dir, key+".lock"), func() { b.say("another process is building Dex, waiting for it") })
		if err != nil {
			return err
		}
		defer unlock()
		if used(binary) {
			return nil
		}
		defer sweep(dir, key)
		return b.inVersion(ctx, v, buildTo(binary))
	})
	return binary, err
}

func cacheDir(o Options) (string, error) {
	dir := o.CacheDir
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find a place for the built Dex: %w", err)
		}
		dir = filepath.Join(user, "claimsmith", "dex")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make a place for the built Dex: %w", noSpace(err))
	}
	return filepath.Abs(dir)
}

// key digests all that a binary is made of.
func (b *builder) key(ctx context.Context, v Version) (string, error) {
	toolchain, err := b.toolchain(ctx)
	if err != nil {
		return "", err
	}
	edits, err := editsDigest()
	if err != nil {
		return "", err
	}
	digest := sha256.New()
	err = json.NewEncoder(digest).Encode([]any{v.dex.sum, v.api.sum, edits, b.options.Stock, toolchain, runtime.GOOS, runtime.GOARCH, b.compilerName()})
	return fmt.Sprintf("%x", digest.Sum(nil)[:12]), err
}

// used reports whether the binary is there, and notes that somebody asked for it.
func used(binary string) bool {
	info, err := os.Stat(binary)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	now := time.Now()
	_ = os.Chtimes(binary, now, now) // only keeps it from being swept
	return true
}

// sweep removes binaries of other keys that nobody asked for in a long time. What cannot be removed stays.
func sweep(dir, key string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(dir, e.Name(), "dex"))
		if err == nil && e.Name() != key && time.Since(info.ModTime()) > unusedFor {
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}

// lock takes a lock that the system lets go when the process ends, however it ends. waiting is called once if somebody
// else has it.
func lock(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the build of Dex: %w", noSpace(err))
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for first := true; ; first = false {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if first {
			waiting()
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}
