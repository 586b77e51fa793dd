package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"

	"github.com/claimsmith/claimsmith/sidecar"
)

// TestAHostilePluginStaysInItsBox runs what the command ships, as root, as a user who is nobody, and with a user of the plugin's own.
func TestAHostilePluginStaysInItsBox(t *testing.T) {
	tests := []struct {
		name string
		uid  uint32
		args []string
	}{
		{"as root", 0, nil},
		{"as another user", 65534, nil},
		{"as root, with a user of its own", 0, []string{"--user", "64011"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if os.Geteuid() != 0 {
				if os.Getenv("CLAIMSMITH_CI") != "" {
					t.Fatal("not started as root")
				}
				t.Skip("not started as root, so nothing was run as another user")
			}
			dir, err := os.MkdirTemp("", "h") // short, because of the sockets in it
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			program := filepath.Join(dir, "bin", "claimsmith") // a plugin reads the folder of its program
			data, err := os.ReadFile(os.Args[0])
			if err = errors.Join(err, os.Mkdir(filepath.Dir(program), 0o755), os.WriteFile(program, data, 0o755), os.Chmod(program, 0o755), os.Chmod(filepath.Dir(program), 0o755), os.Chmod(dir, 0o777)); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program, slices.Concat([]string{"plugin", "verify", "--hostile", "--json"}, tt.args)...)
			cmd.Env = append(os.Environ(), "TMPDIR="+dir)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: tt.uid, Gid: tt.uid}}
			var said bytes.Buffer
			cmd.Stderr = &said
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s\n%s", err, out, said.String())
			}
			var report sidecar.PluginReport
			if err := json.Unmarshal(out, &report); err != nil {
				t.Fatal(err)
			}
			if len(report.Checks) < 15 {
				t.Errorf("%d lines were tried", len(report.Checks))
			}
			for _, c := range report.Checks {
				if c.Name == "memory" && raced() {
					continue // under the race detector no memory is limited
				}
				if c.Outcome != "kept" {
					t.Errorf("%s: %s: %s", c.Name, c.Outcome, c.Detail)
				}
			}
		})
	}
}

// raced reports whether this program runs under the race detector, whose memory no limit allows for.
func raced() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
