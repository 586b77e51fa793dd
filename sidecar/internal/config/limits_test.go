package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLimitsOfAPlugin(t *testing.T) {
	tests := []struct {
		name, limits string
		want         []string
	}{
		{"all of them", "{memory: 1GiB, descriptors: 64, processes: 2, readable: [/opt/venv], writable: []}", nil},
		{"a size without a unit", "{memory: 300000000}", []string{"plugins.a.limits.memory: must be a size such as 256MiB or 1GiB"}},
		{"less than a runtime needs", "{memory: 64MiB, descriptors: 3}", []string{
			"plugins.a.limits.memory: with less than 128MiB the runtimes of most languages do not start",
			"plugins.a.limits.descriptors: a plugin needs 32 at least",
		}},
		{"paths that are not whole", "{writable: [data], readable: [/a, ../b]}", []string{
			`plugins.a.limits.writable[0]: "data" is not an absolute path`, `plugins.a.limits.readable[1]: "../b" is not an absolute path`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "claimsmith.yaml")
			text := "listen: unix:///run/claimsmith/hook.sock\nplugins:\n  a:\n    builtin: synology\n    unconfined: true\n    limits: " + tt.limits + "\n"
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, _, problems := Load(file, Options{})
			var got []string
			for _, p := range problems {
				if !p.Warning {
					got = append(got, p.Path+": "+p.Message)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if tt.want == nil {
				p := cfg.Plugins[0]
				p.Limits.Place = Place{}
				want := Limits{Memory: 1 << 30, Descriptors: 64, Processes: 2, Readable: []string{"/opt/venv"}, Writable: []string{}}
				if diff := cmp.Diff(want, p.Limits, cmp.AllowUnexported(Place{})); diff != "" || !p.Unconfined {
					t.Error(diff)
				}
			}
		})
	}
}
