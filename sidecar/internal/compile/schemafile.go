package compile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/internal/config"
	"github.com/claimsmith/claimsmith/sidecar/internal/confine"
	"github.com/claimsmith/claimsmith/sidecar/internal/pluginhost"
)

// WrittenDescription is the content of a schemaFile.
type WrittenDescription struct {
	Name    string          `json:"name"`
	Version string          `json:"version"`
	Config  json.RawMessage `json:"config"`
	Params  json.RawMessage `json:"params"`
	Facts   json.RawMessage `json:"facts"`
}

// readSchemaFile reads the schemaFile of p.
func readSchemaFile(p *config.Plugin, src *config.Source) (WrittenDescription, *config.Problem) {
	var d WrittenDescription
	message := ""
	data, err := os.ReadFile(p.SchemaFile)
	if err != nil {
		message = err.Error()
	} else if err := json.Unmarshal(data, &d); err != nil {
		message = "this is not the description of a plugin: " + err.Error()
	}
	if message == "" {
		return d, nil
	}
	problem := src.Problem(config.Join(p.Path, "schemaFile"), message, "write it: "+describeCommandLine(p))
	return WrittenDescription{}, &problem
}

// describeCommandLine is what writes a schemaFile.
func describeCommandLine(p *config.Plugin) string {
	words := []string{"claimsmith plugin describe"}
	if p.TLS == confine.TLSOff {
		words = append(words, "--tls off")
	}
	for _, name := range p.Env {
		words = append(words, "--env "+name)
	}
	for _, arg := range p.Command {
		if arg == "" || strings.ContainsAny(arg, " \t\n'\"\\$`&|;<>()*?[]{}~#!") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	file := "schema.json"
	if p.SchemaFile != "" {
		file = filepath.Base(p.SchemaFile)
	}
	return strings.Join(words, " ") + " > " + file
}

// schemaFileProblems holds the schemaFile of p, if it has one, against what the plugin says now: where the plugin does not
// run, rules are checked and tested by the file.
func schemaFileProblems(d pluginhost.Description, p *config.Plugin, src *config.Source) []config.Problem {
	if p.Builtin != "" || p.SchemaFile == "" {
		return nil
	}
	written, problem := readSchemaFile(p, src)
	if problem != nil {
		return []config.Problem{*problem}
	}
	says := d.Schemas()
	for i, schema := range []json.RawMessage{written.Config, written.Params, written.Facts} {
		if alikeJSON(schema, says[i]) {
			continue
		}
		what := [...]string{"configuration", "parameters", "facts"}[i]
		warning := src.Problem(config.Join(p.Path, "schemaFile"), "the plugin that was started describes its "+what+" in another way: "+
			"check --offline and test do not know it as it is", "write it again: "+describeCommandLine(p))
		warning.Warning = true
		return []config.Problem{warning}
	}
	return nil
}

// alikeJSON reports whether two texts are the same value, however they are spaced and ordered.
func alikeJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
