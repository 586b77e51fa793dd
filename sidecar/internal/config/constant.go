package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/claimsmith/claimsmith/sidecar/fold"
)

// constant turns a value of the file that holds no text into Go: bool, int64, float64, []any, map[string]any. It reports what has no
// such value, and then returns false. Numbers are read as JSON reads them, so that nobody has to know what YAML makes of
// 0660 or 1_000.
func (d *decoder) constant(it item) (any, bool) {
	if d.bad[it.node] {
		return nil, false
	}
	switch it.node.Kind {
	case yaml.SequenceNode:
		return d.constantList(it)
	case yaml.MappingNode:
		return d.constantMap(it)
	}
	switch it.node.Tag {
	case "!!bool":
		value, ok := constantBool(it.node)
		if !ok {
			d.report(it, lettersMessage, boolHint(it.node))
		}
		return value, ok
	case "!!int", "!!float":
		return d.constantNumber(it)
	}
	return nil, false // a missing value, which is reported already
}

// oldBool warns of words that older YAML, and other tools, take for true or false: here they are text.
func (d *decoder) oldBool(it item) {
	if hint := boolHint(it.node); hint != "" {
		d.warn(it.path, fmt.Sprintf("the word %q is text here", it.node.Value), hint+", or quote it for the text")
	}
}

func (d *decoder) constantNumber(it item) (any, bool) {
	value := it.node.Value
	if !d.jsonNumber(it, `as text it is written '"`+value+`"'`) {
		return nil, false
	}
	if plainInt.MatchString(value) {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			d.report(it, "a whole number that does not fit into 64 bits", "")
		}
		return n, err == nil
	}
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsInf(f, 0) {
		d.report(it, "a number that is too large", "")
		return nil, false
	}
	return f, true
}

// jsonNumber reports whether a number is written as JSON writes it.
func (d *decoder) jsonNumber(it item, hint string) bool {
	if plainNumber.MatchString(it.node.Value) {
		return true
	}
	d.report(it, "a number must be written with plain digits, such as 1000 or 0.5", hint)
	return false
}

func (d *decoder) constantList(it item) (any, bool) {
	out, good := make([]any, 0, len(it.node.Content)), true
	for i, n := range it.node.Content {
		value, ok := d.constant(item{node: n, path: element(it.path, i)})
		out, good = append(out, value), good && ok
	}
	return out, good
}

func (d *decoder) constantMap(it item) (any, bool) {
	out, good := map[string]any{}, d.unfolded(it)
	for _, pair := range d.pairs(it) {
		value, ok := d.constant(pair)
		out[pair.key.Value], good = value, good && ok
	}
	return out, good && len(out) == len(it.node.Content)/2
}

// json turns a value of the file into JSON, in the order of the file. Numbers keep their digits.
func (d *decoder) json(it item, out *bytes.Buffer) bool {
	if d.bad[it.node] {
		return false
	}
	switch it.node.Kind {
	case yaml.SequenceNode:
		good := true
		out.WriteByte('[')
		for i, n := range it.node.Content {
			separate(out, i)
			good = d.json(item{node: n, path: element(it.path, i)}, out) && good
		}
		out.WriteByte(']')
		return good
	case yaml.MappingNode:
		return d.jsonMap(it, d.pairs(it), out)
	}
	switch it.node.Tag {
	case "!!int", "!!float":
		out.WriteString(it.node.Value)
		return d.jsonNumber(it, "if it is meant as text, quote it")
	case "!!null":
		out.WriteString("null")
		return true
	case "!!bool":
		value, ok := d.constant(it)
		fmt.Fprint(out, value)
		return ok
	}
	writeText(out, it.node.Value)
	return true
}

func (d *decoder) jsonMap(it item, pairs []item, out *bytes.Buffer) bool {
	good := d.unfolded(it) && len(d.pairs(it)) == len(it.node.Content)/2
	out.WriteByte('{')
	for i, pair := range pairs {
		separate(out, i)
		writeText(out, pair.key.Value)
		out.WriteByte(':')
		good = d.json(pair, out) && good
	}
	out.WriteByte('}')
	return good
}

// object turns a map of the file into a JSON object.
func (d *decoder) object(it item) (json.RawMessage, bool) {
	if !d.wants(it, yaml.MappingNode, "a map of keys") {
		return nil, false
	}
	var out bytes.Buffer
	good := d.json(it, &out)
	return out.Bytes(), good
}

func separate(out *bytes.Buffer, i int) {
	if i > 0 {
		out.WriteByte(',')
	}
}

// writeText writes a JSON string and leaves < and & as they are.
func writeText(out *bytes.Buffer, text string) {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a string always encodes, and a buffer takes all
	out.Truncate(out.Len() - 1)
}

// unfolded reports keys that differ only in case: some readers of JSON take them for one.
func (d *decoder) unfolded(it item) bool {
	seen, good := map[string]string{}, true
	for _, pair := range d.pairs(it) {
		name := pair.key.Value
		other, again := seen[fold.Key(name)]
		if again {
			d.add(problemAt(d.src.start(pair.key), pair.path, fmt.Sprintf("%q differs from %q only in case", name, other), ""))
			good = false
		}
		seen[fold.Key(name)] = name
	}
	return good
}
