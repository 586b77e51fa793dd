package sidecar_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/replay"
)

func TestTheSchemaFileIsThatOfTheRunningPlugin(t *testing.T) {
	shortTemp(t)
	dir := shortDir(t)
	now := schemaOf(t)
	self, err := os.ReadFile(os.Args[0])
	must(t, err)
	text := strings.Replace(plain(dir)+"plugins: {nas: {builtin: directory}}\n", "builtin: directory",
		fmt.Sprintf("command: [%s, as-plugin], sha256: {%[1]s: %[2]x}, schemaFile: schema.json", os.Args[0], sha256.Sum256(self)), 1)
	file, schema := written(t, dir, text), filepath.Join(dir, "schema.json")
	command := "claimsmith plugin describe " + os.Args[0] + " as-plugin > schema.json"
	tests := []struct {
		name    string
		content []byte // nil: there is none
		want    []string
	}{
		{"as it says it now", now, nil},
		{"the same in another order and spacing", []byte(strings.NewReplacer("\n", "\t\n", `"name": "directory"`, `"name":"old"`).Replace(string(now))), nil},
		{"other facts", []byte(strings.Replace(string(now), `"groups"`, `"teams"`, 1)), []string{
			"plugins.nas.schemaFile: the plugin that was started describes its facts in another way: check --offline and test do not know it as it is",
			"write it again: " + command, "warning",
		}},
		{"no JSON", []byte("name: phonebook"), []string{
			"plugins.nas.schemaFile: this is not the description of a plugin: invalid character 'a' in literal null (expecting 'u')",
			"write it: " + command, "problem",
		}},
		{"no file", nil, []string{"plugins.nas.schemaFile: open " + schema + ": no such file or directory", "write it: " + command, "problem"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_ = os.Remove(schema)
			if tt.content != nil {
				must(t, os.WriteFile(schema, tt.content, 0o600))
			}
			problems, err := replay.Check(t.Context(), file, program(t, newLogBuffer()))
			must(t, err)
			var got []string
			for _, p := range problems.List {
				kind := "problem"
				if p.Warning {
					kind = "warning"
				}
				got = append(got, p.Path+": "+p.Message, p.Hint, kind)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
