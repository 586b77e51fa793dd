package config

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Table is a map or a list that rules use by its name: Values, or those that File has.
type Table struct {
	Place
	Name       string
	Values     TableValues `key:"values" is:"empty" doc:"A map of names to texts or lists of texts, or a list of texts."`
	File       string      `key:"file" doc:"A YAML, JSON or CSV file with the values; relative to this file. A change of it is taken over like one of this file."` // joined to the folder of the file
	IgnoreCase bool        `key:"ignoreCase" doc:"Finds names whatever their case. Default false."`
}

// TableValues are texts by name or in a row; of a map, a value may be several. Exactly one is not nil.
type TableValues struct {
	Place
	Map  map[string][]string
	List []string
}

func (t *TableValues) decode(d *decoder, it item) {
	switch it.node.Kind {
	case yaml.MappingNode:
		t.Map = map[string][]string{}
		for _, pair := range d.pairs(it) {
			if values, ok := d.texts(pair); ok {
				t.Map[pair.key.Value] = values
			}
		}
	case yaml.SequenceNode:
		t.List, _ = d.texts(it)
	default:
		d.report(it, "must be a map or a list, not "+describe(it.node), "")
	}
}

func numberHint(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return "a number is quoted"
	}
	return ""
}

// texts are what stands for a name: a text, or a list of them.
func (d *decoder) texts(it item) (out []string, good bool) {
	if isText(it.node) {
		return []string{it.node.Value}, true
	}
	if it.node.Kind != yaml.SequenceNode {
		d.report(it, "must be text or a list of texts, not "+describe(it.node), numberHint(it.node))
		return nil, false
	}
	out, good = []string{}, true
	for i, n := range it.node.Content {
		if !isText(n) {
			d.report(item{node: n, path: element(it.path, i)}, "must be text, not "+describe(n), numberHint(n))
			good = false
			continue
		}
		out = append(out, n.Value)
	}
	return out, good
}

// ParseTable reads the values of a table from a file of YAML or JSON.
func ParseTable(name string, data []byte) (TableValues, []Problem) {
	src := newSource(name, string(data))
	var values TableValues
	if problem, ok := unreadable(src, data, string(data)); ok && len(data) <= maxFile {
		return values, []Problem{problem}
	}
	root, problem := parseYAML(src, string(data))
	if problem != nil {
		return values, []Problem{*problem}
	}
	d := &decoder{src: src, kept: map[bool]int{}, bad: map[*yaml.Node]bool{}, strange: map[*yaml.Node]bool{}}
	d.hygiene(item{node: root}, nil, 0)
	if !d.bad[root] {
		values.decode(d, item{node: root})
	}
	return values, Sorted(d.problems)
}

func (d *decoder) checkTables(tables []Table) {
	for i := range tables {
		t := &tables[i]
		if message, hint := badName(t.Name); message != "" {
			d.wrongKey(t.Path, message, hint)
		}
		if t.has("values") == t.has("file") && !d.strange[t.node] {
			d.wrong(t.Path, fmt.Sprintf("the table %q has either values or a file", t.Name), "write values: {...} or file: ...")
		}
	}
}

func (*TableValues) shape(*schemaMaker) shape {
	text := shape{"type": "string"}
	texts := shape{"type": "array", "items": text}
	return shape{"anyOf": []any{shape{"type": "object", "additionalProperties": shape{"anyOf": []any{text, texts}}}, texts}}
}
