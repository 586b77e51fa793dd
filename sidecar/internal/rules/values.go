package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// Condition compiles an expression that is true or false. Errors are of type *Error.
func (c *Compiler) Condition(src string) (pipeline.Condition, error) {
	p, err := c.compile(src, whole, acceptCondition, anyShape)
	if err != nil {
		return nil, err
	}
	return condition{c.explained(src, p)}, nil
}

func acceptCondition(root ast.Node) *Error {
	switch typ := root.Nature(); {
	case unknownType(typ):
		return &Error{Message: "it is not known whether this is true or false", Hint: "compare it, for example with == true"}
	case !typ.IsBool():
		return &Error{Message: "must be true or false, not " + describe(root)}
	}
	return nil
}

type condition struct{ explained }

// Holds evaluates the condition.
func (c condition) Holds(ctx context.Context, s *pipeline.State) (bool, error) {
	v, err := c.run(ctx, s)
	if err != nil {
		return false, err
	}
	yes, ok := v.(bool)
	if !ok {
		return false, failuref("the condition is neither true nor false")
	}
	return yes, nil
}

// Bool is a constant condition.
func Bool(b bool) pipeline.Condition { return constantCondition(b) }

type constantCondition bool

func (c constantCondition) Holds(context.Context, *pipeline.State) (bool, error) { return bool(c), nil }
func (c constantCondition) Reads() pipeline.Reads                                { return pipeline.Reads{} }

// Constant tells that this condition is a word of the file and no expression, so that one of its branches is never taken.
func (c constantCondition) Constant() bool { return bool(c) }

// CheckPart tells what is wrong with an expression by itself that is a part of another. Errors are of type *Error.
func (c *Compiler) CheckPart(src string) error {
	if _, err := c.compile(src, loose, func(ast.Node) *Error { return nil }, anyShape); err != nil {
		return err
	}
	return nil
}

// Claim compiles the value of a claim. A claim of Dex's own keeps its type: that is checked now as far as types are known,
// and whenever the value is computed. Errors are of type *Error.
func (c *Compiler) Claim(name, src string) (pipeline.Value, error) {
	kind, own := claims.OwnMember(name)
	made := &claim{name: name, kind: kind, own: own}
	p, err := c.compile(src, claimed, func(root ast.Node) *Error {
		made.typ, made.optional = storedNature(root), optional(root)
		if other, is, or := twofold(root); other != nil {
			made.twofold = &Error{
				Offset: byteOffset(src, other.Location().From), Message: fmt.Sprintf("here it is %s, and elsewhere %s: applications expect one type", or, is),
				Hint: "make it one type, for example with string(...) or toJSON(...)",
			}
		}
		s, isText := root.(*ast.StringNode)
		switch {
		case root.Nature().Nil:
			return &Error{Message: "nil cannot be set", Hint: fmt.Sprintf("to take the claim away write remove: [%s]", name)}
		case isText && s.Value == "" && neverEmpty(name):
			return &Error{Message: fmt.Sprintf("claim %q cannot be empty", name), Hint: fmt.Sprintf("to take it away write remove: [%s]", name)}
		case own && !fits(root, kindType(kind)):
			return &Error{Message: fmt.Sprintf("claim %q must be %s, not %s", name, kind, describeAs(root, kindType(kind)))}
		}
		if name == "email_verified" && made.optional {
			return &Error{Message: `claim "email_verified" cannot be left out`, Hint: "set it to false"}
		}
		return hiddenIn(root, name, src)
	}, func(s shape) *Error {
		made.shape = s.stored()
		if own && !s.fitting(kindType(kind)) {
			return &Error{Message: fmt.Sprintf("claim %q must be %s, and this %s", name, kind, s.besides(kindType(kind))), Hint: hintFor(kindType(kind))}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	made.explained = c.explained(src, p)
	if p.constant {
		if err := constantClaim(made); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// hiddenIn finds names with hidden characters in an object that a node gives, and such texts where they would name somebody. What is
// computed is looked at when it was.
func hiddenIn(n ast.Node, claim, src string) *Error {
	parts := alternatives(n)
	switch n := n.(type) {
	case *ast.StringNode:
		raw, err := encode(n.Value)
		if claim == "groups" && n.Value == "" {
			return &Error{Offset: byteOffset(src, n.Location().From), Message: "a group has no empty name", Hint: "leave it out"}
		}
		if err == nil {
			err = claims.CheckValue(claim, raw)
		}
		if err != nil {
			return &Error{Offset: byteOffset(src, n.Location().From), Message: err.Error()}
		}
	case *ast.ArrayNode:
		parts = n.Nodes
	case *ast.MapNode:
		for _, p := range n.Pairs {
			pair := p.(*ast.PairNode)
			if key, ok := pair.Key.(*ast.StringNode); ok && claims.CheckName(key.Value) != nil {
				return &Error{Offset: byteOffset(src, key.Location().From), Message: claims.CheckName(key.Value).Error()}
			}
			parts = append(parts, pair.Value)
		}
	case *ast.BuiltinNode:
		if n.Name == "concat" {
			parts = n.Arguments
		}
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok && callee.Value == "union" {
			parts = n.Arguments
		}
	}
	for _, p := range parts {
		if err := hiddenIn(p, claim, src); err != nil {
			return err
		}
	}
	return nil
}

// neverEmpty reports whether a claim is a login name: an empty one would sign somebody in as nobody.
func neverEmpty(claim string) bool { return claim == "username" || claim == "preferred_username" }

func kindType(k claims.Kind) *facts.Type {
	switch k {
	case claims.KindBool:
		return &facts.Type{Kind: facts.Bool}
	case claims.KindStrings:
		return &facts.Type{Kind: facts.List, Elem: &facts.Type{Kind: facts.String}}
	}
	return &facts.Type{Kind: facts.String}
}

// Twofold says where a value is of another type than elsewhere; nil where it is of one type, as far as that is known.
func Twofold(v pipeline.Value) *Error {
	c, _ := v.(*claim)
	if c == nil {
		return nil
	}
	return c.twofold
}

type claim struct {
	explained
	name string
	kind claims.Kind
	own  bool

	twofold  *Error        // it is of one type or of another
	typ      nature.Nature // as it is read again
	shape    shape         // the same
	optional bool          // it is left out where there is nothing
}

// optional reports whether an expression may give that there is nothing.
func optional(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ConditionalNode:
		return optional(n.Exp1) || optional(n.Exp2)
	case *ast.CallNode:
		return calleeOf(n) == "optional"
	}
	return false
}

// JSON computes the value; nil leaves the claim out.
func (c *claim) JSON(ctx context.Context, s *pipeline.State) (json.RawMessage, error) {
	v, err := c.run(ctx, s)
	if list, ok := v.([]any); ok && slices.ContainsFunc(list, leftOut) {
		v = slices.DeleteFunc(slices.Clone(list), leftOut)
	}
	switch {
	case err != nil:
		return nil, err
	case v == absent{}:
		return nil, nil
	case v == nil:
		return nil, failuref("claim %q would be null: use remove to take it away", c.name)
	case v == "" && neverEmpty(c.name):
		return nil, unfitf("claim %q would be empty", c.name)
	case c.own && !ofKind(v, c.kind):
		return nil, failuref("claim %q must be %s", c.name, c.kind)
	}
	if c.own && c.kind == claims.KindStrings {
		v = notEmpty(v)
	}
	return encode(v)
}

func leftOut(v any) bool {
	_, out := v.(absent)
	return out
}

// notEmpty is a list of strings without the empty ones: applications take an empty group for nobody's, or for all of them.
func notEmpty(v any) any {
	if list, ok := v.([]any); ok {
		v = texts(list)
	}
	list, ok := v.([]string)
	if !ok || !slices.Contains(list, "") {
		return v
	}
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
}

func ofKind(v any, k claims.Kind) bool {
	switch v := v.(type) {
	case string:
		return k == claims.KindString
	case bool:
		return k == claims.KindBool
	case []string:
		return k == claims.KindStrings
	case []any:
		for _, e := range v {
			if _, ok := e.(string); !ok {
				return false
			}
		}
		return k == claims.KindStrings
	}
	return false
}

// Param compiles the value of a lookup's parameter, which must be of type want; nil means any. Errors are of type *Error.
func (c *Compiler) Param(src string, want *facts.Type) (pipeline.Value, error) {
	p, err := c.compile(src, whole, func(root ast.Node) *Error {
		switch {
		case root.Nature().Nil:
			return &Error{Message: "a parameter cannot be nil"}
		case want != nil && !fits(root, want):
			return &Error{Message: fmt.Sprintf("the parameter must be %s, not %s", want.Noun(), describeAs(root, want))}
		}
		return nil
	}, func(s shape) *Error {
		if want != nil && !s.fitting(want) {
			return &Error{Message: fmt.Sprintf("the parameter must be %s, and this %s", want.Noun(), s.besides(want)), Hint: hintFor(want)}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &param{p, want}, nil
}

type param struct {
	*program
	want *facts.Type
}

// JSON computes the value.
func (p *param) JSON(ctx context.Context, s *pipeline.State) (json.RawMessage, error) {
	v, err := p.run(ctx, s)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, failuref("the parameter would be null")
	}
	raw, err := encode(v)
	if err != nil || p.want == nil || obvious(v, p.want) {
		return raw, err
	}
	if err := p.want.Check(raw); err != nil {
		return nil, failuref("the parameter does not fit: %v", err)
	}
	return raw, nil
}

// obvious reports whether a value is of a type by what it is in Go, so that its JSON need not be read again.
func obvious(v any, t *facts.Type) bool {
	switch v.(type) {
	case string:
		return t.Kind == facts.String
	case bool:
		return t.Kind == facts.Bool
	case int64, int:
		return t.Kind == facts.Int
	case []string:
		return t.Kind == facts.List && t.Elem.Kind == facts.String
	}
	return false
}

// Constant returns a value that stands in the configuration as it is: bool, int, int64, float64, string, []any or
// map[string]any, and these inside.
func Constant(v any) (pipeline.Value, error) {
	if v == nil {
		return nil, errors.New("a constant cannot be null")
	}
	raw, err := encode(v)
	if err != nil {
		return nil, err
	}
	return constantValue(raw), nil
}

// ConstantClaim is Constant for the value of a claim: one of Dex's own keeps its type, a login name is not empty.
func ConstantClaim(name string, v any) (pipeline.Value, error) {
	kind, own := claims.OwnMember(name)
	switch {
	case v == nil:
		return nil, fmt.Errorf("claim %q would be null: use remove to take it away", name)
	case v == "" && neverEmpty(name):
		return nil, fmt.Errorf("claim %q cannot be empty", name)
	case own && !ofKind(v, kind):
		return nil, fmt.Errorf("claim %q must be %s", name, kind)
	}
	value, err := Constant(v)
	if err != nil {
		return nil, err
	}
	raw := json.RawMessage(value.(constantValue))
	if err := claims.Valid(raw); err != nil {
		return nil, fmt.Errorf("claim %q: %w", name, err)
	}
	return value, claims.CheckValue(name, raw)
}

// ConstantParam is Constant for a parameter of a lookup, which must be of type want; nil means any.
func ConstantParam(v any, want *facts.Type) (pipeline.Value, error) {
	value, err := Constant(v)
	if err != nil || want == nil {
		return value, err
	}
	if err := want.Check(json.RawMessage(value.(constantValue))); err != nil {
		return nil, fmt.Errorf("the parameter does not fit: %w", err)
	}
	return value, nil
}

type constantValue json.RawMessage

func (c constantValue) JSON(context.Context, *pipeline.State) (json.RawMessage, error) {
	return json.RawMessage(c), nil
}
func (c constantValue) Reads() pipeline.Reads { return pipeline.Reads{} }
