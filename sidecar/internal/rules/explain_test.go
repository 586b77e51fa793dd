package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

func TestExplain(t *testing.T) {
	type list = []pipeline.Part
	value := func(source, value string) pipeline.Part { return pipeline.Part{Source: source, Value: []byte(value)} }
	tests := []struct {
		name, src string
		want      list
	}{
		{"one test", `connector.id == "google"`, list{value("connector.id", `"google"`)}},
		{"several tests", `nas.found && not nas.admin || identity.email == ""`, list{
			value("nas.found", "true"), value("nas.admin", "false"), value(`identity.email == ""`, "false"), value("identity.email", `"mum@gmail.com"`),
		}},
		{"what functions make", `len(nas.groups) > 1 and "ops" in split(lower(identity.username), "-")`, list{
			value("len(nas.groups) > 1", "true"), value("len(nas.groups)", "2"), value("nas.groups", `["users","family"]`),
			value(`"ops" in split(lower(identity.username), "-")`, "false"), value(`split(lower(identity.username), "-")`, `["mum"]`),
			value("lower(identity.username)", `"mum"`), value("identity.username", `"Mum"`),
		}},
		{"a predicate is not taken apart", `any(identity.groups, # startsWith "x")`, list{value("identity.groups", `["g1","g2"]`)}},
		{"a part that comes to nothing", `other.asked && other.found`, list{
			value("other.asked", "false"), {Source: "other.found", Err: "other was not asked"},
		}},
		{"a claim that is missing", `claims.role == "x"`, list{value("claims.role", "null")}},
		{"what reads a variable of let cannot stand alone", `let g = nas.groups; "x" in g`, list{value("nas.groups", `["users","family"]`)}},
		{"a fact alone", `nas.admin`, list{value("nas.admin", "false")}},
		{"not a fact", `not nas.found`, list{value("nas.found", "true")}},
		{"every client of the request", `client.id == "synology"`, list{value("client.id", `"cli"`)}},
	}
	c := newCompiler(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cond, err := c.Condition(tt.src)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, tt.src))
			}
			got := cond.(pipeline.Explainer).Explain(t.Context(), newState(t))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExplainOfAClaim(t *testing.T) {
	type list = []pipeline.Part
	value := func(source, value string) pipeline.Part { return pipeline.Part{Source: source, Value: []byte(value)} }
	tests := []struct {
		name, src string
		want      list
	}{
		{"a fact alone", `nas.name`, list{value("nas.name", `"mum"`)}},
		{"a constant", `"gold"`, list{}},
		{"a choice", `"users" in nas.groups ? upper(nas.name) : "nobody"`, list{
			value(`"users" in nas.groups`, "true"), value("nas.groups", `["users","family"]`), value("upper(nas.name)", `"MUM"`), value("nas.name", `"mum"`),
		}},
		{"a list", `[nas.name, lower(identity.username) + "-x"]`, list{
			value("nas.name", `"mum"`), value(`lower(identity.username) + "-x"`, `"mum-x"`), value("lower(identity.username)", `"mum"`), value("identity.username", `"Mum"`),
		}},
		{"an object", `{"roles": nas.groups, "more": {"name": nas.name}}`, list{value("nas.groups", `["users","family"]`), value("nas.name", `"mum"`)}},
		{"a slice", `nas.groups[0:1]`, list{value("nas.groups", `["users","family"]`)}},
		{"what may be left out", `nas.found ? optional(nas.name) : ["x"]`, list{value("nas.found", "true"), value("nas.name", `"mum"`)}},
		{"a table is not told, what is found in it is", `tables.roles[identity.username] ?? "none"`, list{
			value("tables.roles[identity.username]", `"parent"`), value("identity.username", `"Mum"`),
		}},
		{"a predicate is not taken apart", `filter(identity.groups, # startsWith "x")`, list{value("identity.groups", `["g1","g2"]`)}},
		{"a part that comes to nothing", `other.asked ? other.found : false`, list{
			value("other.asked", "false"), {Source: "other.found", Err: "other was not asked"},
		}},
		{"a part that fails", `"x" + string(int(nas.name))`, list{
			{Source: "string(int(nas.name))", Err: "int needs a number, and this text is none"}, {Source: "int(nas.name)", Err: "int needs a number, and this text is none"}, value("nas.name", `"mum"`),
		}},
	}
	c := newCompiler(t)
	table, err := NewTable(map[string][]string{"Mum": {"parent"}, "Kid": {"child"}}, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	c.tables = map[string]*Table{"roles": table}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			made, err := c.Claim("x", tt.src)
			if err != nil {
				t.Fatalf("%+v", compileError(t, err, tt.src))
			}
			explainer, ok := made.(pipeline.Explainer)
			if !ok {
				t.Fatal("the value of a claim is not explained")
			}
			if diff := cmp.Diff(tt.want, explainer.Explain(t.Context(), newState(t))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
