package rules

import (
	"errors"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

const nasSchema = `{"type": "object", "properties": {
	"name": {"type": "string"}, "admin": {"type": "boolean"}, "uid": {"type": "integer"}, "quota": {"type": "number"},
	"groups": {"type": "array", "items": {"type": "string"}}, "ids": {"type": "array", "items": {"type": "integer"}},
	"home": {"type": "object", "properties": {"path": {"type": "string"}}},
	"shares": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}, "writable": {"type": "boolean"}}}},
	"phone": {"type": ["string", "null"]}, "tags": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}, "value": {"type": "string"}}}}, "home-dir": {"type": "string"}}}`

const payload = `{"iss": "https://dex", "sub": "s", "aud": "synology", "exp": 1, "iat": 1, "email": "mum@gmail.com", "email_verified": true,
	"groups": ["dev-a", "ops"], "name": "Mum", "big": 9007199254740993, "ratio": 0.5,
	"mixed": ["a", 1, null, {"x": 2}], "address": {"country": "de"}, "empty": [], "admin": true, "text": "caf\u00e9 \"x\" <b>"}`

// newCompiler knows two lookups: nas, and other with the same facts.
func newCompiler(t testing.TB) *Compiler {
	t.Helper()
	c, err := New(Options{Facts: map[string]*facts.Type{"nas": schema(t), "other": schema(t)}, Connectors: []string{"kit"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func schema(t testing.TB) *facts.Type {
	t.Helper()
	typ, err := facts.Parse([]byte(nasSchema))
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// newState is a login of mum at the client cli for the audience of synology, in which nas was asked and found her.
func newState(t testing.TB) *pipeline.State {
	t.Helper()
	o, err := claims.Parse([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := schema(t).Decode([]byte(`{"name": "mum", "uid": 9007199254740993, "groups": ["users", "family"], "tags": [{"name": "quota", "value": "5 GB"}], "ids": [3, 1, 2],
		"home": {"path": "/home/mum"}, "shares": [{"name": "music", "writable": true}, {"name": "video"}], "home-dir": "/h"}`))
	if err != nil {
		t.Fatal(err)
	}
	in := &pipeline.Input{
		Payload: o, Connector: "google", Client: "cli", Audience: []string{"synology", "cli"}, Scopes: []string{"openid", "groups"},
		Stage: pipeline.StageToken, Grant: "authorization_code", TrustedEmail: "mum@gmail.com",
		Identity: pipeline.Identity{UserID: "u1", Username: "Mum", Email: "mum@gmail.com", EmailVerified: true, Groups: []string{"g1", "g2"}},
	}
	return &pipeline.State{In: in, Kind: pipeline.KindID, Claims: claims.NewDraft(o), Version: 1,
		Facts: map[string]*pipeline.Answer{"nas": {Found: true, Facts: answer, Age: 90 * time.Second}}}
}

// message returns the text of an error; empty for none.
func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// compileError returns what Condition says of src. A compile error is always an *Error with a place inside src.
func compileError(t testing.TB, err error, src string) Error {
	t.Helper()
	if err == nil {
		return Error{}
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%q: error of type %T", src, err)
	}
	if e.Offset < 0 || e.Offset > len(src) {
		t.Fatalf("%q: offset %d is outside", src, e.Offset)
	}
	return *e
}
