package config

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFilesOfABuiltinPluginBeginAtTheConfiguration: what stands below file or ...File, at any depth. A plugin of somebody else's gets what stands there.
func TestFilesOfABuiltinPluginBeginAtTheConfiguration(t *testing.T) {
	const block = `{file: people.yaml, caFile: ../ca.pem, sources: [{passwordFile: ./a/pw, big: 123456789012345678901234567890}], keyFile: /etc/key, files: x, otherFile: "", profile: y, n: 1.50}`
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	joined := func(folder string) string {
		return `{"caFile":"` + filepath.Join(folder, "../ca.pem") + `","file":"` + filepath.Join(folder, "people.yaml") + `","files":"x","keyFile":"/etc/key","n":1.50,"otherFile":"","profile":"y",` +
			`"sources":[{"big":123456789012345678901234567890,"passwordFile":"` + filepath.Join(folder, "a/pw") + `"}]}`
	}
	asWritten := `{"file":"people.yaml","caFile":"../ca.pem","sources":[{"passwordFile":"./a/pw","big":123456789012345678901234567890}],"keyFile":"/etc/key","files":"x","otherFile":"","profile":"y","n":1.50}`
	tests := []struct{ name, file, plugin, want string }{
		{"an absolute folder", "/etc/claimsmith/c.yaml", "builtin: directory", joined("/etc/claimsmith")},
		{"a folder from here", "conf/c.yaml", "builtin: directory", joined(filepath.Join(here, "conf"))},
		{"this folder", "c.yaml", "builtin: directory", joined(here)},
		{"a plugin of somebody else's", "/etc/claimsmith/c.yaml", "command: [/opt/x], sha256: unverified", asWritten},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "listen: unix:///run/c.sock\nplugins: {p: {" + tt.plugin + ", config: " + block + "}}\npipeline:\n  - remove: [x]\n"
			cfg, _, problems := Parse(tt.file, []byte(text), Options{Builtins: []string{"directory"}})
			if HasErrors(problems) {
				t.Fatal(problems)
			}
			if got := string(cfg.Plugins[0].Config); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
