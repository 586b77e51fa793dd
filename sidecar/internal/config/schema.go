package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// shape is a JSON Schema.
type shape = map[string]any

// Schema returns the JSON Schema (draft 2020-12) of the file, made from the structs that it is read into. An editor that
// has it completes keys and shows what they mean. It accepts every file without problems; it does not see every problem.
func Schema() ([]byte, error) {
	examples, err := schemaExamples()
	if err != nil {
		return nil, err
	}
	g := &schemaMaker{defs: shape{}, examples: examples}
	root := g.structure(reflect.TypeFor[Config]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "claimsmith.yaml"
	root["$defs"] = g.defs
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err = enc.Encode(root)
	return out.Bytes(), err
}

// schemaMaker walks the same fields as the decoder.
type schemaMaker struct {
	defs     shape
	examples map[string]map[string]any
}

// shaped is implemented by types whose schema their fields do not tell.
type shaped interface{ shape(*schemaMaker) shape }

// constrained is implemented by structs with rules about several of their keys.
type constrained interface{ constraints() shape }

func (g *schemaMaker) of(t reflect.Type) shape {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case durationType:
		return shape{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
	case modeType:
		return shape{"type": "string", "pattern": octal.String()}
	case jsonType:
		return shape{"type": "object"}
	}
	if s, ok := reflect.New(t).Interface().(shaped); ok {
		return s.shape(g)
	}
	switch t.Kind() {
	case reflect.Struct:
		return g.reference(t)
	case reflect.Slice:
		return shape{"type": "array", "items": g.item(t.Elem())}
	case reflect.Bool:
		return shape{"type": "boolean"}
	case reflect.Int:
		return shape{"type": "integer", "minimum": 0}
	}
	return shape{"type": "string"}
}

// item is the schema of what stands in a list, where no text may be empty.
func (g *schemaMaker) item(t reflect.Type) shape {
	s := g.of(t)
	if t.Kind() == reflect.String {
		s["minLength"] = 1
	}
	return s
}

// reference puts a struct where others can point at it: a step holds steps.
func (g *schemaMaker) reference(t reflect.Type) shape {
	name := strings.ToLower(t.Name()[:1]) + t.Name()[1:]
	if _, known := g.defs[name]; !known {
		g.defs[name] = shape{}
		g.defs[name] = g.structure(t)
	}
	return shape{"$ref": "#/$defs/" + name}
}

func (g *schemaMaker) structure(t reflect.Type) shape {
	properties, required := shape{}, []string{}
	for _, f := range fieldsOf(t) {
		property := g.property(f)
		if example, there := g.examples[t.Name()][f.key]; there {
			property["examples"] = []any{example}
		}
		properties[f.key] = property
		if f.required {
			required = append(required, f.key)
		}
	}
	out := shape{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	if c, ok := reflect.New(t).Interface().(constrained); ok {
		for k, v := range c.constraints() {
			out[k] = v
		}
	}
	return out
}

func (g *schemaMaker) property(f field) shape {
	var s shape
	if f.named {
		s = shape{"type": "object", "additionalProperties": g.of(f.typ.Elem())}
	} else {
		s = g.of(f.typ)
	}
	if f.words != nil {
		s["enum"] = f.words
	}
	typ, _ := s["type"].(string)
	least := map[string]string{"string": "minLength", "array": "minItems", "object": "minProperties"}[typ]
	if least != "" && !f.empty && f.words == nil {
		s[least] = 1
	}
	if f.doc != "" {
		s["description"] = f.doc
	}
	return s
}

func (s *Scalar) shape(*schemaMaker) shape { return shape{"type": "string", "minLength": 1} }

func (c *Condition) shape(*schemaMaker) shape { return shape{"type": []string{"string", "boolean"}} }

func (v *Value) shape(*schemaMaker) shape {
	return shape{"type": []string{"string", "boolean", "number", "array", "object"}, "minLength": 1}
}

func (c *Claim) shape(*schemaMaker) shape {
	return shape{"type": []string{"string", "boolean", "number", "array", "object"}}
}

func (r *Requirement) shape(*schemaMaker) shape { return shape{"enum": claimTypes[:]} }

func (b *Bond) shape(*schemaMaker) shape { return shape{"enum": bonds[:]} }

func (g *Digests) shape(*schemaMaker) shape {
	return shape{"oneOf": []shape{
		{"const": unverified},
		{"type": "object", "minProperties": 1, "additionalProperties": shape{"type": []string{"string", "number"}, "pattern": digest.String()}},
	}}
}

func (l *Listen) shape(g *schemaMaker) shape {
	long := g.structure(reflect.TypeFor[Listen]())
	long["oneOf"] = []shape{{"required": []string{"socket"}}, {"required": []string{"tcp", "tls"}}}
	return shape{"oneOf": []shape{{"type": "string", "pattern": "^unix:///."}, long}}
}

func (f *Facts) shape(g *schemaMaker) shape {
	s := g.structure(reflect.TypeFor[Facts]())
	s["additionalProperties"] = true
	return s
}

func (s *Step) constraints() shape {
	needs := shape{"deny": []string{"message"}, "message": []string{"deny"}}
	for _, key := range lookupKeys {
		needs[key] = []string{"lookup"}
	}
	return shape{"dependentRequired": needs, "oneOf": oneRequired(actionKeys[:])}
}

func (p *Plugin) constraints() shape {
	return shape{"dependentRequired": shape{"command": []string{"sha256"}}, "oneOf": oneRequired([]string{"builtin", "command"})}
}

// oneRequired is the schema of "exactly one of these keys".
func oneRequired(keys []string) []shape {
	out := make([]shape, len(keys))
	for i, key := range keys {
		out[i] = shape{"required": []string{key}}
	}
	return out
}
