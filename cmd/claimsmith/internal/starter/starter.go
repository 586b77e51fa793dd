package starter

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

//go:embed template
var files embed.FS

// module is that of a checkout, sdk the one in it that a plugin needs, and proto the one that sdk needs.
const (
	module = "github.com/claimsmith/claimsmith"
	sdk    = module + "/plugins/sdk"
	proto  = module + "/proto"
)

// pluginName is what rules can use as a name, and what a Go module may be called.
var pluginName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// taken are names that mean something else in rules, or in the files.
var taken = map[string]bool{
	"identity": true, "client": true, "connector": true, "scopes": true, "audience": true, "grant": true, "stage": true, "token": true, "claims": true,
	"not": true, "and": true, "or": true, "in": true, "let": true, "if": true, "else": true, "matches": true, "contains": true, "true": true, "false": true, "nil": true,
	"main": true, "test": true, "internal": true, "vendor": true,
}

// ErrName is the error for a name that a plugin cannot have.
var ErrName = errors.New("the name of a plugin is lower-case letters, digits and _, at most 32, begins with a letter, and is no word of rules")

// Options say what is written.
type Options struct {
	Name    string // of the plugin
	Dir     string // of its files; made if it is not there, refused if there is anything in it
	Go      string // version for go.mod, like 1.26
	Version string // of the SDK for go.mod, like v0.1.0; may be empty when there is Replace
	Replace string // whole path of a checkout of claimsmith that is used instead; empty: none
}

// Write writes the files and returns their names in the order of the alphabet. It overwrites nothing.
func Write(o Options) (names []string, err error) {
	if !pluginName.MatchString(o.Name) || taken[o.Name] {
		return nil, ErrName
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	if there, err := os.ReadDir(o.Dir); err != nil {
		return nil, err
	} else if len(there) > 0 {
		return nil, fmt.Errorf("%s is not empty: it holds %s", o.Dir, there[0].Name())
	}
	contents := map[string][]byte{"go.mod": o.goMod(), ".gitignore": []byte("/" + o.Name + "\n")}
	names = []string{".gitignore", "go.mod"}
	entries, err := files.ReadDir("template")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := fs.ReadFile(files, path.Join("template", e.Name()))
		if err != nil {
			return nil, err
		}
		contents[e.Name()] = bytes.ReplaceAll(text, []byte("NAME"), []byte(o.Name))
		names = append(names, e.Name())
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(o.Dir, name), contents[name], 0o644); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func (o Options) goMod() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "module %s\n\ngo %s\n", o.Name, o.Go)
	version := o.Version
	if version == "" && o.Replace != "" {
		version = "v0.0.0"
	}
	if version != "" {
		fmt.Fprintf(&b, "\nrequire %s %s\n", sdk, version)
	}
	if o.Replace != "" {
		fmt.Fprintf(&b, "\nreplace (\n\t%s => %s\n\t%s => %s\n)\n",
			sdk, filepath.Join(o.Replace, "plugins", "sdk"), proto, filepath.Join(o.Replace, "proto"))
	}
	return []byte(b.String())
}
