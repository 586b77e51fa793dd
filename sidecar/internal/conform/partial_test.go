package conform

import (
	"testing"

	"github.com/claimsmith/claimsmith/sidecar/internal/facts"
)

func TestNestedFactsAreComparedInPart(t *testing.T) {
	const got = `{"name":"mum","home":{"zip":9007199254740993,"city":"Bern"},"groups":[{"id":1,"name":"a"},{"id":9007199254740993,"name":"b"}],"n":0}`
	for _, tt := range []struct{ want, wrong string }{
		{`{}`, ""},
		{`{"home":{"zip":9007199254740993}}`, ""},
		{`{"groups":[{"id":1},{"name":"b"}]}`, ""},
		{`{"n":0,"uid":null}`, ""},
		{`{"home":{"zip":9007199254740992}}`, "the fact home.zip is not as --facts has it: 9007199254740993"},
		{`{"groups":[{"id":1},{"id":9007199254740992}]}`, "the fact groups[1].id is not as --facts has it: 9007199254740993"},
		{`{"groups":[{"id":1}]}`, `the fact groups is not as --facts has it: [{"id":1,"name":"a"},{"id":9007199254740993,"name":"b"}]`},
		{`{"uid":0}`, "the fact uid is not as --facts has it: it is absent"},
		{`{"n":null}`, "the fact n is not as --facts has it: 0"},
		{`{"home":{"street":""}}`, "the fact home.street is not as --facts has it: it is absent"},
		{`{"name":{"first":"mum"}}`, `the fact name is not as --facts has it: "mum"`},
	} {
		want, err := exact([]byte(tt.want))
		if err != nil {
			t.Fatal(err)
		}
		have, err := exact([]byte(got))
		if err != nil {
			t.Fatal(err)
		}
		if wrong := differs("", want, have); wrong != tt.wrong {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.want, wrong, tt.wrong)
		}
	}
}

func TestFactsThatThereAreNot(t *testing.T) {
	schema, err := facts.ParseFacts([]byte(`{"type":"object","properties":{"home":{"type":"object","properties":{"zip":{"type":"integer"}}},
		"groups":{"type":"array","items":{"type":"object","properties":{"id":{"type":"string"}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`{"home":{"zip":1},"groups":[{"id":"a"}]}`: "", `{"home":{"zap":1}}`: "home.zap", `{"groups":[{"id":"a"},{"n":1}]}`: "groups.n", `{"house":1}`: "house",
	} {
		v, err := exact([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := stranger("", v, schema); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	if !hasInt(schema) || hasInt(schema.Fields["groups"]) {
		t.Error("integers are found in the wrong places")
	}
}
