package main

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// options are what the command line says.
type options struct {
	from      string // the system or language; empty: seen by the input
	claim     string // that an expression sets
	client    string
	connector string
	as        map[string]string // names of the original, and the fields that they are
}

// translation is an input on its way.
type translation struct {
	in     *input
	o      options
	cel    *celLanguage
	system string // in words
	blocks []*block
	unfit  map[string]bool // samples that are no request at all, by their names
}

// translateInput reads an input and puts its rules into ours. The error is a *problems where the input is wrong.
func translateInput(in *input, o options) (*translation, error) {
	language, err := newCEL()
	if err != nil {
		return nil, err
	}
	t := &translation{in: in, o: o, cel: language, unfit: map[string]bool{}}
	switch o.from {
	case "cel", "jmespath":
		t.expression()
	default:
		in.documents(t.document)
		if len(t.blocks) == 0 && in.err() == nil {
			in.wrong(place{1, 1}, "", "there is nothing to port in it",
				"port knows AuthenticationConfiguration, FederationDomain and claims_policies; for an expression write --from cel or --from jmespath")
		}
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	return t, nil
}

// document reads one YAML document of the kind that it says it is.
func (t *translation) document(n *yaml.Node) {
	var head struct {
		Kind      string    `yaml:"kind"`
		Policies  yaml.Node `yaml:"claims_policies"`
		Providers yaml.Node `yaml:"identity_providers"`
	}
	_ = n.Decode(&head) // a document of another form is not one of these
	is := t.o.from
	switch {
	case is != "":
	case head.Kind == "AuthenticationConfiguration":
		is = "kubernetes"
	case head.Kind == "FederationDomain":
		is = "pinniped"
	case !head.Policies.IsZero() || !head.Providers.IsZero():
		is = "authelia"
	}
	switch is {
	case "kubernetes":
		t.system = "an AuthenticationConfiguration of Kubernetes"
		t.kubernetes(n)
	case "pinniped":
		t.system = "a FederationDomain of Pinniped"
		t.pinniped(n)
	case "authelia":
		t.system = "claims policies of Authelia"
		t.authelia(n)
	}
}

// expression reads an input that is one expression.
func (t *translation) expression() {
	b := &block{title: "the expression", connector: t.connector("upstream"), client: t.client("app")}
	if t.o.client != "" {
		b.when = "client.id == " + strconv.Quote(t.o.client)
	}
	src := strings.TrimSpace(t.in.text)
	r := &rule{claim: t.o.claim, at: place{1, 1}}
	if t.o.from == "jmespath" {
		t.system = "an expression in JMESPath"
		from, err := parseJMESPath(src)
		if err != nil {
			t.in.syntax(err, scalar{text: t.in.text}, "")
			return
		}
		if r.claim == "" {
			r.claim = "role"
		}
		r.from = from
		r.shape = func(v value) value {
			v.missing = v.missing || v.kind == kindText && !v.filled
			return v
		}
		r.cast = func(x any) any {
			list, isList := x.([]any)
			switch {
			case (x == false || x == "") && r.ours.kind != kindBool, isList && len(list) == 0 && !r.ours.kind.isList():
				return nil // false and the like are no value of this type
			}
			return withoutNothing(x)
		}
		b.rules = append(b.rules, r)
		s := newScope("", tokenClaims, t.o.as)
		s.token = true
		t.block(b, s)
		return
	}
	t.system = "an expression in CEL"
	s := newScope("claims.", tokenClaims, t.o.as)
	for _, name := range []string{"username", "groups"} { // as Pinniped has it, and the user of Kubernetes
		for _, prefix := range []string{"", "user."} {
			if _, said := s.names[prefix+name]; !said {
				s.names[prefix+name] = fields[map[string]string{"username": "identity.preferredUsername", "groups": "identity.groups"}[name]]
			}
		}
	}
	s.strict, s.token = true, true
	t.rule(b, r, scalar{text: t.in.text})
	t.block(b, s)
}

// withoutNothing is a value without members and elements that are null or an empty text.
func withoutNothing(x any) any {
	switch x := x.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, v := range x {
			if v != nil && v != "" {
				out[name] = withoutNothing(v)
			}
		}
		return out
	case []any:
		out := []any{}
		for _, v := range x {
			if v != nil && v != "" {
				out = append(out, withoutNothing(v))
			}
		}
		return out
	}
	return x
}

// rule adds a rule with what it was to a block.
func (t *translation) rule(b *block, r *rule, src scalar) {
	if src.text == "" {
		t.in.wrong(r.at, r.path, "the expression is missing", "")
		return
	}
	if src.node == nil && r.path != "" { // made of a shorter form, which has no places of its own
		from, err := t.cel.parse(src.text)
		if err != nil {
			t.in.wrong(r.at, r.path, err.Error(), "")
			return
		}
		r.from = from
	} else if r.from = t.in.expression(t.cel, src, r.path); r.from == nil {
		return
	}
	if r.claim == "" && r.message == "" {
		r.message = "You may not sign in here."
	}
	b.rules = append(b.rules, r)
}

// block translates the rules of a block and adds it.
func (t *translation) block(b *block, s *scope) {
	b.translate(s)
	t.blocks = append(t.blocks, b)
}

func (t *translation) connector(name string) string {
	switch {
	case t.o.connector != "":
		return t.o.connector
	case name == "":
		return "upstream"
	}
	return name
}

func (t *translation) client(name string) string {
	if t.o.client != "" {
		return t.o.client
	}
	return name
}

// parseAs reads NAME=FIELD of --as.
func parseAs(list []string) (map[string]string, error) {
	as := map[string]string{}
	for _, one := range list {
		name, is, ok := strings.Cut(one, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--as %q: write NAME=FIELD, as in roles=identity.groups", one)
		}
		if _, known := fields[is]; !known {
			return nil, fmt.Errorf("--as %q: a FIELD is one of %s", one, strings.Join(sortedKeys(fields), ", "))
		}
		as[name] = is
	}
	return as, nil
}

// lost are the rules that have no equivalent, as warnings about the input; nil where there are none.
func (t *translation) lost() *problems {
	p := &problems{file: t.in.file, lines: t.in.lines}
	for _, b := range t.blocks {
		for _, r := range b.rules {
			if r.lost() {
				message := "no equivalent: " + r.why
				if r.claim == "" {
					message = "a condition without equivalent, so that more people are let in: " + r.why
				}
				p.list = append(p.list, problem{line: r.at.line, col: r.at.col, path: r.path, message: message, warning: true})
			}
		}
	}
	if len(p.list) == 0 {
		return nil
	}
	return p
}
