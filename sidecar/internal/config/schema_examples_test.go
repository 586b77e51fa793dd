package config

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestEveryKeyHasAnExampleThatFits walks the published schema: each property has an example, and the schema takes it.
func TestEveryKeyHasAnExampleThatFits(t *testing.T) {
	raw, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	seen := 0
	var walk func(at string, node any)
	walk = func(at string, node any) {
		switch node := node.(type) {
		case map[string]any:
			if properties, ok := node["properties"].(map[string]any); ok {
				for key, property := range properties {
					seen++
					checkExample(t, compiler, at+"/properties/"+key, property)
				}
			}
			for key, inner := range node {
				if key != "examples" {
					walk(at+"/"+key, inner)
				}
			}
		case []any:
			for i, inner := range node {
				walk(at+"/"+string(rune('0'+i)), inner)
			}
		}
	}
	walk("#", document)
	if seen < 90 {
		t.Errorf("only %d keys were seen", seen)
	}
	if !json.Valid(raw) {
		t.Error("the schema is no JSON")
	}
}

func checkExample(t *testing.T, compiler *jsonschema.Compiler, at string, property any) {
	t.Helper()
	p, _ := property.(map[string]any)
	examples, _ := p["examples"].([]any)
	if len(examples) == 0 {
		t.Errorf("%s has no example: write one into schema_examples.yaml", at)
		return
	}
	schema, err := compiler.Compile("schema.json" + at)
	if err != nil {
		t.Errorf("%s: %v", at, err)
		return
	}
	for _, example := range examples {
		if err := schema.Validate(example); err != nil {
			t.Errorf("%s: the example does not fit: %v", at, err)
		}
	}
}
