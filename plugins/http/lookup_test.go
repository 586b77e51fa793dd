package http

import (
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

func TestRepliesBecomeAnswers(t *testing.T) {
	all := Answers{
		Found: "/found", Ambiguous: "/also", Email: "/mail", Name: "/who/name", Groups: "/who/groups", Flag: "/who/admin", Number: "/who/uid",
		Texts: []TextAnswer{{"shell", "/who/shell"}, {"big", "/who/big"}, {"vpn", "/who/vpn"}},
	}
	const who = `"mail": "Mum@Example.org", "who": {"name": "mum", "groups": ["b", "a"], "admin": true, "uid": 7, "big": 9007199254740993, "vpn": false, "x": {}}`
	lax := all
	lax.Optional = []string{"name", "groups", "flag", "number"}
	tests := []struct {
		name    string
		answers Answers
		status  int
		reply   string
		want    got
	}{
		{"everything", all, 200, `{"found": true, ` + who + `}`, found(Facts{Name: "mum", Groups: []string{"b", "a"}, Flag: true, Number: 7,
			Texts: []Text{{"big", "9007199254740993"}, {"vpn", "false"}}})},
		{"another good status", all, 201, `{"found": {}, "also": false, ` + who + `}`, found(Facts{Name: "mum", Groups: []string{"b", "a"}, Flag: true, Number: 7,
			Texts: []Text{{"big", "9007199254740993"}, {"vpn", "false"}}})},
		{"nobody, in words", all, 200, `{"found": false, ` + who + `}`, problem("none")},
		{"nobody, with null", all, 200, `{"found": null}`, problem("none")},
		{"nobody, with nothing", all, 200, `{}`, problem("none")},
		{"nobody, by status", all, 404, `<html>`, problem("none")},
		{"more than one", all, 200, `{"found": true, "also": {}, ` + who + `}`, problem("ambiguous")},
		{"somebody else", all, 200, `{"found": true, "mail": "mum@example.com"}`, problem("none")},
		{"somebody without an address", all, 200, `{"found": true}`, misfit("answers.email: the reply has no text there")},
		{"what says neither yes nor no", all, 200, `{"found": "yes"}`, misfit("answers.found: the reply has there neither an object nor true or false")},
		{"what may be two", all, 200, `{"found": true, "also": []}`, misfit("answers.ambiguous: the reply has there neither an object nor true or false")},
		{"a fact that is missing", all, 200, `{"found": true, "mail": "mum@example.org", "who": {"name": "mum", "groups": []}}`,
			misfit("answers.flag: the reply has nothing there, or null")},
		{"a fact that is null", all, 200, `{"found": true, "mail": "mum@example.org", "who": {"name": null}}`, misfit("answers.name: the reply has nothing there, or null")},
		{"facts that may be missing", lax, 200, `{"found": true, "mail": "mum@example.org"}`, found(nothing())},
		{"facts that may be missing and are something else", lax, 200, `{"found": true, "mail": "mum@example.org", "who": {"groups": "a"}}`,
			misfit("answers.groups: the reply has there something else than a list of texts")},
		{"no answers wanted", Answers{}, 204, ``, found(Facts{})},
		{"no answers wanted of a page", Answers{}, 200, `<html>`, found(Facts{})},
		{"a number for a text", Answers{Name: "/a"}, 200, `{"a": 1}`, misfit("answers.name: the reply has there something else than a text")},
		{"half a character", Answers{Name: "/a"}, 200, `{"a": "\ud800"}`, misfit("answers.name: the text there cannot be decoded")},
		{"a list of numbers for texts", Answers{Groups: "/a"}, 200, `{"a": ["x", 1]}`, misfit("answers.groups: the reply has there a list of something else than texts")},
		{"a text for a flag", Answers{Flag: "/a"}, 200, `{"a": "true"}`, misfit("answers.flag: the reply has there something else than true or false")},
		{"a text for a number", Answers{Number: "/a"}, 200, `{"a": "1"}`, misfit("answers.number: the reply has there something else than a number")},
		{"an integer that would lose digits", Answers{Number: "/a"}, 200, `{"a": 9007199254740993}`,
			misfit("answers.number: the integer there would lose digits: take it as one of the texts")},
		{"a number beyond all", Answers{Number: "/a"}, 200, `{"a": 1e999}`, misfit("answers.number: the number there is too large")},
		{"a fraction", Answers{Number: "/a"}, 200, `{"a": -0.25}`, found(Facts{Groups: []string{}, Number: -0.25, Texts: []Text{}})},
		{"an object for one of the texts", Answers{Texts: []TextAnswer{{"x", "/a"}}}, 200, `{"a": {}}`, misfit("answers.texts[0]: the reply has there an object or a list")},
		{"the first of a list", Answers{Found: "/0", Ambiguous: "/1", Name: "/0/name"}, 200, `[{"name": "mum"}]`, found(Facts{Name: "mum", Groups: []string{}, Texts: []Text{}})},
		{"two in a list", Answers{Found: "/0", Ambiguous: "/1", Name: "/0/name"}, 200, `[{"name": "mum"}, {}]`, problem("ambiguous")},
		{"none in a list", Answers{Found: "/0", Ambiguous: "/1", Name: "/0/name"}, 200, `[]`, problem("none")},
		{"the reply itself", Answers{Groups: "#"}, 200, `["a"]`, found(Facts{Groups: []string{"a"}, Texts: []Text{}})},
		{"no JSON", Answers{Name: "/a"}, 200, `<html>mum@gmail.com</html>`, misfit("read the reply: not valid JSON")},
		{"nothing at all", Answers{Name: "/a"}, 204, ``, misfit("read the reply: not valid JSON")},
		{"more than JSON", Answers{Name: "/a"}, 200, `{"a": "b"} {}`, misfit("read the reply: not valid JSON")},
		{"a member twice, up to case", Answers{Name: "/a"}, 200, `{"a": "b", "A": "c"}`, misfit("read the reply: an object has a member twice, up to case")},
		{"bytes that are no text", Answers{Name: "/a"}, 200, "{\"a\": \"\xff\"}", misfit("read the reply: not valid UTF-8")},
		{"nested deep", Answers{Name: "/a"}, 200, strings.Repeat("[", 40) + strings.Repeat("]", 40), misfit("read the reply: nested too deep")},
		{"too long", Answers{Name: "/a"}, 200, strings.Repeat(" ", maxReply+1), misfit("the reply is longer than 1048576 bytes")},
		{"not let in", Answers{}, 401, ``, unknown("the service does not let us in (status 401): check bearerFile, headers or clientCertFile")},
		{"forbidden", Answers{}, 403, ``, misfit("the service does not let us in (status 403): check bearerFile, headers or clientCertFile")},
		{"too often", Answers{}, 429, ``, unknown("the service is asked too often (status 429)")},
		{"broken", Answers{}, 500, `mum@gmail.com`, unknown("the service answered with status 500")},
		{"not changed", Answers{}, 304, ``, unknown("the service answered with status 304")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.reply)
			})
			config := s.config(t, "/?m={email}")
			config.Answers = tt.answers
			if diff := cmp.Diff(tt.want, ask(t, sdktest.Start(t, Plugin(), config), email("mum@example.org"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestValuesAreEscapedByWhereTheyStand(t *testing.T) {
	const odd = `a&b=c?d#e%2F"f{name}+ü`
	group := []string{`x"y`, "é"}
	s := serve(t, reply(`{}`))
	text := func(s string) *string { return &s }
	tests := []struct {
		name, path, body string
		params           Params
		want             string // asked, or an error
	}{
		{"constant", "/a/b%2Fc?d=e&f&g=", "", Params{}, "GET /a/b%2Fc?d=e&f&g="},
		{"no path", "", "", Params{}, "GET /"},
		{"in a path", "/p/{email}/x-{name}", "", Params{Email: text(odd), Name: text("..")},
			"GET /p/a&b=c%3Fd%23e%252F%22f%7Bname%7D+%C3%BC/x-.."},
		{"in a query", "/?m={email}&n=(%20{name})", "", Params{Email: text(odd), Name: text("a/../b")},
			"GET /?m=a%26b%3Dc%3Fd%23e%252F%22f%7Bname%7D%2B%C3%BC&n=(%20a%2F..%2Fb)"},
		{"in a body", "/", `{"a": "{email}", "{{b}}": "{{{name}}}", "c": [ "{groups}", "x{userId}y", "\u00e9", 1e3 ]}`,
			Params{Email: text(odd), Name: text("<n>\n"), UserID: text("u"), Groups: group},
			`POST / {"a": "a&b=c?d#e%2F\"f{name}+ü", "{b}": "{<n>\n}", "c": [ ["x\"y","é"], "xuy", "\u00e9", 1e3 ]}`},
		{"a list of nothing", "/", `{"a": "{groups}", "b": "{scopes}"}`, Params{Groups: []string{}, Scopes: []string{"openid"}}, `POST / {"a": [], "b": ["openid"]}`},
		{"all the others", "/{client}/{connector}", "", Params{Client: text("wiki"), Connector: text("google")}, "GET /wiki/google"},
		{"a slash in a path", "/p/{name}", "", Params{Name: text("a/b")}, errPath.Error()},
		{"a backslash in a path", "/p/{name}", "", Params{Name: text(`a\b`)}, errPath.Error()},
		{"a line break in a path", "/p/{name}", "", Params{Name: text("a\nb")}, errPath.Error()},
		{"a way up", "/p/{name}/x", "", Params{Name: text("..")}, errPath.Error()},
		{"a way up in two parts", "/p/%2E{name}/x", "", Params{Name: text(".")}, errPath.Error()},
		{"a value that the lookup does not give", "/{name}", "", Params{}, "the request needs name: the lookup has to give it, in with"},
		{"a list that the lookup does not give", "/", `"{groups}"`, Params{}, "the request needs groups: the lookup has to give it, in with"},
		{"an empty value", "/{name}", "", Params{Name: text("")}, "(empty)"},
		{"an empty value in a body", "/", `["{name}"]`, Params{Name: text("")}, "(empty)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := s.config(t, tt.path)
			config.Body = tt.body
			answer := ask(t, sdktest.Start(t, Plugin(), config), tt.params)
			asked := s.took()
			switch {
			case answer.Problem == "empty":
				asked = append(asked, "(empty)")
			case answer.Err != "":
				asked = append(asked, strings.TrimPrefix(answer.Err, "rpc error: code = DataLoss desc = "))
			}
			if diff := cmp.Diff([]string{tt.want}, asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestOpenPolicyAgent: OPA answers POST /v1/data/PATH with the document as "result", and without it when it is undefined.
func TestOpenPolicyAgent(t *testing.T) {
	opa := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		var decision string
		switch content := r.URL.Path; content {
		case "/v1/data/people/allowed":
			decision = `, "result": {"allow": true, "name": "mum", "groups": ["family"], "quota": 2.5}`
		case "/v1/data/people/broken":
			w.WriteHeader(nethttp.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"code": "internal_error", "message": "mum@gmail.com"}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"decision_id": "8ef4f6ea-5c86-4c5d-a2a6-1b1b1f3d8cb1"%s}`, decision)
	})
	tests := []struct {
		path string
		want got
	}{
		{"allowed", found(Facts{Name: "mum", Groups: []string{"family"}, Flag: true, Number: 2.5, Texts: []Text{}})},
		{"undefined", problem("none")},
		{"broken", unknown("the service answered with status 500")},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			config := opa.config(t, "/v1/data/people/"+tt.path)
			config.Body = `{"input": {"email": "{email}", "client": "{client}", "groups": "{groups}"}}`
			config.Answers = Answers{Found: "/result", Flag: "/result/allow", Name: "/result/name", Groups: "/result/groups", Number: "/result/quota"}
			address, client := "mum@gmail.com", "wiki"
			answer := ask(t, sdktest.Start(t, Plugin(), config), Params{Email: &address, Client: &client, Groups: []string{"a"}})
			if diff := cmp.Diff(tt.want, answer); diff != "" {
				t.Error(diff)
			}
			want := []string{"POST /v1/data/people/" + tt.path + ` {"input": {"email": "mum@gmail.com", "client": "wiki", "groups": ["a"]}}`}
			if diff := cmp.Diff(want, opa.took()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestARealOpenPolicyAgent asks the policy of examples/opa of the OPA that CLAIMSMITH_OPA names.
func TestARealOpenPolicyAgent(t *testing.T) {
	program := os.Getenv("CLAIMSMITH_OPA")
	if program == "" {
		text := "no real OPA is asked; to enable this: CLAIMSMITH_OPA=/usr/bin/opa"
		if os.Getenv("CLAIMSMITH_CI") != "" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	cmd := exec.Command(program, "run", "--server", "--addr", address, "--log-level", "error", "../../examples/opa/policy.rego")
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			break
		}
		select {
		case <-ended:
			t.Fatal("OPA ended")
		case <-time.After(10 * time.Millisecond):
		}
	}
	c := sdktest.Start(t, Plugin(), Config{
		URL: "http://" + address + "/v1/data/claims/decision", AllowPlainHTTP: true, AllowNetworks: []string{"127.0.0.1"},
		Body:    `{"input": {"email": "{email}", "client": "{client}", "groups": "{groups}"}}`,
		Answers: Answers{Found: "/result", Flag: "/result/allow", Groups: "/result/groups", Texts: []TextAnswer{{Name: "reason", At: "/result/reason"}}},
	})
	reason := func(text string) []Text { return []Text{{"reason", text}} }
	for _, tt := range []struct {
		email, client string
		groups        []string
		want          got
	}{
		{"ada@example.org", "wiki", []string{"team-a", "office"}, found(Facts{Flag: true, Groups: []string{"team-a"}, Texts: reason("You may not use this application.")})},
		{"grace@example.org", "payroll", []string{"team-b"}, found(Facts{Groups: []string{"team-b"}, Texts: reason("Payroll is for the office.")})},
		{"stranger@example.org", "wiki", []string{}, problem("none")},
		{`ada@example.org", "x": "`, "wiki", []string{}, problem("none")},
	} {
		if diff := cmp.Diff(tt.want, ask(t, c, Params{Email: &tt.email, Client: &tt.client, Groups: tt.groups})); diff != "" {
			t.Errorf("%s: %s", tt.email, diff)
		}
	}
}

func TestWithoutAnAddressToCompareNothingIsAsked(t *testing.T) {
	s := serve(t, reply(`{}`))
	config := s.config(t, "/{name}")
	config.Answers = Answers{Email: "/mail"}
	c := sdktest.Start(t, Plugin(), config)
	name, none := "mum", ""
	if diff := cmp.Diff(problem("empty"), ask(t, c, Params{Name: &name, Email: &none})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(misfit("the request needs email: the lookup has to give it, in with"), ask(t, c, Params{Name: &name})); diff != "" {
		t.Error(diff)
	}
	if asked := s.took(); asked != nil {
		t.Errorf("asked %v", asked)
	}
}

var _ sdk.Lookup[Params, Facts] = (*lookup)(nil)
