package rules

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// FuzzRun builds a pipeline that sets one claim and removes another, and runs it over a payload. Whatever is written:
// nothing panics, nothing goes on long after the deadline, what belongs to Dex is as it was, and every member that no rule
// names keeps its bytes and its place.
func FuzzRun(f *testing.F) {
	for _, name := range []string{"groups", "email", "email_verified", "username", "Sub", "ſub", "x", "", "AUD", "no such", "at_hash", "name"} {
		for _, src := range []string{`claims.groups`, `["a", claims.big]`, `identity.email`, `"ceo@example.org"`, `nas.name`, `union(identity.groups, claims.groups)`, `false`, `{a: claims}`, `nil`} {
			f.Add(name, src, "name", payload)
		}
	}
	f.Add("x", `1`, "email_verified", payload)
	f.Add("x", `1`, "email", `{"sub": "s" , "big":9007199254740993 ,"e":1.50e+2, "u":"\u00e9\/", "o" : {"b":1,"a":[ ]}}`)
	f.Add("y", `claims`, "SUB", `{"sub":"s","sub2":"s","Y":1}`)
	c := newCompiler(f)
	f.Fuzz(func(t *testing.T, name, src, remove, payload string) {
		o, err := claims.Parse([]byte(payload))
		if err != nil || len(payload) > 1<<16 {
			return
		}
		value, err := c.Claim(name, src)
		if err != nil {
			compileError(t, err, src)
			return
		}
		state := newState(t)
		in := state.In
		in.Payload, in.Kinds, in.Connector = o, []pipeline.Kind{pipeline.KindAccess, pipeline.KindID}, "google"
		p := &pipeline.Pipeline{
			PerKind:   value.Reads().Token,
			Connector: map[string]pipeline.Trust{"google": {Domains: map[string]bool{"gmail.com": true}}},
			Steps: []pipeline.Step{
				{Path: "pipeline[0]", Lookup: &pipeline.Lookup{Alias: "nas", Asker: known{state.Facts["nas"]}}},
				{Path: "pipeline[1]", Set: []pipeline.Assignment{{Name: name, Value: value}}},
				{Path: "pipeline[2]", Remove: []string{remove}},
			},
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		result, err := p.Run(ctx, in)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%q took %v", src, took)
		}
		if err != nil {
			var failed *pipeline.Error
			if !errors.As(err, &failed) {
				t.Errorf("an error of type %T: %v", err, err)
			}
			return
		}
		for _, patch := range result.Patches {
			same(t, o, patch, name, remove)
		}
	})
}

// same looks at the token that a patch makes of a payload.
func same(t *testing.T, before *claims.Object, patch claims.Patch, names ...string) {
	t.Helper()
	raw, err := before.Apply(patch)
	if err != nil {
		t.Fatal(err)
	}
	after, err := claims.Parse(raw)
	if err != nil {
		t.Fatalf("the token is no good any more: %v", err)
	}
	mayChange := func(name string) bool {
		for _, n := range names {
			if n == name && !claims.Reserved(name) || n == "email" && name == "email_verified" {
				return true
			}
		}
		return false
	}
	var kept []string
	for _, name := range before.Names() {
		if mayChange(name) {
			continue
		}
		kept = append(kept, name)
		was, _ := before.Get(name)
		is, there := after.Get(name)
		if !there || !bytes.Equal(was, is) {
			t.Errorf("%q was %s and is %s", name, was, is)
		}
	}
	var still []string
	for _, name := range after.Names() {
		if _, old := before.Get(name); !old && !mayChange(name) {
			t.Errorf("%q is new", name)
		} else if !mayChange(name) {
			still = append(still, name)
		}
	}
	if strings.Join(kept, ",") != strings.Join(still, ",") {
		t.Errorf("the order was %q and is %q", kept, still)
	}
	if flag, there := after.Get("email_verified"); there && string(flag) != "false" {
		was, _ := before.Get("email_verified")
		if !bytes.Equal(was, flag) {
			t.Errorf("email_verified became %s", flag)
		}
		if email, changed := patch.Set["email"]; changed && !isText(email, "mum@gmail.com") {
			t.Errorf("an address of a rule is said to be verified: %s", email)
		}
	}
}

func isText(raw json.RawMessage, want string) bool {
	var got string
	return json.Unmarshal(raw, &got) == nil && got == want
}
