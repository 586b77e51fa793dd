package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is a configuration as it is written, with the line at which each rule begins.
type document struct {
	strings.Builder
	line   int
	ends   map[*rule]int // the last line of a rule
	starts map[*rule]int
	tests  map[string]*block // by name
}

func (d *document) add(depth int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n ")
		if line != "" {
			line = strings.Repeat("  ", depth) + line
		}
		d.WriteString(line + "\n")
		d.line++
	}
}

// comment writes a text of any form, of which no line is anything but a comment.
func (d *document) comment(depth int, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		d.add(depth, "# %s", visible(strings.TrimRight(line, " \r")))
	}
}

// document writes the configuration that the rules make, with tests.
func (t *translation) write() *document {
	d := &document{starts: map[*rule]int{}, ends: map[*rule]int{}, tests: map[string]*block{}}
	d.comment(0, "Written by claimsmith port from "+t.system+". \"was:\" is the original of the rule below.")
	d.add(0, "listen: unix:///run/claimsmith/hook.sock")
	tests := map[*block][]sample{}
	for _, b := range t.blocks {
		tests[b] = b.samples()
	}
	t.connectors(d, tests)

	any := false
	for _, b := range t.blocks {
		any = any || slices.ContainsFunc(b.rules, func(r *rule) bool { return !r.lost() })
	}
	if !any {
		d.add(0, "pipeline: []")
	} else {
		d.add(0, "pipeline:")
	}
	for _, b := range t.blocks {
		for _, note := range b.notes {
			d.comment(1, note)
		}
		depth := map[bool]int{true: 1}[any]
		if ported := slices.ContainsFunc(b.rules, func(r *rule) bool { return !r.lost() }); ported && b.when != "" {
			d.add(1, "- when: %s\n  steps:", inline(b.when))
			depth = 3
		}
		for _, r := range b.rules {
			d.rule(depth, r)
		}
	}
	d.samples(t, tests)
	return d
}

func (d *document) rule(depth int, r *rule) {
	d.starts[r] = d.line + 1
	if r.lost() {
		what := "No equivalent"
		if r.claim == "" {
			what = "No equivalent, so that more people are let in"
		}
		d.comment(depth, what+": "+r.why+".")
	}
	for _, note := range r.notes {
		d.comment(depth, "Mind: "+note+".")
	}
	if r.from != nil && (r.lost() || r.from.source() != r.ours.text) {
		d.comment(depth, "was: "+strings.TrimSpace(r.from.source()))
	}
	if !r.lost() {
		lead := "- "
		if r.when != "" {
			d.add(depth, "- when: %s", inline(r.when))
			lead = "  "
		}
		if r.claim == "" {
			d.add(depth, "%sdeny: %s\n  message: %s", lead, inline(r.ours.text), inline(strings.ReplaceAll(r.message, "${", "$${")))
		} else {
			d.add(depth, "%sset:\n    %s: %s", lead, inline(r.claim), inline(r.ours.text))
		}
	}
	d.ends[r] = d.line
}

// connectors writes whose word on an address counts, where a rule asks for an address.
func (t *translation) connectors(d *document, tests map[*block][]sample) {
	domains := map[string][]string{}
	for _, b := range t.blocks {
		if !slices.ContainsFunc(b.rules, func(r *rule) bool { return !r.lost() && strings.Contains(r.ours.text, "identity.email") }) {
			continue
		}
		domains[b.connector] = append(domains[b.connector], "example.org")
		for _, s := range tests[b] {
			if _, domain, ok := strings.Cut(s.who.Email, "@"); ok && "@"+domain != elsewhere {
				domains[b.connector] = append(domains[b.connector], strings.ToLower(domain))
			}
		}
	}
	if len(domains) == 0 {
		return
	}
	d.comment(0, "Whose word on an address counts, and for which: write your own domains here.")
	d.add(0, "connectors:")
	for _, name := range sortedKeys(domains) {
		list := domains[name]
		if len(list) > 1 && !slices.Contains(list[1:], "example.org") {
			list = list[1:]
		}
		d.add(1, "%s: {emailDomains: %s}", inline(name), flow(slices.Compact(slices.Sorted(slices.Values(list)))))
	}
}

func (d *document) samples(t *translation, tests map[*block][]sample) {
	head := false
	for _, b := range t.blocks {
		for _, s := range tests[b] {
			name := s.name
			if len(t.blocks) > 1 {
				name = b.title + ": " + name
			}
			if t.unfit[name] {
				continue
			}
			if !head {
				d.comment(0, "What the original gives, by its own engine.")
				d.add(0, "tests:")
				head = true
			}
			d.tests[name] = b
			d.add(1, "- name: %s\n  given: %s", inline(name), flow(given{b.client, b.connector, b.scopes, s.who}))
			if s.want.Denied != "" {
				s.want = outcome{Denied: s.want.Denied}
			}
			d.add(2, "want: %s", flow(s.want))
		}
	}
}

// given is the request of a test.
type given struct {
	Client    string   `json:"client"`
	Connector string   `json:"connector"`
	Scopes    []string `json:"scopes,omitempty"`
	Identity  person   `json:"identity"`
}

// inline is a text as a key or a value of YAML on one line.
func inline(s string) string { return flow(s) }

// flow is a value as YAML on one line.
func flow(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // of strings, lists and maps
	}
	var n yaml.Node
	if err := yaml.Unmarshal(raw, &n); err != nil {
		panic(err)
	}
	root := n.Content[0]
	unquote(root)
	out, err := yaml.Marshal(root)
	if err != nil {
		panic(err)
	}
	return cmp.Or(strings.TrimSuffix(string(out), "\n"), "''")
}

// unquote takes the quotes of JSON away where YAML needs none.
func unquote(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		if n.Tag == "!!str" && n.Style == yaml.DoubleQuotedStyle {
			n.Style = 0
			for _, r := range n.Value {
				if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff {
					n.Style = yaml.DoubleQuotedStyle
				}
			}
		}
		return
	}
	n.Style = yaml.FlowStyle
	for _, child := range n.Content {
		unquote(child)
	}
}
