package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"
)

// reserved are the names by which rules read the state of an answer.
var reserved = []string{"asked", "found", "failed", "stale", "age", "problem"}

// word is what a problem must be.
var word = regexp.MustCompile(`^[A-Za-z0-9_-]{0,64}$`)

// session is an opened configuration: JSON in, JSON out.
type session interface {
	lookup(ctx context.Context, params []byte) (reply, error)
	Close() error
}

type reply struct {
	found   bool
	problem string
	facts   []byte
	age     time.Duration
}

// errParams marks parameters that do not fit.
var errParams = errors.New("parameters do not fit the schema")

// errAnswer marks an answer that breaks the contract of Answer.
var errAnswer = errors.New("the plugin broke the contract of an answer")

// Describe derives the schemas from the types.
func (s Spec[C, P, F]) Describe() (Description, error) {
	config, params, facts, err := s.shapes()
	if err != nil {
		return Description{}, err
	}
	return Description{
		Name: s.Name, Version: s.Version,
		ConfigSchema: config.json(), ParamsSchema: params.json(), FactsSchema: facts.json(),
	}, nil
}

// MaxAge asks Keeps. What does not fit is left out: Open says what is wrong with it.
func (s Spec[C, P, F]) MaxAge(config []byte) (time.Duration, bool) {
	if s.Keeps == nil {
		return 0, false
	}
	var c C
	_ = json.Unmarshal(config, &c)
	return s.Keeps(c), true
}

func (s Spec[C, P, F]) shapes() (config, params, facts *shape, err error) {
	switch {
	case s.Name == "" || s.Version == "":
		return nil, nil, nil, errors.New("a plugin needs a name and a version")
	case s.Open == nil:
		return nil, nil, nil, errors.New("a plugin needs a function Open")
	}
	if config, err = schemaOf[C]("Config", read); err != nil {
		return nil, nil, nil, err
	}
	if params, err = schemaOf[P]("Params", read); err != nil {
		return nil, nil, nil, err
	}
	if facts, err = schemaOf[F]("Facts", written); err != nil {
		return nil, nil, nil, err
	}
	for _, f := range facts.fields {
		if slices.Contains(reserved, f.name) {
			return nil, nil, nil, fmt.Errorf("%s: the name %s belongs to claimsmith", "Facts", f.name)
		}
	}
	return config, params, facts, nil
}

func (s Spec[C, P, F]) open(ctx context.Context, h Host, config []byte) (session, error) {
	configShape, params, _, err := s.shapes()
	if err != nil {
		return nil, err
	}
	var c C
	if err := decode(config, configShape, true, &c); err != nil {
		return nil, err
	}
	l, err := s.Open(ctx, h, c)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return nil, errors.New("the plugin opened nothing")
	}
	return &typed[P, F]{look: l, params: params}, nil
}

// typed is the session of a Lookup.
type typed[P, F any] struct {
	look   Lookup[P, F]
	params *shape
}

func (t *typed[P, F]) lookup(ctx context.Context, params []byte) (reply, error) {
	var p P
	if err := decode(params, t.params, false, &p); err != nil {
		return reply{}, fmt.Errorf("%w: %w", errParams, err)
	}
	a, err := t.look.Lookup(ctx, p)
	if err != nil {
		return reply{}, err
	}
	switch {
	case a.Found && a.Problem != "":
		return reply{}, fmt.Errorf("%w: found and a problem at once", errAnswer)
	case !word.MatchString(a.Problem):
		return reply{}, fmt.Errorf("%w: the problem is not one word", errAnswer)
	case a.Age < 0:
		return reply{}, fmt.Errorf("%w: the age is negative", errAnswer)
	}
	facts, err := json.Marshal(a.Facts)
	if err != nil {
		return reply{}, fmt.Errorf("%w: facts cannot be written as JSON", errAnswer)
	}
	return reply{found: a.Found, problem: a.Problem, facts: withoutNulls(facts), age: a.Age}, nil
}

// Close closes the Lookup if it can be closed.
func (t *typed[P, F]) Close() error {
	if c, ok := t.look.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// withoutNulls drops members that are null, which nil slices and pointers become: a fact that is not given is null in rules where its type says
// so, and else has its zero value.
func withoutNulls(data []byte) []byte {
	if !bytes.Contains(data, []byte("null")) {
		return data
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var tree any
	if dec.Decode(&tree) != nil {
		return data
	}
	dropNulls(tree)
	if clean, err := json.Marshal(tree); err == nil {
		return clean
	}
	return data
}

func dropNulls(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if member == nil {
				delete(v, name)
				continue
			}
			dropNulls(member)
		}
	case []any:
		for _, e := range v {
			dropNulls(e)
		}
	}
}
