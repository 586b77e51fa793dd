package synology

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// row is what a table says of a field.
type row struct{ name, second, meaning string }

// rows reads the table below a header out of a text.
func rows(text, header string) []row {
	var all []row
	_, below, _ := strings.Cut(text, header+"\n")
	for line := range strings.Lines(below) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) < 2 || !strings.HasPrefix(line, "|") {
			break
		}
		if strings.HasPrefix(cells[0], "---") {
			continue
		}
		r := row{name: strings.Trim(cells[0], " `"), meaning: strings.TrimSpace(cells[len(cells)-1])}
		if len(cells) == 3 {
			r.second = strings.TrimSpace(cells[1])
		}
		all = append(all, r)
	}
	return all
}

// fields is the table that a struct wants: second gives the middle column.
func fields(v any, second func(reflect.StructField) string) []row {
	var all []row
	t := reflect.TypeOf(v)
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		all = append(all, row{name, second(t.Field(i)), t.Field(i).Tag.Get("doc")})
	}
	return all
}

func TestTheREADMEIsTrue(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(data)
	t.Run("headings", func(t *testing.T) {
		got := regexp.MustCompile(`(?m)^## (.*)$`).FindAllString(readme, -1)
		want := []string{"## Name", "## Description", "## Configuration", "## Facts", "## Examples", "## See also"}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("headings %q, want %q", got, want)
		}
	})
	required := func(f reflect.StructField) string {
		if strings.Contains(f.Tag.Get("json"), ",omitempty") {
			return "no"
		}
		return "yes"
	}
	kinds := map[string]string{"string": "string", "int64": "integer", "bool": "boolean", "[]string": "list of strings"}
	tables := []struct {
		header string
		want   []row
	}{
		{"| key | required | meaning |", fields(Config{}, required)},
		{"| key of a link | required | meaning |", fields(Link{}, required)},
		{"| parameter | meaning |", fields(Params{}, func(reflect.StructField) string { return "" })},
		{"| fact | type | meaning |", fields(Facts{}, func(f reflect.StructField) string { return kinds[f.Type.String()] })},
	}
	for _, table := range tables {
		t.Run(table.header, func(t *testing.T) {
			if got := rows(readme, table.header); !reflect.DeepEqual(got, table.want) {
				t.Errorf("table\n got %+v\nwant %+v", got, table.want)
			}
		})
	}
	t.Run("problems", func(t *testing.T) {
		want := []string{"(empty)", none, ambiguous, disabled, expired, noEmail, badLink}
		var got []string
		for _, r := range rows(readme, "| problem | what it means | facts |") {
			got = append(got, r.name)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("problems %q, want %q", got, want)
		}
	})
	t.Run("examples name no key that there is not", func(t *testing.T) {
		known := map[string]bool{}
		for _, r := range fields(Config{}, required) {
			known[r.name] = true
		}
		for _, block := range regexp.MustCompile(`(?m)^    config:\n((?:      .*\n)+)`).FindAllStringSubmatch(readme, -1) {
			for _, line := range regexp.MustCompile(`(?m)^      (\w+):`).FindAllStringSubmatch(block[1], -1) {
				if !known[line[1]] {
					t.Errorf("an example has the key %s", line[1])
				}
			}
		}
	})
}
