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
	"time"
)

// fetchLimit is how long the module proxy may take for one version: its two modules are about 2 MB.
const fetchLimit = 2 * time.Minute

// module is a module of the module cache with the sums that its files and its go.mod must have.
type module struct {
	path, version, sum, modSum string
	dir                        string
}

// fetch gets the two modules of a version as a build gets them: as the requirements of a module whose go.sum has their sums. A
// query for the version (go mod download, go list -m) would ask the proxy for more than a build needs, and a proxy may refuse
// just that. What the proxy answers is in a *DownloadError.
func (b *builder) fetch(ctx context.Context, v Version) (Version, error) {
	dir, err := os.MkdirTemp(b.tmp, "claimsmith-fetch-")
	if err != nil {
		return v, noSpace(err)
	}
	defer os.RemoveAll(dir)
	var mod, sums strings.Builder
	fmt.Fprintf(&mod, "module fetch.invalid\n\ngo %s\n", v.goes)
	for _, m := range []module{v.dex, v.api} {
		fmt.Fprintf(&mod, "\nrequire %s %s\n", m.path, m.version)
		fmt.Fprintf(&sums, "%[1]s %[2]s %[3]s\n%[1]s %[2]s/go.mod %[4]s\n", m.path, m.version, m.sum, m.modSum)
	}
	for name, text := range map[string]string{"go.mod": mod.String(), "go.sum": sums.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return v, noSpace(err)
		}
	}
	limited, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	// One package of each, without what they import.
	cmd := b.command(limited, dir, "list", "-find", "-e", "-json=ImportPath,Module,Error", v.dex.path+"/server", v.api.path)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return v, ctx.Err()
	case limited.Err() != nil:
		return v, &DownloadError{Reason: fmt.Sprintf("no answer within %s", b.limit)}
	case errors.Is(runErr, exec.ErrNotFound):
		return v, ErrNoGo
	}
	found, reason := listed(stdout.Bytes(), stderr.String())
	if v.dex.dir, v.api.dir = found[v.dex.path], found[v.api.path]; v.dex.dir != "" && v.api.dir != "" {
		return v, nil
	}
	return v, refusal(reason)
}

// listed reads what go list printed: the folder of each module, or why there is none.
func listed(stdout []byte, stderr string) (dirs map[string]string, reason string) {
	dirs = map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(stdout)); ; {
		var p struct {
			Module *struct{ Path, Dir string }
			Error  *struct{ Err string }
		}
		if d.Decode(&p) != nil {
			break
		}
		if p.Module != nil {
			dirs[p.Module.Path] = p.Module.Dir
		}
		if p.Error != nil && reason == "" {
			reason = p.Error.Err
		}
	}
	if reason == "" {
		reason = lastLines(stderr, 5)
	}
	return dirs, reason
}

// refusal is the error for what the go command says when a module cannot be had.
func refusal(reason string) error {
	switch {
	case strings.Contains(reason, "no space left on device"), strings.Contains(reason, "disk quota exceeded"):
		return fmt.Errorf("%w (%s)", ErrNoSpace, lastLines(reason, 1))
	case strings.Contains(reason, "requires go >="):
		return fmt.Errorf("%w (%s)", ErrOldGo, lastLines(reason, 1))
	}
	// A sum that does not fit comes with advice for another situation behind the line that says so.
	if _, mismatch, ok := strings.Cut(reason, "checksum mismatch"); ok {
		mismatch, _, _ = strings.Cut(mismatch, "\n\n")
		return &DownloadError{Reason: "other bytes than this version has: checksum mismatch" + strings.ReplaceAll(mismatch, "\n", " ")}
	}
	return &DownloadError{Reason: strings.Join(strings.Fields(reason), " ")}
}

// lay copies the modules of a version, of which fetch found the folders, into a tree that builds.
func (v Version) lay(tree string) error {
	if err := v.dex.copyTo(tree); err != nil {
		return err
	}
	return v.api.copyTo(filepath.Join(tree, "api", "v2"))
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
