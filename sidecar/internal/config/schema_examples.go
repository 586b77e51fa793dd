package config

import (
	_ "embed"
	"fmt"

	"go.yaml.in/yaml/v3"
)

//go:embed schema_examples.yaml
var schemaExamplesYAML []byte

// schemaExamples returns an example for each key, by the name of the struct that holds it.
func schemaExamples() (map[string]map[string]any, error) {
	var out map[string]map[string]any
	if err := yaml.Unmarshal(schemaExamplesYAML, &out); err != nil {
		return nil, fmt.Errorf("read the examples of the schema: %w", err)
	}
	return out, nil
}
