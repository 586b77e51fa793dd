// Package readmetest holds the README of a plugin against its types: what they say in their tags is what the README says.
package readmetest

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Plugin is what a README describes.
type Plugin struct {
	Config, Params, Facts any      // zero values of the types
	Problems              []string // the words of Answer.Problem, in the order of the table; (empty) is left out
	Nested                []Nested // structs in the configuration that have a table of their own
}

// Nested is a struct inside of a configuration.
type Nested struct {
	Heading string // of the first column of its table
	Type    any
}

// row is what a table says of a field.
type row struct{ Name, Second, Meaning string }

// Check reads README.md of the package under test.
func Check(t *testing.T, p Plugin) {
	t.Helper()
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(data)
	t.Run("headings", func(t *testing.T) {
		same(t, regexp.MustCompile(`(?m)^## (.*)$`).FindAllString(readme, -1),
			[]string{"## Name", "## Description", "## Configuration", "## Facts", "## Examples", "## See also"})
	})
	t.Run("configuration", func(t *testing.T) {
		same(t, rows(readme, "| key | required | meaning |"), fields(p.Config, required))
	})
	for _, n := range p.Nested {
		t.Run(n.Heading, func(t *testing.T) {
			same(t, rows(readme, "| "+n.Heading+" | required | meaning |"), fields(n.Type, required))
		})
	}
	t.Run("parameters", func(t *testing.T) {
		same(t, rows(readme, "| parameter | meaning |"), fields(p.Params, func(reflect.StructField) string { return "" }))
	})
	t.Run("facts", func(t *testing.T) {
		same(t, rows(readme, "| fact | type | meaning |"), fields(p.Facts, kind))
	})
	t.Run("problems", func(t *testing.T) {
		var got []string
		for _, r := range rows(readme, "| problem | what it means | facts |") {
			got = append(got, r.Name)
		}
		same(t, got, append([]string{"(empty)"}, p.Problems...))
	})
}

func same[T any](t *testing.T, got, want []T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("README.md (-want +got)\n%s", diff)
	}
}

// rows reads the table below a header out of a text.
func rows(text, header string) (all []row) {
	_, below, _ := strings.Cut(text, header+"\n")
	for line := range strings.Lines(below) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) < 2 || !strings.HasPrefix(line, "|") {
			break
		}
		if strings.HasPrefix(cells[0], "---") {
			continue
		}
		r := row{Name: strings.Trim(cells[0], " `"), Meaning: strings.TrimSpace(cells[len(cells)-1])}
		if len(cells) == 3 {
			r.Second = strings.TrimSpace(cells[1])
		}
		all = append(all, r)
	}
	return all
}

// fields is the table that a struct wants: second gives the middle column.
func fields(v any, second func(reflect.StructField) string) (all []row) {
	t := reflect.TypeOf(v)
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		all = append(all, row{name, second(t.Field(i)), t.Field(i).Tag.Get("doc")})
	}
	return all
}

func required(f reflect.StructField) string {
	if strings.Contains(f.Tag.Get("json"), ",omit") {
		return "no"
	}
	return "yes"
}

// kind is the type of a fact in words.
func kind(f reflect.StructField) string {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		return word(t.Elem()) + " or null"
	}
	if t.Kind() == reflect.Slice {
		return "list of " + word(t.Elem()) + "s"
	}
	return word(t)
}

func word(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "integer"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Struct:
		return "object"
	}
	return t.Kind().String()
}
