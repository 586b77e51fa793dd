package sdk

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
)

// words are the kinds of a shape as people say them.
var words = map[string]string{
	"object": "an object", "array": "a list", "string": "a string", "boolean": "true or false", "integer": "an integer", "number": "a number",
}

// jsonType names the JSON type of v.
func jsonType(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	}
	return "an object"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// sorted gives the keys of m in order, so that problems come in the same order every time.
func sorted(m map[string]any) iter.Seq[string] { return slices.Values(slices.Sorted(maps.Keys(m))) }
