package config

import (
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// text reads a text. Words that YAML takes for something else must be quoted, so that nobody wonders what they are.
func (d *decoder) text(it item) (string, bool) {
	if it.node.Kind != yaml.ScalarNode {
		d.report(it, "must be text, not "+describe(it.node), "")
		return "", false
	}
	if !isText(it.node) {
		d.report(it, "must be text, not "+describe(it.node), "quote it: "+quoteYAML(it.node.Value))
		return "", false
	}
	return it.node.Value, true
}

// isText reports whether a value is text. Dates are, and so is "<<" where no maps are merged.
func isText(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == "!!str" || n.Tag == "!!timestamp" || n.Tag == "!!merge")
}

// boolean reads true or false, in those words only.
func (d *decoder) boolean(it item) bool {
	value, ok := constantBool(it.node)
	switch {
	case ok:
	case it.node.Kind == yaml.ScalarNode && it.node.Tag == "!!bool":
		d.report(it, lettersMessage, boolHint(it.node))
	default:
		d.report(it, "must be true or false, not "+describe(it.node), boolHint(it.node))
	}
	return value
}

const lettersMessage = "true and false must be in small letters"

// constantBool accepts what JSON accepts: YAML would take True and TRUE as well.
func constantBool(n *yaml.Node) (value, ok bool) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Value != "true" && n.Value != "false" {
		return false, false
	}
	return n.Value == "true", true
}

// boolHint knows the words that meant true or false in older YAML, and still do in other tools.
func boolHint(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Style != 0 {
		return ""
	}
	switch strings.ToLower(n.Value) {
	case "yes", "on", "y", "true":
		return "write true"
	case "no", "off", "n", "false":
		return "write false"
	}
	return ""
}

var (
	plainInt    = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
)

// count reads a whole number that is not negative.
func (d *decoder) count(it item) int64 {
	n, err := strconv.ParseInt(it.node.Value, 10, 64)
	switch {
	case it.node.Kind != yaml.ScalarNode || it.node.Tag != "!!int":
		d.report(it, "must be a whole number, not "+describe(it.node), "")
	case !plainInt.MatchString(it.node.Value):
		d.report(it, "a number must be written with digits only", "")
	case err != nil || n < 0 || n > 1<<32-1:
		d.report(it, "must be a number from 0 to 4294967295", "")
	default:
		return n
	}
	return 0
}

// duration reads a positive span of time with its unit.
func (d *decoder) duration(it item) time.Duration {
	const wanted = "must be a duration such as 30s, 10m or 24h"
	if it.node.Kind != yaml.ScalarNode {
		d.report(it, wanted+", not "+describe(it.node), "")
		return 0
	}
	value := it.node.Value
	span, err := time.ParseDuration(value)
	switch {
	case it.node.Tag == "!!int" || it.node.Tag == "!!float":
		d.report(it, "a duration needs a unit", "write "+value+"s for seconds")
	case err != nil && strings.HasSuffix(value, "d") && plainInt.MatchString(value[:len(value)-1]):
		d.report(it, "a duration has no days", dayHint(value))
	case err != nil:
		d.report(it, wanted, "")
	case span <= 0:
		d.report(it, "a duration must be positive", "")
	default:
		return span
	}
	return 0
}

func dayHint(value string) string {
	days, err := strconv.Atoi(value[:len(value)-1])
	if err != nil || days < 1 || days > 3650 {
		return "count in hours"
	}
	return fmt.Sprintf("write %dh", days*24)
}

var octal = regexp.MustCompile(`^0[0-7]{3}$`)

// mode reads file permissions, which must be quoted: YAML and people read 0660 in different ways.
func (d *decoder) mode(it item) fs.FileMode {
	const wanted = `must be permissions such as "0660"`
	if it.node.Kind == yaml.ScalarNode && it.node.Tag == "!!int" {
		d.report(it, wanted+", in quotes", "quote it: "+quoteYAML(it.node.Value))
		return 0
	}
	if it.node.Kind != yaml.ScalarNode || !octal.MatchString(it.node.Value) {
		d.report(it, wanted+": four digits, the first is 0", "")
		return 0
	}
	bits, err := strconv.ParseUint(it.node.Value, 8, 32)
	if err != nil || bits&0o600 != 0o600 {
		d.report(it, "the owner of the socket must be able to read and write it", `write "0660"`)
		return 0
	}
	return fs.FileMode(bits)
}

// describe names what the file says where something else is wanted.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!int":
		return "a number"
	case "!!float":
		return "a decimal number"
	case "!!bool":
		return "true or false"
	}
	if n.Value == "" {
		return "empty text"
	}
	return "text"
}
