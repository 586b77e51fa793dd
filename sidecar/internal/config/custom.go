package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

func (s *Scalar) decode(d *decoder, it item) {
	if _, ok := d.text(it); ok {
		*s = *newScalar(d.src, s.Place, it.node)
	}
}

func (c *Condition) decode(d *decoder, it item) {
	const wanted = "must be an expression, true or false"
	if value, ok := constantBool(it.node); ok {
		c.Const = value
		return
	}
	switch {
	case it.node.Kind == yaml.ScalarNode && it.node.Tag == "!!bool":
		d.report(it, lettersMessage, boolHint(it.node))
	case it.node.Kind == yaml.MappingNode:
		d.report(it, wanted+", not a map", "an expression stands without {{ }}; one that begins with { is put in quotes")
	case !isText(it.node):
		d.report(it, wanted+", not "+describe(it.node), boolHint(it.node))
	case boolHint(it.node) != "":
		d.report(it, fmt.Sprintf("%s, not the word %q", wanted, it.node.Value), boolHint(it.node))
	default:
		c.Expr = newScalar(d.src, c.Place, it.node)
	}
}

func (v *Value) decode(d *decoder, it item) {
	switch {
	case d.template(it):
	case isText(it.node):
		v.Expr = d.expression(it, v.Place)
	case hasText(it.node):
		v.Expr = d.composed(it, v.Place)
	default:
		v.Const, _ = d.constant(it)
	}
}

// expression reads a text as an expression; nil when it is none.
func (d *decoder) expression(it item, place Place) *Scalar {
	n := it.node
	switch {
	case strings.TrimSpace(n.Value) == "":
		d.report(it, "an empty expression", `an empty text is written '""'`)
	case n.Tag == "!!timestamp":
		d.report(it, "a date is no expression", `as text it is written '"`+n.Value+`"'`)
	case boolHint(n) != "":
		d.report(it, fmt.Sprintf("the word %q is no expression", n.Value), boolHint(n)+`, or '"`+n.Value+`"' for the text`)
	default:
		return newScalar(d.src, place, n)
	}
	return nil
}

func (m *Moment) decode(d *decoder, it item) {
	if it.node.Kind == yaml.ScalarNode {
		var err error
		if m.Time, err = time.Parse(time.DateOnly, it.node.Value); err == nil {
			m.Day = true
			return
		}
		if m.Time, err = time.Parse("2006-01-02T15:04Z", it.node.Value); err == nil {
			return
		}
	}
	d.report(it, "must be a day or a minute in UTC, not "+describe(it.node), "write 2026-12-01 or 2026-12-01T18:00Z")
}

func (*Moment) shape(*schemaMaker) shape {
	return shape{"type": "string", "pattern": `^\d{4}-\d\d-\d\d(T\d\d:\d\dZ)?$`}
}

func (g *Groups) decode(d *decoder, it item) {
	if !d.wants(it, yaml.SequenceNode, "a list") {
		return
	}
	*g = Groups{}
	for i, n := range it.node.Content {
		if d.bad[n] {
			continue
		}
		if name, ok := d.text(item{node: n, path: element(it.path, i)}); ok {
			*g = append(*g, name)
		}
	}
}

func (*Groups) shape(*schemaMaker) shape {
	return shape{"type": "array", "items": shape{"type": "string"}}
}

// claimTypes are the words for the types of claims.
var claimTypes = [...]string{"string", "bool", "integer", "number", "list", "object"}

func (r *Requirement) decode(d *decoder, it item) {
	text, ok := d.text(it)
	if ok && !slices.Contains(claimTypes[:], text) {
		d.report(it, fmt.Sprintf("%q is not a type of a claim", text), Suggest(text, claimTypes[:]))
	}
	r.Type = text
}

// bonds are the words for what is known of a link.
var bonds = [...]string{"none", "first", "explicit", "other", "changed", "moved"}

func (b *Bond) decode(d *decoder, it item) {
	text, ok := d.text(it)
	if ok && !slices.Contains(bonds[:], text) {
		d.report(it, fmt.Sprintf("%q says nothing of a link", text), Suggest(text, bonds[:]))
	}
	b.Is = text
}

func (c *Claim) decode(d *decoder, it item) {
	var out bytes.Buffer
	if d.json(it, &out) {
		c.JSON = out.Bytes()
	}
	d.oldBools(it)
}

// oldBools is oldBool for a value and all that is in it.
func (d *decoder) oldBools(it item) {
	switch it.node.Kind {
	case yaml.SequenceNode:
		for i, n := range it.node.Content {
			d.oldBools(item{node: n, path: element(it.path, i)})
		}
	case yaml.MappingNode:
		for _, pair := range d.pairs(it) {
			d.oldBools(pair)
		}
	case yaml.ScalarNode:
		if it.node.Tag == "!!str" {
			d.oldBool(it)
		}
	}
}

var digest = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

const unverified = "unverified"

// decode reads digests as they stand: one that is all digits is a number to YAML.
func (g *Digests) decode(d *decoder, it item) {
	if it.node.Kind == yaml.ScalarNode {
		if g.Unverified = it.node.Value == unverified; !g.Unverified {
			d.report(it, "must be a map of paths and digests, or the word unverified", digestHint)
		}
		return
	}
	if !d.wants(it, yaml.MappingNode, "a map of paths and digests") {
		return
	}
	g.Files = map[string]string{}
	for _, pair := range d.pairs(it) {
		path := pair.key.Value
		good := wholePath(path) && !d.bad[pair.node] && pair.node.Kind == yaml.ScalarNode && digest.MatchString(pair.node.Value)
		d.strange[it.node] = d.strange[it.node] || !good
		switch {
		case good:
			g.Files[path] = strings.ToLower(pair.node.Value)
		case !wholePath(path):
			d.add(problemAt(d.src.start(pair.key), pair.path, fmt.Sprintf("%q is not an absolute path", path), ""))
		case !d.bad[pair.node]:
			d.report(pair, "must be 64 hexadecimal digits", "print them with: sha256sum "+path)
		}
	}
}

const digestHint = `sha256: {/path/of/program: 64 digits}, printed by sha256sum; "sha256: unverified" starts whatever stands there`

// decode reads the short form of an address, and else the long one.
func (l *Listen) decode(d *decoder, it item) {
	if it.node.Kind == yaml.MappingNode {
		d.structure(it, valueOf(l))
		return
	}
	text, ok := d.text(it)
	if !ok {
		return
	}
	socket, unix := strings.CutPrefix(text, "unix://")
	switch {
	case !unix:
		d.report(it, "must be an address such as unix:///run/claimsmith/hook.sock", listenHint(text))
	case !strings.HasPrefix(socket, "/"):
		d.report(it, "the path of a socket must be absolute", "write unix:///"+socket)
	default:
		l.Socket = socket
		d.socket(it, socket)
	}
}

func listenHint(text string) string {
	switch {
	case strings.HasPrefix(text, "/"):
		return "write unix://" + text
	case strings.HasPrefix(text, "unix:/"):
		return "write unix://" + strings.TrimPrefix(text, "unix:")
	}
	if _, _, err := net.SplitHostPort(text); err != nil {
		return ""
	}
	return "for TCP write: {tcp: " + quoteYAML(text) + ", tls: {certFile: ..., keyFile: ..., clientCAFile: ...}}"
}

// decode reads the words that belong to an answer, and keeps the rest as the facts themselves.
func (f *Facts) decode(d *decoder, it item) {
	if !d.wants(it, yaml.MappingNode, "a map of facts") {
		return
	}
	var facts []item
	fields, v := fieldsOf(valueOf(f).Type()), valueOf(f)
	for _, pair := range d.pairs(it) {
		i := slices.IndexFunc(fields, func(known field) bool { return known.key == pair.key.Value })
		switch {
		case i >= 0:
			d.field(pair, fields[i], v.FieldByIndex(fields[i].index))
		case pair.key.Value == "asked":
			d.add(problemAt(d.src.start(pair.key), pair.path, "whether a lookup was asked is not given", "without facts it was not asked"))
		default:
			facts = append(facts, pair)
		}
	}
	var out bytes.Buffer
	d.jsonMap(it, facts, &out)
	f.Data = json.RawMessage(out.Bytes())
	d.checkFacts(it, f, len(facts))
}
