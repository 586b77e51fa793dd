package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// Small stand-ins for the rules: what the pipeline does with them is tested, not how they are written.

type yes bool

func (y yes) Holds(context.Context, *pipeline.State) (bool, error) { return bool(y), nil }
func (yes) Reads() pipeline.Reads                                  { return pipeline.Reads{} }

// reads gives what f makes of the state.
type reads func(*pipeline.State) (string, error)

func (f reads) JSON(_ context.Context, s *pipeline.State) (json.RawMessage, error) {
	out, err := f(s)
	return json.RawMessage(out), err
}
func (f reads) Text(_ context.Context, s *pipeline.State) (string, error) { return f(s) }
func (f reads) Reads() pipeline.Reads                                     { return pipeline.Reads{Facts: []string{"nas.name"}} }

func always(out string) reads { return func(*pipeline.State) (string, error) { return out, nil } }

// fact reads nas.name as the rules do: an answer that is not there, or failed, is an error.
func fact(s *pipeline.State) (string, error) {
	a := s.Facts["nas"]
	if a == nil {
		return "", &pipeline.NotAsked{Alias: "nas"}
	}
	if a.Failed {
		return "", errors.New("nas failed")
	}
	return fmt.Sprintf("%q", a.Facts["name"]), nil
}

type asker func(pipeline.Question) (*pipeline.Answer, error)

func (f asker) Ask(_ context.Context, q pipeline.Question) (*pipeline.Answer, error) { return f(q) }

func found(name string) asker {
	return func(pipeline.Question) (*pipeline.Answer, error) {
		return &pipeline.Answer{Found: true, Facts: map[string]any{"name": name}, Source: "plugin"}, nil
	}
}

func down(pipeline.Question) (*pipeline.Answer, error) { return nil, errors.New("nas: nobody answers") }

func at(line int) pipeline.Pos { return pipeline.Pos{File: "c.yaml", Line: line, Col: 3} }

func set(line int, name string, v pipeline.Value) pipeline.Step {
	return pipeline.Step{Pos: at(line), Path: "pipeline[0]", Set: []pipeline.Assignment{{Pos: at(line), Path: "pipeline[0].set." + name, Name: name, Value: v}}}
}

func ask(a pipeline.Asker) pipeline.Step {
	return pipeline.Step{Pos: at(1), Path: "pipeline[0]", Lookup: &pipeline.Lookup{Alias: "nas", Plugin: "nas", Asker: a}}
}

func input(change ...func(*pipeline.Input)) *pipeline.Input {
	payload, err := claims.Parse([]byte(`{"sub":"s","aud":"synology","email":"m@gmail.com","email_verified":true}`))
	if err != nil {
		panic(err)
	}
	in := &pipeline.Input{
		Payload: payload, Identity: pipeline.Identity{UserID: "1", Email: "m@gmail.com", EmailVerified: true},
		Connector: "google", Client: "synology", Audience: []string{"synology"}, Stage: pipeline.StageToken,
		Kinds: []pipeline.Kind{pipeline.KindAccess, pipeline.KindID}, Grant: "authorization_code", RequestID: "r",
	}
	for _, f := range change {
		f(in)
	}
	return in
}

// outcome writes a result down in one line.
func outcome(in *pipeline.Input, r *pipeline.Result, err error) string {
	if err != nil {
		var e *pipeline.Error
		if !errors.As(err, &e) {
			return "not an *Error: " + err.Error()
		}
		return fmt.Sprintf("failure %d at %s: %v", e.Class, e.Pos, err)
	}
	if r.Denial != nil {
		return fmt.Sprintf("denied by %s: %s", r.Denial.Rule, r.Denial.Message)
	}
	var out []string
	for _, kind := range []pipeline.Kind{pipeline.KindAccess, pipeline.KindID} {
		p, asked := r.Patches[kind]
		if !asked {
			continue
		}
		after, err := in.Payload.Apply(p)
		if err != nil {
			return err.Error()
		}
		if text := string(after); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return strings.Join(out, " | ")
}
