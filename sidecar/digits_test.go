package sidecar_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/sidecar"
	"github.com/claimsmith/claimsmith/sidecar/replay"
)

// digits is a question and an answer of the plugin that says what it was asked.
type digits struct {
	Who whose `json:"who"`
}

type whose struct {
	IDs   []numbered `json:"ids"`
	Ratio float64    `json:"ratio,omitempty"`
}

type numbered struct {
	N    int64   `json:"n"`
	More []int64 `json:"more"`
}

func echo() sdk.Spec[struct{}, digits, digits] {
	return sdk.Spec[struct{}, digits, digits]{Name: "echo", Version: "1", Open: func(context.Context, sdk.Host, struct{}) (sdk.Lookup[digits, digits], error) {
		return sdk.Func[digits, digits](func(_ context.Context, p digits) (sdk.Answer[digits], error) {
			return sdk.Answer[digits]{Found: true, Facts: p}, nil
		}), nil
	}}
}

// TestDigitsAreKept: integers beyond 2^53 go nested from rules to a plugin and back, into tokens, tests and what explain says; what would lose one is
// an error.
func TestDigitsAreKept(t *testing.T) {
	const ids = `[{"more":[9223372036854775807,-9007199254740993],"n":9007199254740993}]`
	text := func(with string) func(string) string {
		return func(dir string) string {
			return plain(dir) + `connectors: {google: {emailDomains: [gmail.com]}}
plugins: {echo: {builtin: echo}}
pipeline:
  - lookup: echo
    with: {who: ` + with + `}
  - deny: not any(echo.who.ids, .n == 9007199254740993) || any(echo.who.ids, .n == 9007199254740992)
    message: A digit is lost.
  - set: {ids: echo.who.ids, one: '{n: map(echo.who.ids, .n)}', text: 'toJSON(echo.who.ids)'}
tests:
  - name: nested
    given: {client: synology, connector: google, identity: {userId: '1'}, facts: {echo: {found: true, who: {ids: ` + ids + `}}}}
    want: {claims: {ids: ` + ids + `, one: {n: [9007199254740993]}}}
`
		}
	}
	const good = `{ids: [{n: '9007199254740993', more: ['9223372036854775807', '-9007199254740993']}]}`
	builtin := func(o *sidecar.Options) {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		o.Builtins["echo"] = sidecar.Builtin{Command: []string{self, asEcho}, Describe: func() (sidecar.Description, error) {
			d, err := echo().Describe()
			return sidecar.Description{Name: d.Name, Version: d.Version, Config: d.ConfigSchema, Params: d.ParamsSchema, Facts: d.FactsSchema}, err
		}}
	}
	dir := shortDir(t)
	file := written(t, dir, text(good)(dir))
	options := program(t, newLogBuffer())
	builtin(&options)
	report, err := replay.Test(t.Context(), file, options)
	if err != nil || report.Failed() != 0 {
		t.Fatalf("test: %+v, %v", report, err)
	}
	r := serve(t, text(good), builtin)
	reply, err := r.client().ExtendPayload(t.Context(), signIn("mum@gmail.com"))
	if err != nil {
		t.Fatal(err)
	}
	quoted, _ := json.Marshal(ids)
	want := map[string]string{"ids": ids, "one": `{"n":[9007199254740993]}`, "text": string(quoted)}
	got := map[string]string{}
	for name, value := range reply.GetPatches().GetIdToken().GetSet() {
		got[name] = string(value)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("token: %s %v", diff, reply)
	}
	e, err := replay.Explain(t.Context(), file, options, replay.Request{Client: "synology", Connector: "google", Identity: replay.RequestIdentity{UserID: "1"}, Facts: map[string]json.RawMessage{
		"echo": json.RawMessage(`{"found": true, "who": {"ids": ` + ids + `}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	said, err := json.Marshal(e)
	if err != nil || strings.Contains(string(said), "740992}") || !strings.Contains(string(said), `"ids":`+ids) {
		t.Errorf("explain: %s, %v", said, err)
	}
	lossy := written(t, shortDir(t), text(`{ids: [], ratio: '9007199254740993'}`)(dir))
	report, err = replay.Test(t.Context(), lossy, options)
	if err != nil {
		t.Fatal(err)
	}
	want = map[string]string{"outcome": "a failure: pipeline[0].with.who: the parameter does not fit: ratio: the integer has more digits than a number can hold (" + lossy + ":6)"}
	got = map[string]string{}
	for _, d := range report.Cases[0].Diffs {
		got[d.What] = d.Got
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
