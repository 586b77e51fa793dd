package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth is how deep a file may be nested: far more than a configuration needs.
const maxDepth = 64

// hygiene refuses what is YAML but has no place in a configuration, in a value and all that is in it. What it refuses it
// marks as bad, so that nobody reads it as something else. Parents are the keys above, the last one next to the value.
func (d *decoder) hygiene(it item, parents []string, depth int) {
	switch {
	case depth > maxDepth:
		d.refuse(it, "nested too deep", "")
	case it.node.Kind == yaml.AliasNode:
		d.refuse(it, aliasMessage, "write the value out, or quote it if it is an expression")
	case it.node.Anchor != "":
		d.refuse(it, anchorMessage, "write the value out where it is needed, or quote it if it is an expression")
	case d.tagged(it):
		d.bad[it.node] = true
		start := d.src.start(it.node)
		hint := tagHint(last(parents)+":", strings.TrimSpace(tagOf(it.node)+" "+it.node.Value))
		d.add(problemAt(start, it.path, tagMessage, d.src.discreet(start, hint)))
	case it.node.Tag == "!!null" && it.node.Kind == yaml.ScalarNode && it.node.Value == "null" && insideClaim(it, parents):
	case it.node.Tag == "!!null" && it.node.Kind == yaml.ScalarNode:
		d.refuse(it, "a value is missing", d.nullHint(it, parents))
	case it.node.Kind == yaml.MappingNode:
		d.cleanMap(it, parents, depth)
	case it.node.Kind == yaml.SequenceNode:
		for i, n := range it.node.Content {
			d.hygiene(item{node: n, path: element(it.path, i)}, parents, depth+1)
		}
	}
}

// tagged reports whether a tag stands before a value. One that is a mere "!" leaves no trace in the node.
func (d *decoder) tagged(it item) bool {
	if it.node.Style&yaml.TaggedStyle != 0 {
		return true
	}
	return it.node.Kind == yaml.ScalarNode && it.node.Style == 0 && strings.HasPrefix(d.src.from(d.src.start(it.node)), "!")
}

// insideClaim reports whether a value is a member or an element of a claim that a test wants: tokens may hold null there.
func insideClaim(it item, parents []string) bool {
	at := slices.IndexFunc(parents, func(key string) bool { return key == "claims" || key == "claimsExact" })
	return at > 0 && parents[0] == "tests" && (at < len(parents)-2 || it.key == nil && at < len(parents)-1)
}

func tagOf(n *yaml.Node) string {
	if n.Style&yaml.TaggedStyle == 0 {
		return "!"
	}
	return n.Tag
}

func (d *decoder) cleanMap(it item, parents []string, depth int) {
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(it.node.Content); i += 2 {
		key, value := it.node.Content[i], it.node.Content[i+1]
		if !d.cleanKey(it, key) {
			d.bad[key], d.bad[value] = true, true
			continue
		}
		path := member(it.path, key.Value)
		if first, twice := seen[key.Value]; twice {
			d.add(problemAt(d.src.start(key), path, fmt.Sprintf("duplicate key %q", key.Value),
				fmt.Sprintf("it is already on line %d", first.Line)))
			d.bad[key], d.bad[value] = true, true
		} else {
			seen[key.Value] = key
		}
		d.hygiene(item{key: key, node: value, path: path}, append(parents[:len(parents):len(parents)], key.Value), depth+1)
	}
}

// cleanKey refuses keys that are no plain text.
func (d *decoder) cleanKey(it item, key *yaml.Node) bool {
	message, hint := "", ""
	switch {
	case key.Tag == "!!merge":
		message, hint = `"<<" merges maps in YAML; that is not allowed`, "write the keys out"
	case key.Kind == yaml.AliasNode || key.Anchor != "":
		message, hint = "anchors and aliases are not allowed", "write the key out"
	case key.Kind != yaml.ScalarNode:
		message = "a key must be text"
	case d.tagged(item{node: key}):
		message, hint = tagMessage, "quote the key"
	case key.Tag == "!!null":
		message = "a key is missing"
	default:
		return true
	}
	d.add(problemAt(d.src.start(key), it.path, message, hint))
	return false
}

// nullHint explains a missing value by where it is missing.
func (d *decoder) nullHint(it item, parents []string) string {
	key := last(parents)
	switch {
	case it.key != nil && !d.hasColon(it.key):
		return "inside { } a comma starts the next key: put a value that has a comma in quotes"
	case len(parents) > 1 && parents[len(parents)-2] == "set":
		return "to take a claim away use remove: [" + key + "]"
	case slices.Contains(parents, "set") && it.key != nil:
		return "null is written nil, or left out"
	case len(parents) > 1 && (parents[len(parents)-2] == "claims" || parents[len(parents)-2] == "claimsExact"):
		return "that a claim is not there is written removed: [" + key + "]"
	}
	return ""
}

// hasColon reports whether a colon follows a key: without one, a comma made a key of what comes after it.
func (d *decoder) hasColon(key *yaml.Node) bool {
	after, plain := strings.CutPrefix(d.src.from(d.src.start(key)), key.Value)
	return !plain || strings.HasPrefix(strings.TrimLeft(after, " "), ":")
}

// refuse reports a value and keeps others from reading it.
func (d *decoder) refuse(it item, message, hint string) {
	d.bad[it.node] = true
	d.add(problemAt(d.src.place(it.key, it.node), it.path, message, hint))
}

func last(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}
