package sdk

import (
	"context"
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type everything struct {
	URL      string     `json:"url" doc:"address of the directory"`
	Password string     `json:"password" secret:"true"`
	Timeout  Duration   `json:"timeout,omitempty"`
	Port     uint16     `json:"port,omitzero"`
	Ratio    float64    `json:"ratio,omitempty"`
	Strict   *bool      `json:"strict,omitempty"`
	Peer     netip.Addr `json:"peer,omitzero"`
	Accounts []struct {
		Name   string   `json:"name"`
		Groups []string `json:"groups,omitempty"`
	} `json:"accounts,omitempty"`
	hidden  struct{}
	Ignored func() `json:"-"`
}

func TestSchemaOfAConfiguration(t *testing.T) {
	_ = everything{}.hidden
	s, err := schemaOf[everything]("Config", read)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(s.json(), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"type":"object","required":["url","password"],"properties":{
		"url":{"type":"string","description":"address of the directory"},
		"password":{"type":"string","writeOnly":true},
		"timeout":{"type":"string"},"port":{"type":"integer"},"ratio":{"type":"number"},"strict":{"type":"boolean"},"peer":{"type":"string"},
		"accounts":{"type":"array","items":{"type":"object","required":["name"],"properties":{
			"name":{"type":"string"},"groups":{"type":"array","items":{"type":"string"}}}}}}}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

type loop struct {
	Next *loop `json:"next"`
}

func describeAs[C, P, F any]() error {
	_, err := Spec[C, P, F]{Name: "n", Version: "1", Open: func(context.Context, Host, C) (Lookup[P, F], error) { return nil, nil }}.Describe()
	return err
}

func TestTypesThatCannotBeDescribed(t *testing.T) {
	type none struct{}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"no struct", describeAs[string, none, none](), "Config: must be a struct type, not string"},
		{"a map", describeAs[none, struct{ M map[string]string }, none](), "Params.M: map[string]string cannot be described"},
		{"any", describeAs[none, none, struct{ A any }](), "Facts.A: interface {} cannot be described"},
		{"an integer beyond 64 bits signed", describeAs[none, none, struct{ N uint64 }](), "Facts.N: uint64 cannot be described"},
		{"nanoseconds", describeAs[struct{ T time.Duration }, none, none](), "Config.T: time.Duration would be a number of nanoseconds: use sdk.Duration"},
		{"lists of lists", describeAs[struct{ L [][]string }, none, none](), "Config.L: a list of lists cannot be described"},
		{"bytes", describeAs[struct{ B []byte }, none, none](), "Config.B: bytes cannot be described: use a string"},
		{"a type that holds itself", describeAs[loop, none, none](), "Config.Next: sdk.loop holds itself"},
		{"an embedded struct", describeAs[struct{ everything }, none, none](), "Config.everything: embedded structs cannot be described: give the field a name"},
		{"an odd name", describeAs[struct {
			A string `json:"a b"`
		}, none, none](), `Config.A: the name "a b" must be letters, digits, _ and -, at most 64`},
		{"names equal up to case", describeAs[struct {
			A string `json:"ab"`
			B string `json:"AB"`
		}, none, none](), "Config: the names ab and AB are equal up to case"},
		{"numbers in strings", describeAs[struct {
			A int `json:"a,string"`
		}, none, none](), "Config.A: the json option string cannot be described"},
		{"a secret number", describeAs[struct {
			A int `json:"a" secret:"true"`
		}, none, none](), "Config: a cannot be secret: only strings of a configuration can"},
		{"a secret fact", describeAs[none, none, struct {
			A string `json:"a" secret:"true"`
		}](), "Facts: a cannot be secret: only strings of a configuration can"},
		{"the name of a secret's file", describeAs[struct {
			A string `json:"a" secret:"true"`
			F string `json:"aFile"`
		}, none, none](), "Config: the name aFile is taken: it is how the secret a is given"},
		{"a name of the host", describeAs[none, none, struct {
			A bool `json:"found"`
		}](), "Facts: the name found belongs to claimsmith"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.err == nil || tt.err.Error() != tt.want {
				t.Errorf("got %v, want %s", tt.err, tt.want)
			}
		})
	}
	if _, err := (Spec[none, none, none]{Name: "n", Version: "1"}).Describe(); err == nil || err.Error() != "a plugin needs a function Open" {
		t.Error(err)
	}
	if _, err := (Spec[none, none, none]{Name: "n"}).Describe(); err == nil || err.Error() != "a plugin needs a name and a version" {
		t.Error(err)
	}
}

func TestFactsThatMayBeMissing(t *testing.T) {
	type facts struct {
		Name  string     `json:"name"`
		Phone *string    `json:"phone"`
		Since *time.Time `json:"since"`
		Shoe  int        `json:"shoe,omitzero"`
	}
	s, err := schemaOf[facts]("Facts", written)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"properties":{"name":{"type":"string"},"phone":{"type":["string","null"]},"shoe":{"type":["integer","null"]},"since":{"type":["string","null"]}},"type":"object"}`
	if got := string(s.json()); got != want {
		t.Errorf("got %s", got)
	}
}
