package facts

import (
	"strings"
	"testing"
)

func FuzzDecode(f *testing.F) {
	f.Add(`{"name": "mum", "uid": 7, "keys": [{"id": "k"}]}`)
	f.Add(`{"name": "a", "NAME": 1e9}`)
	f.Add(`{"attributes": {"quota": "5 GB", "a b": ["x", 1]}}`)
	typ, err := Parse([]byte(strings.Replace(person, `"keys":`, named+`, "keys":`, 1)))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data string) {
		m, err := typ.Decode([]byte(data))
		if data != "" && (err == nil) != (typ.Check([]byte(data)) == nil) {
			t.Error("Decode and Check differ")
		}
		if err == nil && len(m) != len(typ.Fields) {
			t.Errorf("%d fields, want %d", len(m), len(typ.Fields))
		}
		given, problems := typ.Given([]byte(data))
		if (given == nil) == (problems == nil) {
			t.Errorf("given: %v, %v", given, problems)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(person)
	f.Fuzz(func(t *testing.T, schema string) {
		typ, err := Parse([]byte(schema))
		if err != nil {
			return
		}
		if _, err := typ.Decode(nil); err != nil {
			t.Error(err)
		}
	})
}
