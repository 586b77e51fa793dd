package dexpatch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module is a folder of the module cache with the sum that its files must have.
type module struct {
	path, version, sum string
	dir                string
}

// fetch returns the pinned Dex and its API module from the module cache, downloading them if they are not there.
func fetch(ctx context.Context, b *builder) (dex, api module, err error) {
	dex = module{path: DexModule, version: DexVersion, sum: dexSum}
	api = module{path: APIModule, version: APIVersion, sum: apiSum}
	for _, m := range []*module{&dex, &api} {
		if err := m.download(ctx, b); err != nil {
			return module{}, module{}, err
		}
	}
	return dex, api, nil
}

// download asks for the version, which needs no network when it is in the cache; and, where that fails, for the commit that the
// version ends with, because a module proxy may know a commit of which nobody has asked for the version yet. Either way the sum
// decides.
func (m *module) download(ctx context.Context, b *builder) error {
	err := m.ask(ctx, b, m.version)
	var refused *DownloadError
	if errors.As(err, &refused) {
		commit := m.version[strings.LastIndexByte(m.version, '-')+1:]
		if m.ask(ctx, b, commit) == nil {
			return nil
		}
	}
	return err
}

// ask downloads what a query finds.
func (m *module) ask(ctx context.Context, b *builder, query string) error {
	cmd := b.command(ctx, os.TempDir(), "mod", "download", "-json", m.path+"@"+query)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(runErr, exec.ErrNotFound) {
		return ErrNoGo
	}
	var answer struct{ Version, Dir, Sum, Error string }
	if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil || answer.Error != "" || answer.Dir == "" {
		reason := answer.Error
		if reason == "" {
			reason = lastLines(stderr.String(), 5)
		}
		if strings.Contains(reason, "no space left on device") {
			return fmt.Errorf("%w (%s)", ErrNoSpace, reason)
		}
		return &DownloadError{Module: m.path, Reason: reason}
	}
	if answer.Version != m.version || answer.Sum != m.sum {
		return fmt.Errorf("download %s: got %s with the sum %s, and not %s with %s", m.path, answer.Version, answer.Sum, m.version, m.sum)
	}
	m.dir = answer.Dir
	return nil
}

// copyTo copies the module's files into a folder and compares them with the sum, so that what is built is what was
// reviewed, whoever wrote to the module cache since.
func (m *module) copyTo(to string) error {
	sums, err := copyTree(m.dir, to)
	if err != nil {
		return fmt.Errorf("copy %s: %w", m.path, noSpace(err))
	}
	names := make([]string, 0, len(sums))
	for name := range sums {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return strings.Compare(m.path+"@"+m.version+"/"+a, m.path+"@"+m.version+"/"+b)
	})
	whole := sha256.New() // "h1:" of the go command, see go.dev/ref/mod#go-sum-files
	for _, name := range names {
		fmt.Fprintf(whole, "%x  %s@%s/%s\n", sums[name], m.path, m.version, name)
	}
	if got := "h1:" + base64.StdEncoding.EncodeToString(whole.Sum(nil)); got != m.sum {
		return fmt.Errorf("%s is not what was downloaded: its sum is %s and not %s; go clean -modcache gets rid of it", m.dir, got, m.sum)
	}
	return nil
}

// copyTree copies regular files, writable for us, and returns their digests by slash-separated path.
func copyTree(from, to string) (map[string][]byte, error) {
	sums := map[string][]byte{}
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == ".git" {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		sum, err := copyFile(path, filepath.Join(to, rel))
		sums[filepath.ToSlash(rel)] = sum
		return err
	})
	return sums, err
}

func copyFile(from, to string) (sum []byte, err error) {
	in, err := os.Open(from)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	digest := sha256.New()
	if _, err := io.Copy(io.MultiWriter(out, digest), in); err != nil {
		out.Close()
		return nil, err
	}
	return digest.Sum(nil), out.Close()
}
