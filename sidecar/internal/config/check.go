package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// check compares the parts of a file with each other. Parts that could not be read are left alone.
func (d *decoder) check(cfg *Config) {
	if d.sound(cfg.Listen.Place) {
		d.checkListen(&cfg.Listen)
	}
	d.checkRunning(cfg)
	for i := range cfg.Connectors {
		d.checkConnector(&cfg.Connectors[i], cfg.Connectors[:i])
	}
	for i := range cfg.Plugins {
		d.checkPluginName(&cfg.Plugins[i])
		if d.sound(cfg.Plugins[i].Place) {
			d.checkPlugin(&cfg.Plugins[i])
		}
	}
	for i := range cfg.Clients {
		d.checkClient(&cfg.Clients[i])
	}
	d.checkTables(cfg.Tables)
	steps := newStepChecker(d, cfg.Plugins)
	steps.checkAll(cfg.Pipeline)
	steps.checkFlags()
	d.checkTests(cfg.Tests, steps.aliases)
}

// sound reports whether a part was read as a map.
func (d *decoder) sound(p Place) bool {
	return p.node != nil && p.node.Kind == yaml.MappingNode && !d.bad[p.node]
}

// wrong reports the value at a path.
func (d *decoder) wrong(path, message, hint string) {
	if !d.full() {
		d.add(d.src.Problem(path, message, hint))
	}
}

// wrongKey reports the key at the end of a path.
func (d *decoder) wrongKey(path, message, hint string) {
	if !d.full() {
		d.add(d.src.KeyProblem(path, message, hint))
	}
}

func (d *decoder) warn(path, message, hint string) {
	if d.kept[true] >= maxProblems {
		return
	}
	p := d.src.Problem(path, message, hint)
	p.Warning = true
	d.add(p)
}

// misplaced reports those keys of a part that have no meaning in it.
func (d *decoder) misplaced(p Place, message string, keys ...string) {
	for _, key := range keys {
		if p.has(key) {
			d.wrongKey(member(p.Path, key), message, "")
		}
	}
}

// repeated reports what stands in a list for the second time.
func (d *decoder) repeated(path string, list []string) {
	seen := map[string]bool{}
	for i, s := range list {
		if seen[s] {
			d.wrong(element(path, i), fmt.Sprintf("%q is listed twice", s), "")
		}
		seen[s] = true
	}
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// reservedNames are what rules see beside facts.
var reservedNames = [...]string{"identity", "client", "connector", "scopes", "audience", "grant", "stage", "token", "claims"}

// keywords are words of the expression language.
var keywords = [...]string{
	"and", "or", "not", "in", "let", "if", "else", "true", "false", "nil", "matches", "contains", "startsWith", "endsWith",
}

// badName says what keeps a name from being used in expressions.
func badName(name string) (message, hint string) {
	switch {
	case slices.Contains(reservedNames[:], name):
		return fmt.Sprintf("%q means something else in rules", name), "taken are: " + strings.Join(reservedNames[:], ", ")
	case slices.Contains(keywords[:], name):
		return fmt.Sprintf("%q is a word of the expression language", name), ""
	case !identifier.MatchString(name):
		return fmt.Sprintf("rules cannot use the name %q: letters, digits and _ only, and no digit first", name), nameHint(name)
	}
	return "", ""
}

func nameHint(name string) string {
	if better := strings.NewReplacer("-", "_", ".", "_", " ", "_").Replace(name); identifier.MatchString(better) {
		return "write " + better
	}
	return ""
}

func valueOf(p any) reflect.Value { return reflect.ValueOf(p).Elem() }
