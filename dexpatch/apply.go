package dexpatch

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Apply puts the hook into the Dex tree in dir. All changes are worked out before the first is written; after an error of
// NewPlan nothing has changed. Dex's go.mod and go.sum stay as they are.
func Apply(dir string) (*Plan, error) {
	p, err := NewPlan(dir, "")
	if err != nil {
		return nil, err
	}
	return p, p.write()
}

// write makes the changes. The new folder comes first, so that a tree in which the work broke off is known as such.
func (p *Plan) write() error {
	for _, f := range p.LaidIn {
		path := filepath.Join(p.dir, filepath.FromSlash(f.File))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("lay the hook into dex: %w", noSpace(err))
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return fmt.Errorf("lay the hook into dex: %w", noSpace(err))
		}
	}
	for _, f := range p.Edited {
		path := filepath.Join(p.dir, filepath.FromSlash(f.File))
		if err := os.WriteFile(path, []byte(f.text()), f.mode); err != nil {
			return fmt.Errorf("edit dex: %w", noSpace(err))
		}
	}
	return nil
}

// treeVersion names the Dex in a folder: by the folder's name in a module cache, by git in a clone.
func treeVersion(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "unknown"
	}
	if _, version, ok := strings.Cut(filepath.Base(abs), "@"); ok {
		return version
	}
	if _, err := os.Stat(filepath.Join(abs, ".git")); errors.Is(err, os.ErrNotExist) {
		return "unknown"
	}
	out, err := exec.Command("git", "-C", abs, "describe", "--tags", "--always").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
