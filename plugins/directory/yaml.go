package directory

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseYAML reads a file like
//
//	people:
//	  - name: mum
//	    email: mum@example.org
//	    groups: [family]
func parseYAML(data []byte) (*people, []finding) {
	var f findings
	if at, ok := decodable(data); !ok {
		f.add(at, notUTF8, saveAsUTF8)
		return nil, f.found
	}
	d := &document{builder: newBuilder(&f)}
	if root := d.read(data); root != nil {
		d.file(root)
	}
	if len(f.found) > 0 {
		return nil, f.found
	}
	return &d.people, nil
}

// document is a file that is being read.
type document struct{ *builder }

// read gives the root of the one document in data, or nil with the reason noted.
func (d *document) read(data []byte) *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var root, more yaml.Node
	switch err := dec.Decode(&root); {
	case errors.Is(err, io.EOF):
		d.findings.add(place{1, 1}, "the file is empty", "begin with people:")
		return nil
	case err != nil:
		d.syntax(err)
		return nil
	}
	switch err := dec.Decode(&more); {
	case errors.Is(err, io.EOF):
	case err != nil:
		d.syntax(err)
		return nil
	default:
		d.findings.add(at(&more), "a second document begins here", "leave out the line ---")
		return nil
	}
	if len(root.Content) == 0 {
		d.findings.add(place{1, 1}, "the file is empty", "begin with people:")
		return nil
	}
	return root.Content[0]
}

// complaint is how the YAML library puts its errors. It quotes names of the file, which are left out, and signs, which are not.
var complaint = regexp.MustCompile(`^yaml: (?:line (\d+): )?((?:[A-Za-z0-9 ,-]|'[^A-Za-z0-9\s]'){1,100})`)

// syntax notes an error of the YAML library, without what it may quote of the file.
func (d *document) syntax(err error) {
	m := complaint.FindStringSubmatch(err.Error())
	if m == nil {
		d.findings.add(place{1, 1}, "not valid YAML", "")
		return
	}
	line, _ := strconv.Atoi(m[1]) // none: 0
	d.findings.add(place{max(line, 1), 1}, "not valid YAML: "+strings.TrimSpace(m[2]), "")
}

func at(n *yaml.Node) place { return place{n.Line, n.Column} }

func (d *document) file(root *yaml.Node) {
	members := d.mapping(root, "people", "groups")
	if groups := members["groups"]; groups != nil {
		d.groups = map[string]bool{}
		for _, c := range d.list(groups, "a list of the groups that there are") {
			if d.text(c, "the group") && d.groups[c.text] {
				d.findings.add(c.place, "this group is listed already", "")
			}
			d.groups[c.text] = true
		}
	}
	switch list := members["people"]; {
	case list == nil && root.Kind == yaml.MappingNode:
		d.findings.add(at(root), "people is missing", "begin with people:")
	case list == nil:
	case list.Kind != yaml.SequenceNode:
		d.findings.add(at(list), "must be a list of people", "begin each with a hyphen: - name: mum")
	case d.bare(list):
		for _, n := range list.Content {
			d.person(n)
		}
	}
}

func (d *document) person(n *yaml.Node) {
	members := d.mapping(n, keys()...)
	if members == nil {
		return
	}
	e := entry{place: at(n), plain: make([]cell, len(plain))}
	for i, p := range plain {
		if m := members[p.name]; m != nil {
			e.plain[i], _ = d.scalar(m)
		}
	}
	if m := members[keyName]; m != nil {
		c, ok := d.scalar(m)
		if !ok {
			return
		}
		e.name = &c
	}
	if m := members[keyEmail]; m != nil {
		e.email = d.oneOrMore(m)
	}
	if m := members[keyGroups]; m != nil {
		e.groups = d.list(m, "a list of groups")
	}
	if m := members[keyDisabled]; m != nil {
		e.disabled = d.truth(m)
	}
	if m := members[keyAttributes]; m != nil {
		e.attributes = d.attributes(m)
	}
	d.add(e)
}

func (d *document) attributes(n *yaml.Node) (all []extra) {
	for key, value := range d.pairs(n, "a map of names and values") {
		name := cell{at(key), key.Value}
		if !d.attributeName(name, all) {
			if len(all) == maxExtra {
				break
			}
			continue
		}
		all = append(all, extra{name, d.oneOrMore(value)})
	}
	return all
}

// mapping gives the values of a map by their keys, which must be among known. It is nil when n is no map.
func (d *document) mapping(n *yaml.Node, known ...string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		d.pairs(n, "a map with the keys "+strings.Join(known, ", "))
		return nil
	}
	members := map[string]*yaml.Node{}
	for key, value := range d.pairs(n, "") {
		switch {
		case !slices.Contains(known, key.Value):
			d.findings.add(at(key), "unknown key", near(key.Value, known))
		case members[key.Value] != nil:
			d.findings.add(at(key), "this key is given twice", "")
		default:
			members[key.Value] = value
		}
	}
	return members
}

// pairs gives keys and values of a map; what says what was wanted.
func (d *document) pairs(n *yaml.Node, what string) func(func(key, value *yaml.Node) bool) {
	if n.Kind != yaml.MappingNode {
		d.wrong(n, what)
		return func(func(key, value *yaml.Node) bool) {}
	}
	d.bare(n)
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || !d.bare(key) {
				d.findings.add(at(key), "must be a plain key", "")
				continue
			}
			if !yield(key, value) {
				return
			}
		}
	}
}

// list gives the values of a list.
func (d *document) list(n *yaml.Node, what string) (all []cell) {
	if n.Kind != yaml.SequenceNode {
		d.wrong(n, what)
		return nil
	}
	d.bare(n)
	for _, m := range n.Content {
		if c, ok := d.scalar(m); ok {
			all = append(all, c)
		}
	}
	return all
}

// oneOrMore gives the values of a list, or the one that stands for a list.
func (d *document) oneOrMore(n *yaml.Node) []cell {
	if n.Kind == yaml.SequenceNode {
		return d.list(n, "")
	}
	if c, ok := d.scalar(n); ok {
		return []cell{c}
	}
	return nil
}

// scalar gives a text as it is written, whatever YAML would make of it.
func (d *document) scalar(n *yaml.Node) (cell, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.wrong(n, "a text")
	case n.Tag == "!!null":
		d.findings.add(at(n), "there is no value", "leave out the key, or write one")
	case d.bare(n):
		if n.Value == "" {
			d.findings.add(at(n), "the value is empty", "leave out the key, or write one")
			return cell{}, false
		}
		return cell{at(n), n.Value}, true
	}
	return cell{}, false
}

func (d *document) truth(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || !d.bare(n) {
		d.findings.add(at(n), "must be true or false", "")
	}
	return n.Value == "true" || n.Value == "True" || n.Value == "TRUE"
}

// bare notes anchors, aliases and tags: in a file that decides logins everything is what it looks like.
func (d *document) bare(n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		d.findings.add(at(n), "anchors, aliases and tags are not used here", "write the value itself, in quotes if it begins with !, & or *")
		return false
	}
	return true
}

// wrong notes a node that is something else than wanted.
func (d *document) wrong(n *yaml.Node, want string) {
	if d.bare(n) {
		d.findings.add(at(n), "must be "+want, "")
	}
}
