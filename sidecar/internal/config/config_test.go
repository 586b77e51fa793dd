package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAHouseholdIsReadWithAllItsPlaces(t *testing.T) {
	cfg, src, problems := Load("testdata/household.yaml", Options{Builtins: []string{"synology"}})
	mustBeGood(t, src, problems)
	got, err := json.MarshalIndent(cfg, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const golden = "testdata/household.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestTheExampleOfTheDemoHasNoProblems(t *testing.T) {
	_, src, problems := Load("../../../examples/household/claimsmith.yaml", Options{Builtins: []string{"synology"}})
	mustBeGood(t, src, problems)
}

func mustBeGood(t *testing.T, src *Source, problems []Problem) {
	t.Helper()
	if len(problems) > 0 {
		var out strings.Builder
		_ = src.Render(&out, problems) // a strings.Builder takes all
		t.Fatalf("problems:\n%s", &out)
	}
}

// everything is a file in which every key is used.
const everything = `
listen: {tcp: "0.0.0.0:7443", tls: {certFile: cert.pem, keyFile: /etc/key.pem, clientCAFile: ../ca.pem, clientNames: [dex]}}
budget: 1500ms
log: {level: warn, format: json}
admin: {socket: unix:///run/admin.sock}
state: {file: state.db, keyFile: /etc/key, anchorFile: anchor}
record: {keyFile: record.key, max: 10, maxAge: 24h}
shadow: {file: candidate.yaml}
connectors:
  google: {emailDomains: [Gmail.com, bücher.example]}
plugins:
  people: {builtin: directory}
  mine:
    command: [/opt/mine, --fast]
    sha256: {/opt/mine: 00000000000000000000000000000000000000000000000000000000000000AB}
    env: [HOME]
    tls: off
    schemaFile: mine.json
    config: {big: 123456789012345678901234567890, text: "a<b", list: [1.50, true, {z: 1, a: ""}], yes: no}
pipeline:
  - name: ask
    when: true
    lookup: mine
    as: other
    with: {email: identity.email, limit: 5}
    cache: {ttl: 1m, negativeTtl: 10s, maxStale: 1h}
    onError: continue
    grants: [password, refresh_token]
    pin: {subject: identity.userId, account: other.name, id: other.uid, links: required}
  - set: {flag: true, count: 3, share: 0.5, list: [a.b, 1], map: {a: {"b c": [d.e, 1.50]}}, bare: [{n: [1, true]}], text: '"gold"', email_verified: false}
  - remove: [name, picture]
  - {deny: false, message: "No."}
  - when: other.found
    steps:
      - remove: [a]
clients:
  "my.app":
    require: {a: string, b: bool, c: integer, d: number, e: list, f: object}
    allow: [a]
    peers: [wiki]
    maxGroups: 10
    maxPayloadBytes: 4000
tests:
  - name: one
    given:
      client: my.app
      connector: google
      identity: {userId: "1", username: A, preferredUsername: a, email: a@b.c, emailVerified: true, groups: [x]}
      scopes: []
      audience: [wiki]
      grant: password
      stage: login
      links: {other: explicit}
      facts: {other: {found: true, stale: true, age: 1h, n: 9007199254740993, s: [x]}}
    want: {claimsExact: {a: 1.0, b: [true]}, id: {claims: {c: x}, removed: [d]}, access: {claimsExact: {}}}
  - {name: two, given: {client: wiki}, want: {claims: {a: x}, removed: [b]}}
  - {name: three, given: {client: wiki, connector: google, facts: {other: {failed: true}}}, want: {failed: true}}
`

func TestEveryKeyIsRead(t *testing.T) {
	cfg, src, problems := Parse("/etc/claimsmith/c.yaml", []byte(everything), Options{})
	mustBeGood(t, src, problems)
	ignore := cmp.Options{cmpopts.IgnoreTypes(Place{}), cmpopts.IgnoreUnexported(Scalar{})}
	expr := func(s string) *Scalar { return &Scalar{Value: s} }
	want := &Config{
		Listen: Listen{TCP: "0.0.0.0:7443", TLS: &TLS{
			CertFile: "/etc/claimsmith/cert.pem", KeyFile: "/etc/key.pem", ClientCAFile: "/etc/ca.pem", ClientNames: []string{"dex"},
		}},
		Budget:     1500 * time.Millisecond,
		Log:        Log{Level: "warn", Format: "json"},
		Admin:      Admin{Socket: "/run/admin.sock"},
		State:      &State{File: "/etc/claimsmith/state.db", KeyFile: "/etc/key", AnchorFile: "/etc/claimsmith/anchor"},
		Record:     &Record{KeyFile: "/etc/claimsmith/record.key", Max: 10, MaxAge: 24 * time.Hour},
		Shadow:     &Shadow{File: "/etc/claimsmith/candidate.yaml"},
		Connectors: []Connector{{Name: "google", EmailDomains: []string{"Gmail.com", "bücher.example"}}},
		Plugins: []Plugin{
			{Name: "people", Builtin: "directory", TLS: "auto", Config: json.RawMessage(`{}`)},
			{
				Name: "mine", Command: []string{"/opt/mine", "--fast"}, Env: []string{"HOME"}, TLS: "off", SchemaFile: "/etc/claimsmith/mine.json",
				SHA256: Digests{Files: map[string]string{"/opt/mine": strings.Repeat("0", 62) + "ab"}},
				Config: json.RawMessage(`{"big":123456789012345678901234567890,"text":"a<b","list":[1.50,true,{"z":1,"a":""}],"yes":"no"}`),
			},
		},
		Pipeline: []Step{
			{
				Name: "ask", When: &Condition{Const: true}, Lookup: "mine", As: "other",
				With:  []Value{{Name: "email", Expr: expr("identity.email")}, {Name: "limit", Const: int64(5)}},
				Cache: &Cache{TTL: time.Minute, NegativeTTL: 10 * time.Second, MaxStale: time.Hour}, OnError: Continue,
				Grants: []string{"password", "refresh_token"},
				Pin:    &Pin{Subject: expr("identity.userId"), Account: expr("other.name"), ID: expr("other.uid"), Links: "required"},
			},
			{Set: []Value{
				{Name: "flag", Const: true}, {Name: "count", Const: int64(3)}, {Name: "share", Const: 0.5},
				{Name: "list", Expr: expr("[(a.b\n),1]")}, {Name: "map", Expr: expr("{\"a\":{\"b c\":[(d.e\n),1.50]}}")},
				{Name: "bare", Const: []any{map[string]any{"n": []any{int64(1), true}}}},
				{Name: "text", Expr: expr(`"gold"`)}, {Name: "email_verified", Const: false},
			}},
			{Remove: []string{"name", "picture"}},
			{Deny: &Condition{}, Message: expr("No.")},
			{When: &Condition{Expr: expr("other.found")}, Steps: []Step{{Remove: []string{"a"}}}},
		},
		Clients: []Client{{
			Name: "my.app", Allow: []string{"a"}, Peers: []string{"wiki"}, MaxGroups: 10, MaxPayloadBytes: 4000,
			Require: []Requirement{
				{Name: "a", Type: "string"}, {Name: "b", Type: "bool"}, {Name: "c", Type: "integer"},
				{Name: "d", Type: "number"}, {Name: "e", Type: "list"}, {Name: "f", Type: "object"},
			},
		}},
		Tests: []Test{
			{
				Name: "one",
				Given: Given{
					Client: "my.app", Connector: "google", Scopes: []string{}, Audience: []string{"wiki"}, Grant: "password", Stage: "login",
					Identity: Identity{UserID: "1", Username: "A", PreferredUsername: "a", Email: "a@b.c", EmailVerified: true, Groups: []string{"x"}},
					Links:    []Bond{{Name: "other", Is: "explicit"}},
					Facts:    []Facts{{Name: "other", Found: true, Stale: true, Age: time.Hour, Data: json.RawMessage(`{"n":9007199254740993,"s":["x"]}`)}},
				},
				Want: Want{ClaimsExact: []Claim{{Name: "a", JSON: json.RawMessage("1.0")}, {Name: "b", JSON: json.RawMessage("[true]")}},
					ID: &Token{Claims: []Claim{{Name: "c", JSON: json.RawMessage(`"x"`)}}, Removed: []string{"d"}}, Access: &Token{ClaimsExact: []Claim{}}},
			},
			{
				Name:  "two",
				Given: Given{Client: "wiki", Scopes: []string{"openid", "profile", "email", "groups"}, Grant: "client_credentials"},
				Want:  Want{Claims: []Claim{{Name: "a", JSON: json.RawMessage(`"x"`)}}, Removed: []string{"b"}},
			},
			{
				Name: "three",
				Given: Given{
					Client: "wiki", Connector: "google", Scopes: []string{"openid", "profile", "email", "groups"}, Grant: "authorization_code",
					Facts: []Facts{{Name: "other", Failed: true, Data: json.RawMessage(`{}`)}},
				},
				Want: Want{Failed: true},
			},
		},
	}
	if diff := cmp.Diff(want, cfg, ignore); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestListenForms(t *testing.T) {
	group := 1001
	for _, c := range []struct {
		name, yaml string
		want       Listen
	}{
		{"the short form lets the group in", "listen: unix:///run/c.sock", Listen{Socket: "/run/c.sock", Mode: 0o660}},
		{
			"the long form says who may", `listen: {socket: /run/c.sock, mode: "0600", group: 1001, allowUids: [0, 65532]}`,
			Listen{Socket: "/run/c.sock", Mode: 0o600, Group: &group, AllowUIDs: []int{0, 65532}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, src, problems := Parse("t.yaml", []byte(c.yaml), Options{})
			mustBeGood(t, src, problems)
			if diff := cmp.Diff(c.want, cfg.Listen, cmpopts.IgnoreTypes(Place{})); diff != "" {
				t.Errorf("listen (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, c := range []struct{ name, file, want string }{
		{"a file that is not there", filepath.Join(dir, "none.yaml"), ": open: no such file or directory"},
		{"a folder", dir, ": read: is a directory"},
		{"a file that is too large", write("large.yaml", strings.Repeat("#\n", maxFile/2+1)), ": the file is larger than 1048576 bytes"},
		{"a file in another encoding", write("latin.yaml", "listen: a\nname: caf\xe9\n"), ":2:10: the file is not UTF-8 text"},
		{"a file in UTF-16", write("utf16.yaml", "\xff\xfel\x00"), ":1:1: the file is not UTF-8 text"},
		{
			"text that runs backwards", write("bidi.yaml", "listen: a # \u202e b"),
			":1:13: a character that makes the file look different from what it says",
		},
		{
			"a line that editors do not see", write("line.yaml", "a: 1 # x\u2028b: 2"),
			":1:9: a character that makes the file look different from what it says",
		},
		{
			"a control character", write("nul.yaml", "a: 1\x00"),
			":1:5: a character that makes the file look different from what it says",
		},
		{
			"a lone carriage return", write("mac.yaml", "a: 1\rb: 2"),
			":1:5: a character that makes the file look different from what it says",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, src, problems := Load(c.file, Options{})
			if cfg == nil || src == nil || len(problems) != 1 {
				t.Fatalf("got %v, %v, %v", cfg, src, problems)
			}
			if got, want := problems[0].String(), c.file+c.want; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestLineEndsAndByteOrderMarkDoNotMatter(t *testing.T) {
	text := "\uFEFF" + strings.ReplaceAll("listen: unix:///c.sock\npipeline:\n  - deny: |\n      a ||\n      b\n    message: No.\n", "\n", "\r\n")
	cfg, src, problems := Parse("t.yaml", []byte(text), Options{})
	mustBeGood(t, src, problems)
	deny := cfg.Pipeline[0].Deny.Expr
	if want := (Pos{"t.yaml", 5, 7}); deny.At(strings.Index(deny.Value, "b")) != want {
		t.Errorf("got %v, want %v", deny.At(strings.Index(deny.Value, "b")), want)
	}
	if got := src.Line(1); got != "listen: unix:///c.sock" {
		t.Errorf("line 1 is %q", got)
	}
}

// A test can say what a connector may send and what a token may hold: groups without a name, and null inside of a claim.
func TestWhatTestsCanSay(t *testing.T) {
	const file = `listen: unix:///run/c.sock
pipeline: [{remove: [x]}]
tests:
  - name: odd
    given: {client: c, connector: g, identity: {groups: ["", " ", a]}}
    want: {claims: {o: {a: null, l: [null, 1]}}, id: {claimsExact: {l: [{b: null}]}}}
`
	cfg, _, problems := Parse("c.yaml", []byte(file), Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	test := cfg.Tests[0]
	if got := test.Given.Identity.Groups; !slices.Equal(got, []string{"", " ", "a"}) {
		t.Errorf("groups: %q", got)
	}
	if got := string(test.Want.Claims[0].JSON) + string(test.Want.ID.ClaimsExact[0].JSON); got != `{"a":null,"l":[null,1]}[{"b":null}]` {
		t.Errorf("wanted: %s", got)
	}
	for _, src := range []string{"want: {claims: {o: null}}", "want: {claims: null}", "want: {claims: {o: {a: }}}"} {
		_, _, problems := Parse("c.yaml", []byte(file[:strings.Index(file, "    want:")]+"    "+src+"\n"), Options{})
		if len(problems) == 0 || problems[0].Message != "a value is missing" {
			t.Errorf("%s: %v", src, problems)
		}
	}
}
