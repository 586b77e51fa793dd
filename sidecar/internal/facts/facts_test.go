package facts

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const person = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "facts", "type": "object",
	"additionalProperties": false, "required": ["name"],
	"properties": {
		"name": {"type": "string", "description": "login name"},
		"admin": {"type": "boolean"},
		"uid": {"type": "integer"},
		"score": {"type": "number"},
		"groups": {"type": "array", "items": {"type": "string"}},
		"flags": {"type": "array", "items": {"type": "boolean"}},
		"ids": {"type": "array", "items": {"type": "integer"}},
		"rates": {"type": "array", "items": {"type": "number"}},
		"home": {"type": "object", "properties": {"path": {"type": "string"}, "quota": {"type": "integer"}}},
		"keys": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}}}}
	}
}`

func mustParse(t *testing.T, schema string) *Type {
	t.Helper()
	typ, err := Parse([]byte(schema))
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func TestParse(t *testing.T) {
	got := mustParse(t, `{"type": "object", "required": ["b", "a"], "properties": {
		"a": {"type": "string", "description": "an a", "writeOnly": true},
		"b": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": "integer"}}}}}}`)
	want := &Type{Kind: Object, Required: []string{"a", "b"}, Fields: map[string]*Type{
		"a": {Kind: String, Description: "an a", Secret: true},
		"b": {Kind: List, Elem: &Type{Kind: Object, Fields: map[string]*Type{"c": {Kind: Int}}}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	deep := strings.Repeat(`{"type":"object","properties":{"a":`, 20) + `{"type":"string"}` + strings.Repeat(`}}`, 20)
	tests := []struct{ name, schema, want string }{
		{"nothing", ``, "schema: not valid JSON at byte 0"},
		{"broken JSON", `{"type" "object"}`, "schema: not valid JSON at byte 9"},
		{"bad UTF-8", "{\"type\": \"\xff\"}", "schema: not valid UTF-8"},
		{"a list", `[]`, "schema: not a JSON object"},
		{"a top level that is no object", `{"type": "string"}`, "schema: type must be object and nothing else, not string"},
		{"no type", `{"properties": {}}`, `schema: "type" is missing`},
		{"an inner field without type", `{"type": "object", "properties": {"a": {}}}`, `schema: properties.a: "type" is missing`},
		{"several types", `{"type": ["object", "null"]}`, "schema: type must be object and nothing else, not object"},
		{"three types", `{"type": ["object", "string", "null"]}`, "schema: type: must be one of object, string, boolean, integer, number and array, or a list of one of them and null"},
		{"a list of what may be null", `{"type": "object", "properties": {"a": {"type": "array", "items": {"type": ["string", "null"]}}}}`,
			"schema: properties.a.items: a list of what may be null is not supported"},
		{"null", `{"type": "object", "properties": {"a": {"type": "null"}}}`, "schema: properties.a.type: must be one of object, string, boolean, integer, number and array, or a list of one of them and null"},
		{"a keyword beyond the subset", `{"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string", "enum": []}}}}`,
			`schema: properties.a.items: keyword "enum" is not supported`},
		{"references", `{"$ref": "#/x", "type": "object"}`, `schema: keyword "$ref" is not supported`},
		{"a keyword of another type", `{"type": "object", "properties": {"a": {"type": "string", "items": {}}}}`,
			`schema: properties.a: keyword "items" does not go with type string`},
		{"further members", `{"type": "object", "additionalProperties": true}`, "schema: additionalProperties: must be false"},
		{"a list without elements", `{"type": "object", "properties": {"a": {"type": "array"}}}`, `schema: properties.a: "items" is missing`},
		{"a list of lists", `{"type": "object", "properties": {"a": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}}}`,
			"schema: properties.a.items: a list of lists is not supported"},
		{"a list of secrets", `{"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string", "writeOnly": true}}}}`,
			"schema: properties.a.items: a list of secrets is not supported"},
		{"a secret number", `{"type": "object", "properties": {"a": {"type": "integer", "writeOnly": true}}}`,
			"schema: properties.a.writeOnly: only a string can be secret"},
		{"writeOnly that is no boolean", `{"type": "object", "properties": {"a": {"type": "string", "writeOnly": 1}}}`,
			"schema: properties.a.writeOnly: must be true or false"},
		{"an unknown required field", `{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]}`,
			"schema: required[0]: not one of the properties"},
		{"required that is no list", `{"type": "object", "required": "a"}`, "schema: required: must be a list of strings"},
		{"a required that is no string", `{"type": "object", "required": [1]}`, "schema: required[0]: must be a string"},
		{"a description that is no string", `{"type": "object", "description": {}}`, "schema: description: must be a string"},
		{"properties that are a list", `{"type": "object", "properties": []}`, "schema: properties: must be an object"},
		{"a property that is a list", `{"type": "object", "properties": {"a": []}}`, "schema: properties.a: must be an object"},
		{"items that are a list", `{"type": "object", "properties": {"a": {"type": "array", "items": []}}}`, "schema: properties.a.items: must be an object"},
		{"an odd name", `{"type": "object", "properties": {"a b": {"type": "string"}}}`,
			`schema: properties: the name "a b" must be letters, digits, _ and -, at most 64`},
		{"names equal up to case", `{"type": "object", "properties": {"a": {"type": "string"}, "A": {"type": "string"}}}`,
			"schema: properties.A: member given twice, up to case"},
		{"a deep schema", deep, "schema: " + strings.Repeat("properties.a.", 16) + "type: nested deeper than 32"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.schema))
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFactsMayNotHaveTheNamesOfTheHost(t *testing.T) {
	for _, name := range []string{"asked", "found", "failed", "stale", "age", "problem"} {
		_, err := ParseFacts([]byte(`{"type": "object", "properties": {"` + name + `": {"type": "string"}}}`))
		if want := "schema: properties." + name + ": the name belongs to the host"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := ParseFacts([]byte(person)); err != nil {
		t.Error(err)
	}
}

func zeroPerson() map[string]any {
	return map[string]any{
		"name": "", "admin": false, "uid": int64(0), "score": float64(0),
		"groups": []string{}, "flags": []bool{}, "ids": []int64{}, "rates": []float64{},
		"home": map[string]any{"path": "", "quota": int64(0)},
		"keys": []map[string]any{},
	}
}

func TestWhatMayBeNullIsNil(t *testing.T) {
	typ, err := Parse([]byte(`{"type": "object", "properties": {"phone": {"type": ["string", "null"]}, "groups": {"type": ["array", "null"], "items": {"type": "string"}},
		"home": {"type": "object", "properties": {"quota": {"type": ["integer", "null"]}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	nothing := map[string]any{"phone": nil, "groups": nil, "home": map[string]any{"quota": nil}}
	for data, want := range map[string]map[string]any{
		"": nothing, `{}`: nothing, `{"phone": null, "groups": null, "home": {"quota": null}}`: nothing,
		`{"phone": "", "groups": [], "home": {"quota": 0}}`: {"phone": "", "groups": []string{}, "home": map[string]any{"quota": int64(0)}},
	} {
		got, err := typ.Decode([]byte(data))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", data, err, diff)
		}
	}
}

func TestDecodeIsCompleteAndTyped(t *testing.T) {
	tests := []struct {
		name, data string
		want       func(map[string]any)
	}{
		{"empty data", ``, func(map[string]any) {}},
		{"an empty object", `{}`, func(map[string]any) {}},
		{"all of it", `{"name": "mum", "admin": true, "uid": 9007199254740993, "score": 3, "groups": ["a", "b"],
			"flags": [true], "ids": [-9223372036854775808], "rates": [1e2, 9007199254740992, 18446744073709552000, 0.1234567890123456789], "home": {"path": "/h"}, "keys": [{"id": "k"}, {"tags": ["t"]}]}`,
			func(m map[string]any) {
				m["name"], m["admin"], m["uid"], m["score"] = "mum", true, int64(9007199254740993), float64(3)
				m["groups"], m["flags"] = []string{"a", "b"}, []bool{true}
				m["ids"], m["rates"] = []int64{-9223372036854775808}, []float64{100, 1 << 53, 1 << 64, 0.12345678901234568}
				m["home"] = map[string]any{"path": "/h", "quota": int64(0)}
				m["keys"] = []map[string]any{{"id": "k", "tags": []string{}}, {"id": "", "tags": []string{"t"}}}
			}},
	}
	typ := mustParse(t, person)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := typ.Decode([]byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			want := zeroPerson()
			tt.want(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"broken JSON", `{"name": "mum"`, "not valid JSON at byte 14"},
		{"trailing data", `{} {}`, "not valid JSON at byte 4"},
		{"bad UTF-8", "{\"name\": \"\xff\"}", "not valid UTF-8"},
		{"a list", `[]`, "must be an object, not a list"},
		{"null", `null`, "must be an object, not null"},
		{"an unknown member", `{"nmae": "mum"}`, "nmae: not in the schema"},
		{"an unknown member that is an address", `{"mum@gmail.com": 1}`, "(a name): not in the schema"},
		{"a name in other case", `{"Name": "mum"}`, "Name: not in the schema"},
		{"an unknown member further in", `{"keys": [{}, {"x": 1}]}`, "keys[1].x: not in the schema"},
		{"a null", `{"name": null}`, "name: must be a string, not null"},
		{"a null list", `{"groups": null}`, "groups: must be a list of strings, not null"},
		{"a null in a list", `{"groups": ["a", null]}`, "groups[1]: must be a string, not null"},
		{"a number for a string", `{"name": 7}`, "name: must be a string, not a number"},
		{"a string for a boolean", `{"admin": "yes"}`, "admin: must be a boolean, not a string"},
		{"a string for an integer", `{"uid": "7"}`, "uid: must be an integer, not a string"},
		{"a boolean for a number", `{"score": true}`, "score: must be a number, not a boolean"},
		{"an object for a list", `{"groups": {}}`, "groups: must be a list of strings, not an object"},
		{"a list for an object", `{"home": []}`, "home: must be an object, not a list"},
		{"a list for a string", `{"name": []}`, "name: must be a string, not a list"},
		{"an integer beyond 64 bits", `{"uid": 9223372036854775808}`, "uid: the integer does not fit in 64 bits"},
		{"a fraction", `{"uid": 1.0}`, "uid: must be an integer, without fraction and exponent"},
		{"an integer that a number cannot hold", `{"score": 9007199254740993}`, "score: the integer has more digits than a number can hold"},
		{"one in a list", `{"rates": [1, -9007199254740993]}`, "rates[1]: the integer has more digits than a number can hold"},
		{"a number beyond a double", `{"score": 1e999}`, "score: the number is too large"},
		{"a member twice", `{"name": "a", "name": "b"}`, "name: member given twice, up to case"},
		{"members equal up to case", `{"home": {"path": "a", "PATH": "b"}}`, "home.PATH: member given twice, up to case"},
		{"members equal under Unicode folding", `{"groups": [], "group\u017f": []}`, "(a name): member given twice, up to case"},
		{"deep data", `{"home": ` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "home" + strings.Repeat("[0]", 32) + ": nested deeper than 32"},
	}
	typ := mustParse(t, person)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := typ.Check([]byte(tt.data))
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckOfValuesThatAreNoObjects(t *testing.T) {
	str, list := &Type{Kind: String}, &Type{Kind: List, Elem: &Type{Kind: Int}}
	tests := []struct {
		name string
		typ  *Type
		data string
		want string
	}{
		{"a string", str, `"a"`, ""},
		{"null for a string", str, `null`, "must be a string, not null"},
		{"a list", list, `[1, 2]`, ""},
		{"a string in a list", list, `[1, "a"]`, "[1]: must be an integer, not a string"},
		{"a string for a list", list, `"a"`, "must be a list of integers, not a string"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.typ.Check([]byte(tt.data)); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestZeroValuesAreNotShared(t *testing.T) {
	typ := mustParse(t, person)
	typ.Zero().(map[string]any)["home"].(map[string]any)["path"] = "changed"
	if diff := cmp.Diff(any(zeroPerson()), typ.Zero()); diff != "" {
		t.Error(diff)
	}
}

func TestProblems(t *testing.T) {
	typ := mustParse(t, `{"type": "object", "required": ["url", "password"], "properties": {
		"url": {"type": "string", "description": "address of the NAS"},
		"password": {"type": "string", "writeOnly": true, "description": "of the account"},
		"port": {"type": "integer"},
		"accounts": {"type": "array", "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}}}`)
	tests := []struct {
		name, data string
		want       []Problem
	}{
		{"a good one", `{"url": "u", "passwordFile": "/p", "port": 1, "accounts": [{"name": "a"}]}`, nil},
		{"nothing at all", ``, []Problem{
			{"", `key "passwordFile" is missing`, "of the account", false},
			{"", `key "url" is missing`, "address of the NAS", false},
		}},
		{"everything at once", `{"ulr": "u", "password": "hunter2", "port": "x", "accounts": [{"name": 1}, {"nam": "a"}, 3]}`, []Problem{
			{"ulr", `unknown key "ulr"`, `did you mean "url"?`, true},
			{"password", "a secret is not written here", "put it in a file and write passwordFile: PATH", true},
			{"port", "must be an integer, not a string", "", false},
			{"accounts[0].name", "must be a string, not a number", "", false},
			{"accounts[1].nam", `unknown key "nam"`, `did you mean "name"?`, true},
			{"accounts[1]", `key "name" is missing`, "", false},
			{"accounts[2]", "must be an object, not a number", "", false},
			{"", `key "url" is missing`, "address of the NAS", false},
		}},
		{"nothing near", `{"url": "u", "passwordFile": "/p", "zzzzz": 1, "accounts": {}}`, []Problem{
			{"zzzzz", `unknown key "zzzzz"`, "known here: accounts, passwordFile, port, url", true},
			{"accounts", "must be a list of objects, not an object", "write [{name: ...}]", false},
		}},
		{"the file of a secret is a string", `{"url": "u", "passwordFile": 1}`, []Problem{{"passwordFile", "must be a string, not a number", "", false}}},
		{"no object", `[]`, []Problem{{"", "must be an object, not a list", "", false}}},
		{"no JSON", `{`, []Problem{{"", "not valid JSON at byte 1", "", false}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, typ.Problems([]byte(tt.data))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestClosest(t *testing.T) {
	names := []string{"name", "email", "groups", "id"}
	for written, want := range map[string]string{
		"nmae": "name", "Name": "name", "emial": "email", "group": "groups", "grops": "groups",
		"xyz": "", "": "", "i": "id", "zz": "", strings.Repeat("n", 100): "",
	} {
		if got := Closest(written, names); got != want {
			t.Errorf("Closest(%q) = %q, want %q", written, got, want)
		}
	}
}
