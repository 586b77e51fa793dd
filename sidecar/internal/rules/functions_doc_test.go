package rules

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the documentation that is made from the tables")

// functionsPage is where people look functions up.
const functionsPage = "../../../examples/rules/FUNCTIONS.md"

func TestTheFunctionsPageIsThatOfThisVersion(t *testing.T) {
	want := page()
	if *update {
		if err := os.WriteFile(functionsPage, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(functionsPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the tables say: go test ./sidecar/internal/rules -run FunctionsPage -update", functionsPage)
	}
}

func page() []byte {
	var b bytes.Buffer
	b.WriteString("<!-- Made from the tables of package rules: go test ./sidecar/internal/rules -run FunctionsPage -update -->\n\n# What rules can say\n\n")
	b.WriteString("Recipes are in [README.md](README.md).\n\n## What they see\n\n| name | type | what it is |\n|---|---|---|\n")
	for _, v := range Variables() {
		row(&b, code(v.Name), v.Type, v.Doc)
	}
	b.WriteString("\nALIAS is the name of a plugin, or what `as:` of a lookup says; the plugin's own facts are beside these, as `ALIAS.FACT`.\n")
	b.WriteString("\n## Operators\n\n`== != < <= > >=` `in` `not in` `contains` `startsWith` `endsWith` `matches \"pattern\"` `and &&` `or ||` `not !` " +
		"`+ - * / % **` `..` `??` `c ? a : b` `if c { a } else { b }` `let x = a; b` `x | f()` `x[1:2]`\n")
	b.WriteString("\n## Functions\n\nNo other can be called. Patterns are constants. Each example stands as it is written behind a key in YAML, and is run by the tests. In a test or a value for each element, `it` is the element; `#` is another name for it, for which YAML wants quotes, because ` #` starts a comment. `#index` is its place. The last columns are the names, or the forms, in CEL with the extensions of cel-go and in JMESPath of the community edition.\n\n| function | what it gives | example | result | CEL | JMESPath |\n|---|---|---|---|---|---|\n")
	for _, f := range Functions() {
		cel, jmespath := f.Elsewhere()
		row(&b, code(f.Signature), f.Doc, code(inYAML(f.Example)), code(f.Result), abroad(cel), abroad(jmespath))
	}
	return b.Bytes()
}

// abroad is a name of another system, or nothing.
func abroad(name string) string {
	if name == "" {
		return ""
	}
	return code(name)
}

// inYAML is an expression as it stands behind a key.
func inYAML(expr string) string {
	if strings.Contains(expr, ": ") || strings.Contains(expr, " #") || strings.HasPrefix(expr, `"`) {
		return "'" + strings.ReplaceAll(expr, "'", "''") + "'"
	}
	return expr
}

func row(b *bytes.Buffer, cells ...string) {
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}

// code keeps what would end a cell from doing so.
func code(s string) string { return "`" + strings.ReplaceAll(s, "|", `\|`) + "`" }
