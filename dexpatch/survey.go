package dexpatch

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Surveyed is a commit of Dex on which the edits were tried.
type Surveyed struct {
	Commit string // short
	Date   time.Time
	Added  int      // lines
	Lost   []string // what optional edits without a place would have given
	Err    error    // why the commit is not supported
}

// Problem is the error in one line.
func (s Surveyed) Problem() string {
	var anchor *AnchorError
	if !errors.As(s.Err, &anchor) {
		return s.Err.Error()
	}
	where := anchor.File
	if anchor.Func != "" {
		where += ", func " + anchor.Func
	}
	return fmt.Sprintf("%s: %d instead of %d of: %s", where, anchor.Found, anchor.Want, anchor.Anchor)
}

// Survey works the edits out for every nth commit of the main line of a git clone of Dex, newest first, back to a date. It
// changes nothing and builds nothing.
func Survey(ctx context.Context, clone string, since time.Time, every int) ([]Surveyed, error) {
	out, err := git(ctx, clone, "log", "--first-parent", "--format=%H %h %ct", "--since="+since.Format(time.RFC3339))
	if err != nil {
		return nil, err
	}
	var all []Surveyed
	n := 0
	for line := range strings.Lines(string(out)) {
		n++
		if (n-1)%every != 0 {
			continue
		}
		var hash string
		var seconds int64
		var s Surveyed
		if _, err := fmt.Sscan(line, &hash, &s.Commit, &seconds); err != nil {
			return nil, fmt.Errorf("read the history of %s: %w", clone, err)
		}
		s.Date = time.Unix(seconds, 0).UTC()
		if err := s.try(ctx, clone, hash); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// try plans the edits of one commit. It returns only errors that are not about Dex.
func (s *Surveyed) try(ctx context.Context, clone, hash string) error {
	dir, err := os.MkdirTemp("", "claimsmith-survey-")
	if err != nil {
		return noSpace(err)
	}
	defer os.RemoveAll(dir)
	if err := extract(ctx, clone, hash, dir); err != nil {
		return err
	}
	p, err := NewPlan(dir, s.Commit)
	if err != nil {
		s.Err = err
		return ctx.Err()
	}
	s.Lost = p.Lost
	for _, e := range p.Edited {
		s.Added += e.Added()
	}
	return nil
}

// extract writes the files of a commit that edits may touch.
func extract(ctx context.Context, clone, hash, dir string) error {
	cmd := exec.CommandContext(ctx, "git", "-C", clone, "archive", hash, "--", "go.mod", "cmd", "server")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("read commit %s: %w", hash, err)
	}
	untarErr := untar(out, dir)
	_, _ = io.Copy(io.Discard, out) // or git waits for a reader
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("read commit %s: %w", hash, err)
	}
	return untarErr
}

// untar writes regular files below dir.
func untar(from io.Reader, dir string) error {
	r := tar.NewReader(from)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if !filepath.IsLocal(h.Name) {
			return fmt.Errorf("the archive holds %q", h.Name)
		}
		path := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return noSpace(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return noSpace(err)
		}
	}
}

// git runs a git command in a clone.
func git(ctx context.Context, clone string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", clone}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s in %s: %w: %s", args[0], clone, err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}
