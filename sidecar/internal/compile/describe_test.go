package compile

import (
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
)

func TestWhatWasKeptFromAPluginIsHinted(t *testing.T) {
	digests := config.Digests{Files: map[string]string{"/opt/mine.py": "00"}}
	const (
		people  = "no rule lets it use /etc/people: limits: {readable: [/etc/people]} lets it read that, as a key of its config does that is file or ends in File; {writable: [/etc/people]} lets it write"
		modules = "a plugin with sha256 runs from a copy that holds only the files listed there: list its modules too"
	)
	tests := []struct {
		name, text string
		plugin     config.Plugin
		want       string
	}{
		{"a file that it may not read", "/etc/people: Permission denied", config.Plugin{}, people},
		{"the same of one that has no file rules", "/etc/people: Permission denied", config.Plugin{Unconfined: true}, ""},
		{"the same of one that comes with claimsmith", "permission denied", config.Plugin{Builtin: "ldap"}, ""},
		{"a module that was not copied", `it ended (exit status 1) before its handshake; its last words: "ModuleNotFoundError: No module named 'accounts'"`,
			config.Plugin{SHA256: digests}, modules},
		{"the same of one that is not copied", "ModuleNotFoundError: No module named 'accounts'", config.Plugin{}, ""},
		{"another process", "fork/exec /usr/bin/id: operation not permitted", config.Plugin{SHA256: digests},
			"a plugin may not start other processes, unless it is declared with limits: {processes: ...}"},
		{"something else", "no licence found", config.Plugin{SHA256: digests}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := hintFor(&tt.plugin, tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
