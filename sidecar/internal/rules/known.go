package rules

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// knowing is what a compiler knows of the claims before a step, and of the conditions under which it is done.
type knowing struct {
	claims map[string]claimMade // those that steps set or remove
	facts  []knownFact
}

// knownFact is what a condition says, as long as the claims that it reads stay.
type knownFact struct {
	finding
	reads pipeline.Reads
}

func (k *knowing) made(name string) bool {
	_, ok := k.claims[name]
	return ok
}

// Made is a claim that a step sets, or removes where there is no value.
type Made struct {
	Name  string
	Value pipeline.Value
}

// Unknown stands for a value of which nothing is known but that it is there.
var Unknown pipeline.Value = constantValue(nil)

// After returns a compiler for what comes after a step. Of claims that no step makes, nor Dex, it knows that nobody makes them, and of the
// others whether they can be missing.
func (c *Compiler) After(step ...Made) *Compiler {
	after := c.more()
	for _, made := range step {
		m := claimMade{shape: of(kindAny)}
		switch v := made.Value.(type) {
		case *claim:
			m.typ, m.shape = v.typ, v.shape
			if v.optional {
				m.missing = "the step that sets it may leave it out"
			}
		case constantValue:
			if v != nil {
				m.typ, m.shape = constantNature(v), valueShape(json.RawMessage(v))
			}
		default:
			m.missing, m.shape = "a step before this one takes it away", shape{}
		}
		after.known.claims[made.Name] = m
		after.known.facts = slices.DeleteFunc(after.known.facts, func(f knownFact) bool {
			return f.reads.AllClaims || slices.Contains(f.reads.Claims, made.Name)
		})
	}
	return after
}

// Where returns a compiler for what is only done where a condition holds, or where it does not.
func (c *Compiler) Where(src string, holds bool) *Compiler {
	where := c.more()
	tree, reads := c.resolved(src)
	if tree == nil {
		return where
	}
	where.known.facts = append(where.known.facts, knownFact{found(tree, holds), reads})
	condition := words(src)
	for name, made := range where.known.claims {
		if holds && len(reads.Claims) == 0 && !reads.AllClaims && made.under.has(condition) {
			made.missing = ""
			where.known.claims[name] = made
		}
	}
	return where
}

// Or returns a compiler for what comes after a step that is done where a condition holds; after is that for where it was.
func (c *Compiler) Or(after *Compiler, src string) *Compiler {
	or := c.more()
	for name, made := range after.known.claims {
		before, was := c.known.claims[name]
		if !was {
			before = c.claim(name)
			before.missing = strings.TrimPrefix(before.missing, "Dex does not always write it")
			if _, own := claims.OwnMember(name); !own {
				before.missing, before.shape = "it is only made when "+words(src), shape{}
			}
		}
		if before.missing == "" && made.missing != "" {
			before.missing = made.missing
		}
		before.shape = before.shape.or(made.shape)
		if !sameNature(before.typ, made.typ) && (was || before.typ.Type != nil) {
			before.typ = nature.Nature{}
		} else {
			before.typ = made.typ
		}
		if made.missing == "" && before.missing != "" {
			before.under = &conditions{words(src), before.under}
		}
		or.known.claims[name] = before
	}
	or.known.facts = slices.DeleteFunc(or.known.facts, func(f knownFact) bool {
		return !slices.ContainsFunc(after.known.facts, func(g knownFact) bool { return slices.Equal(f.there, g.there) && slices.Equal(f.lists, g.lists) })
	})
	return or
}

// Loose returns a compiler that knows the same and does not mind it: what is known where an expression stands differs from what is known after it.
func (c *Compiler) Loose() *Compiler {
	l := *c
	l.loose = true
	return &l
}

// more is a copy that can be told more.
func (c *Compiler) more() *Compiler {
	more := *c
	more.known = &knowing{claims: map[string]claimMade{}}
	if c.known != nil {
		more.known.claims, more.known.facts = maps.Clone(c.known.claims), slices.Clone(c.known.facts)
	}
	return &more
}

// resolved returns the tree of an expression that compiles with the types of its parts.
func (c *Compiler) resolved(src string) (ast.Node, pipeline.Reads) {
	config := c.config()
	tree, err := c.parse(src, config)
	if err != nil {
		return nil, pipeline.Reads{}
	}
	v := &resolver{c: c, src: src, reads: newReads(), seen: map[ast.Node]bool{}}
	if v.visit(&tree.Node) != nil || check(src, tree, config) != nil {
		return nil, pipeline.Reads{}
	}
	return tree.Node, v.reads.sorted()
}

// words is an expression on one line, with single spaces.
func words(src string) string { return strings.Join(strings.Fields(src), " ") }

func sameNature(a, b nature.Nature) bool { return a.Type == b.Type }

// storedNature is the type of the value of a claim when it is read again: JSON keeps no more.
func storedNature(n ast.Node) nature.Nature {
	typ := n.Nature()
	switch {
	case unknownType(typ) || typ.Nil:
	case typ.IsString():
		return natureOf(typeString)
	case typ.IsBool():
		return natureOf(typeBool)
	case typ.IsNumber():
		return nature.NatureOf(float64(0)) // 1.0 is read again as 1
	case typ.IsMap():
		return objectNature(nil)
	case typ.IsArray() && elementsAre(n, oneText):
		return natureOf(typeStrings)
	case typ.IsArray():
		return nature.NatureOf([]any(nil))
	}
	return nature.Nature{}
}

func constantNature(v constantValue) nature.Nature {
	var value any
	if json.Unmarshal(json.RawMessage(v), &value) != nil {
		return nature.Nature{}
	}
	return nature.NatureOf(value)
}

// claimMade says what is known of a claim before a step.
type claimMade struct {
	typ     nature.Nature
	shape   shape
	missing string      // why it may not be there; empty: it is there
	under   *conditions // under which it is there
}

// conditions grow by one with each step that sets the claim under another one, and those before it keep what they were: a list of its own
// for each step would make memory grow with the square of the steps.
type conditions struct {
	last   string
	before *conditions
}

func (c *conditions) has(condition string) bool {
	for ; c != nil; c = c.before {
		if c.last == condition {
			return true
		}
	}
	return false
}

// claim returns what is known of a claim.
func (c *Compiler) claim(name string) claimMade {
	if made, ok := c.known.claims[name]; ok {
		return made
	}
	switch name {
	case "iss", "sub":
		return claimMade{typ: natureOf(typeString), shape: claimShape(name)}
	case "aud":
		return claimMade{shape: claimShape(name)}
	}
	made := claimMade{missing: "Dex does not always write it", shape: claimShape(name)}
	if kind, own := claims.OwnMember(name); own {
		made.typ = natureOf(kindName(kind))
	}
	switch name {
	case "groups":
		made.missing = "Dex writes it with the scope groups, where the connector gave some"
	case "name", "preferred_username":
		made.missing = "Dex writes it with the scope profile, where the connector gave one"
	case "email", "email_verified":
		made.missing = "Dex writes it with the scope email"
	}
	return made
}

func kindName(k claims.Kind) string {
	switch k {
	case claims.KindBool:
		return typeBool
	case claims.KindStrings:
		return typeStrings
	}
	return typeString
}
