package facts

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const named = `"attributes": {"type": "array", "items": {"type": "object", "properties": {
	"name": {"type": "string"}, "value": {"type": "string"}, "values": {"type": "array", "items": {"type": "string"}}}}}`

func TestGiven(t *testing.T) {
	typ := mustParse(t, `{"type": "object", "properties": {"name": {"type": ["string", "null"]}, `+named+`,
		"pairs": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}, "value": {"type": "string"}}}}}}`)
	type attribute = map[string]any
	tests := []struct {
		name, data string
		want       map[string]any
		problems   []Problem
	}{
		{"nothing", ``, map[string]any{"name": nil, "attributes": []attribute{}, "pairs": []attribute{}}, nil},
		{"by name", `{"name": null, "attributes": {"quota": "5 GB", "mail": ["a", "b"]}, "pairs": {"x y": "z"}}`, map[string]any{"name": nil,
			"attributes": []attribute{{"name": "quota", "value": "5 GB", "values": []string{"5 GB"}}, {"name": "mail", "value": "a", "values": []string{"a", "b"}}},
			"pairs":      []attribute{{"name": "x y", "value": "z"}}}, nil},
		{"as the plugin answers", `{"attributes": [{"name": "quota", "value": "5 GB"}]}`, map[string]any{"name": nil,
			"attributes": []attribute{{"name": "quota", "value": "5 GB", "values": []string{}}}, "pairs": []attribute{}}, nil},
		{"neither text nor texts", `{"attributes": {"quota": 5, "a": [], "b": ["x", 1], "c": null}, "name": 1}`, nil, []Problem{
			{Path: "attributes.quota", Message: "must be a string or a list of strings, not a number"},
			{Path: "attributes.a", Message: "must be a string or a list of strings, not a list"},
			{Path: "attributes.b", Message: "must be a string or a list of strings, not a list"},
			{Path: "attributes.c", Message: "must be a string or a list of strings, not null"},
			{Path: "name", Message: "must be a string, not a number"}}},
		{"twice", `{"attributes": {"a": "x", "A": "y"}}`, nil, []Problem{{Message: "attributes.A: member given twice, up to case"}}},
		{"no object", `[]`, nil, []Problem{{Message: "must be an object, not a list"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, problems := typ.Given([]byte(tt.data))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.problems, problems); diff != "" {
				t.Error(diff)
			}
		})
	}
}
