package config

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("claimsmith.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("claimsmith.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func instance(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSchemaAcceptsGoodFiles(t *testing.T) {
	schema := compiled(t)
	for _, file := range []string{"testdata/household.yaml", "../../../examples/household/claimsmith.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance(t, string(text))); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	if err := schema.Validate(instance(t, strings.ReplaceAll(everything, "123456789012345678901234567890", "1"))); err != nil {
		t.Errorf("everything: %v", err)
	}
}

func TestSchemaSeesWhatEditorsShouldMark(t *testing.T) {
	schema := compiled(t)
	for _, c := range []struct{ name, yaml string }{
		{"no address", "budget: 2s"},
		{"an unknown key", "listen: unix:///c\nmetrics: {}"},
		{"an unknown key in a step", "listen: unix:///c\npipeline: [{remove: [a], onerror: fail}]"},
		{"a step with two actions", "listen: unix:///c\npipeline: [{remove: [a], set: {b: c}}]"},
		{"a step with none", "listen: unix:///c\npipeline: [{name: a}]"},
		{"a refusal without words", "listen: unix:///c\npipeline: [{deny: true}]"},
		{"with without lookup", "listen: unix:///c\npipeline: [{remove: [a], with: {b: c}}]"},
		{"a duration without unit", "listen: unix:///c\nbudget: 5"},
		{"an unknown word", "listen: unix:///c\nlog: {level: loud}"},
		{"a plugin with builtin and command", "listen: unix:///c\nplugins: {a: {builtin: b, command: [/c], sha256: unverified}}"},
		{"a command without digest", "listen: unix:///c\nplugins: {a: {command: [/c]}}"},
		{"a null", "listen: unix:///c\npipeline: [{set: {a: null}}]"},
		{"an empty list", "listen: unix:///c\npipeline: [{remove: []}]"},
		{"tcp without tls", "listen: {tcp: a}"},
		{"permissions as a number", "listen: {socket: /c, mode: 660}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := schema.Validate(instance(t, c.yaml)); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// Whatever the schema refuses, check refuses too: an editor never marks a good file.
func TestSchemaIsNoStricterThanCheck(t *testing.T) {
	schema := compiled(t)
	for _, gallery := range []string{"listen", "plugins", "steps", "tests", "tracing"} {
		archive, err := txtar.ParseFile("testdata/" + gallery + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			input, _, _ := strings.Cut(string(f.Data), dashes)
			_, _, problems := Parse("t.yaml", []byte(input), Options{})
			if HasErrors(problems) {
				continue
			}
			if err := schema.Validate(instance(t, input)); err != nil {
				t.Errorf("%s/%s: %v", gallery, f.Name, err)
			}
		}
	}
}

func TestEachKeyIsExplained(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		for _, f := range fieldsOf(typ) {
			if f.doc == "" || !strings.HasSuffix(f.doc, ".") {
				t.Errorf("%s.%s: doc is %q", typ.Name(), f.key, f.doc)
			}
			walk(f.typ)
		}
	}
	walk(reflect.TypeFor[Config]())
}
