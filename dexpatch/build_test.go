package dexpatch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestBuildSaysWhatIsMissing(t *testing.T) {
	t.Run("no go command", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if _, err := Cached(t.Context(), Options{CacheDir: t.TempDir()}); !errors.Is(err, ErrNoGo) {
			t.Errorf("got %v, want %v", err, ErrNoGo)
		}
		if err := Build(t.Context(), Options{Output: filepath.Join(t.TempDir(), "dex")}); !errors.Is(err, ErrNoGo) {
			t.Errorf("got %v, want %v", err, ErrNoGo)
		}
	})
	t.Run("a go command that is too old", func(t *testing.T) {
		dir := t.TempDir()
		script := "#!/bin/sh\necho 'go: github.com/dexidp/dex@v0.0.0 requires go >= 1.25.0 (running go 1.21.0; GOTOOLCHAIN=local)' >&2\nexit 1\n"
		if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
		if err := Build(t.Context(), Options{Output: filepath.Join(t.TempDir(), "dex")}); !errors.Is(err, ErrOldGo) {
			t.Errorf("got %v, want %v", err, ErrOldGo)
		}
	})
	t.Run("a version that is not in the table", func(t *testing.T) {
		err := Build(t.Context(), Options{Version: "v2.44.0", Output: filepath.Join(t.TempDir(), "dex")})
		if want := `dex version "v2.44.0" is not one of v2.45.1, v2.45.0, 2026-08-06; a checkout of another one is built by --source DIR`; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
	t.Run("a folder that is not Dex", func(t *testing.T) {
		if err := Build(t.Context(), Options{Source: t.TempDir(), Output: filepath.Join(t.TempDir(), "dex")}); !errors.Is(err, ErrNotDex) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("given up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Build(ctx, Options{Output: filepath.Join(t.TempDir(), "dex")}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestABuildThatFailsShowsWhyAndLeavesNothing(t *testing.T) {
	tree := pristine(t)
	broken := filepath.Join(tree, "server", "signer", "broken.go")
	if err := os.WriteFile(broken, []byte("package signer\n\nvar x int = \"no number\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := read(t, tree)
	out := t.TempDir()
	var said []string
	err := Build(t.Context(), Options{Source: tree, Output: filepath.Join(out, "dex"), NoCGO: true, Progress: func(m string) {
		if !strings.HasSuffix(m, "packages compiled") { // which comes after some seconds
			said = append(said, m)
		}
	}})
	var failed *BuildError
	if !errors.As(err, &failed) || !strings.Contains(failed.Output, `server/signer/broken.go:3:13: cannot use "no number"`) {
		t.Errorf("got %v", err)
	}
	if files := read(t, out); len(files) != 0 {
		t.Errorf("left behind: %v", slices.Collect(maps.Keys(files)))
	}
	if !maps.Equal(read(t, tree), before) {
		t.Error("the source tree was changed")
	}
	if want := []string{"copying " + tree, "compiling Dex"}; !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}

// TestABuildNamesWhatIsLost, before it takes its minutes.
func TestABuildNamesWhatIsLost(t *testing.T) {
	tree := pristine(t)
	path := filepath.Join(tree, "server", "handlers.go")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), "d.GrantTypes = s.supportedGrantTypes", "d.GrantTypes = s.supportedGrantTypes[:]", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var said []string
	err = Build(ctx, Options{Source: tree, Output: filepath.Join(t.TempDir(), "dex"), NoCGO: true, Progress: func(m string) {
		if said = append(said, m); m == "compiling Dex" {
			cancel()
		}
	}})
	want := []string{
		"copying " + tree, "warning: an optional edit finds no place in dex unknown: claimsSupported is not listed in discovery", "compiling Dex",
	}
	if !errors.Is(err, context.Canceled) || len(said) < len(want) || !slices.Equal(said[:len(want)], want) {
		t.Errorf("got %v, said %q", err, said)
	}
}

func TestABuildThatIsGivenUpLeavesNothing(t *testing.T) {
	tmp, out := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv("GOCACHE", t.TempDir()) // so that there is something to compile
	ctx, cancel := context.WithCancel(t.Context())
	err := Build(ctx, Options{Output: filepath.Join(out, "dex"), Progress: func(m string) {
		if strings.HasSuffix(m, "packages compiled") {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, dir := range []string{tmp, out} {
		if files := read(t, dir); len(files) != 0 {
			t.Errorf("left behind: %v", slices.Collect(maps.Keys(files)))
		}
	}
}

func TestTheModuleCacheIsCheckedBeforeItIsBuilt(t *testing.T) {
	v, err := newBuilder(Options{}).fetch(t.Context(), Versions()[0])
	if err != nil {
		t.Fatal(err)
	}
	dex, tampered := v.dex, t.TempDir()
	if _, err := copyTree(dex.dir, tampered); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tampered, "server", "oauth2.go"), []byte("package server\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	dex.dir = tampered
	err = dex.copyTo(t.TempDir())
	if err == nil || !strings.HasPrefix(err.Error(), tampered+" is not what was downloaded: its sum is h1:") {
		t.Errorf("got %v", err)
	}
}

func TestExplain(t *testing.T) {
	tests := []struct {
		name, log, want string
	}{
		{"a full disk", "github.com/a/b\ncompile: writing output: write $WORK/b: no space left on device\n",
			"the disk is full; building Dex needs about 1 GB for modules, the build cache and the binary (compile: writing output: write $WORK/b: no space left on device)"},
		{"no network in the middle", "go: downloading a.org/b v1\na.org/b: Get \"https://proxy\": dial tcp: no such host\n",
			"download the modules that Dex needs: a.org/b: Get \"https://proxy\": dial tcp: no such host"},
		{"an error of the compiler", "github.com/a/b\n# github.com/a/c\nc.go:1:1: no\n", "build dex v9:\n# github.com/a/c\nc.go:1:1: no"},
		{"nothing at all", "", "build dex v9:\nexit status 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newBuildLog(func(string) {})
			defer l.stop()
			fmt.Fprint(l, tt.log)
			if got := l.explain("v9", errors.New("exit status 1")); got.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", got, tt.want)
			}
		})
	}
	if err := noSpace(&os.PathError{Op: "write", Path: "dex", Err: syscall.ENOSPC}); !errors.Is(err, ErrNoSpace) {
		t.Errorf("got %v", err)
	}
}

func TestProgressCountsModulesAndPackages(t *testing.T) {
	l := newBuildLog(func(string) {})
	defer l.stop()
	for _, part := range []string{"go: downloading a v1\ngithub.com/a", "/b\ninternal/abi\n# github.com/a/c\nc.go:1:1: no\n"} {
		fmt.Fprint(l, part)
	}
	if _, got, _ := strings.Cut(l.state(), ": "); got != "1 modules downloaded, 2 packages compiled" {
		t.Errorf("got %s", got)
	}
}

func TestTheEnvironmentOfABuildIsOurs(t *testing.T) {
	t.Setenv("GOPROXY", "https://proxy.example.org")
	t.Setenv("GOFLAGS", "-tags=evil")
	t.Setenv("GOWORK", "/work")
	t.Setenv("CGO_CFLAGS", "-evil")
	t.Setenv("GOOS", "plan9")
	env := buildEnv(os.Environ(), "0", "linux/arm64")
	for _, want := range []string{"GOPROXY=https://proxy.example.org", "GOFLAGS=-mod=readonly", "GOWORK=off", "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, kv := range env {
		if strings.Contains(kv, "evil") || kv == "GOOS=plan9" {
			t.Errorf("%s is there", kv)
		}
	}
}

func TestCached(t *testing.T) {
	dir := t.TempDir()
	first := Versions()[0]
	key, err := newBuilder(Options{}).key(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CC", "another-cc") // one that was installed since
	if other, _ := newBuilder(Options{}).key(t.Context(), first); other == key {
		t.Error("the C compiler is not part of the key: a binary without sqlite3 would stay when there is one")
	}
	t.Setenv("CC", "")
	put := func(key string, age time.Duration) string {
		path := filepath.Join(dir, key, "dex")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("binary"), 0o755); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(-age)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
		return path
	}
	want := put(key, 30*24*time.Hour)
	got, err := Cached(t.Context(), Options{CacheDir: dir})
	if got != want || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	old, young := put("old", unusedFor+time.Hour), put("young", unusedFor-time.Hour)
	sweep(dir, "new")
	for path, stays := range map[string]bool{want: true, young: true, old: false} {
		if _, err := os.Stat(path); (err == nil) != stays {
			t.Errorf("%s: stays is %t, want %t", path, err == nil, stays)
		}
	}
}

func TestOnlyOneBuildsAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path, func() { t.Error("waited for nobody") })
	if err != nil {
		t.Fatal(err)
	}
	var released atomic.Bool
	waiting, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		second, err := lock(t.Context(), path, func() { close(waiting) })
		if err != nil {
			t.Error(err)
			return
		}
		if !released.Load() {
			t.Error("two had the lock")
		}
		second()
	}()
	<-waiting
	released.Store(true)
	unlock()
	<-done

	unlock, err = lock(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := lock(ctx, path, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
