package sidecar_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
)

// TestAPluginIsStartedAgainWhenItsFilesChange reads what DevPlugin writes: a start and an answer, and after each change another one.
func TestAPluginIsStartedAgainWhenItsFilesChange(t *testing.T) {
	if !confine.HasFileRules() {
		t.Skip("this kernel has no Landlock, so the plugin reads the file whose refusal is looked for")
	}
	shortTemp(t)
	script := filepath.Join(t.TempDir(), "plugin")
	write := func(body string) { must(t, os.WriteFile(script, []byte("#!/bin/sh\n"+body+"\n"), 0o700)) }
	write(`echo "no licence found" >&2; exit 3`)
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := sidecar.DevPlugin(ctx, sidecar.PluginTrial{Command: []string{script}, Known: json.RawMessage(`{}`)}, wrapped(), w)
		done <- err
		_ = w.Close()
	}()
	lines := bufio.NewScanner(r)
	for _, step := range []struct{ want, then string }{
		{`its last words: "no licence found"`, "exec cat /etc/shadow"},
		{"shadow: Permission denied", ""},
		{"hint: no rule lets it use /etc/shadow: ", "exit 4"},
		{"it ended (exit status 4) before its handshake", ""},
	} {
		if !lines.Scan() || !strings.Contains(lines.Text(), step.want) {
			t.Fatalf("got %q, want %q", lines.Text(), step.want)
		}
		if step.then != "" {
			write(step.then)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
