package http

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

func TestConfigurationsAreChecked(t *testing.T) {
	token := write(t, "token", "secret")
	open := write(t, "open", "secret")
	if err := os.Chmod(open, 0o604); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "none")
	const good = `"url": "https://opa.example.org/v1/data"`
	quoted := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	files := `, "bearerFile": ` + quoted(token)
	one := func(path, message, hint string) sdk.Problems {
		return sdk.Problems{{Path: path, Message: message, Hint: hint}}
	}
	url := func(u string) string { return `{"url": ` + quoted(u) + `}` }
	tests := []struct {
		name, config string
		want         sdk.Problems
	}{
		{"the least", `{` + good + `}`, nil},
		{"everything", `{` + good + files + `, "method": "POST", "body": "{\"a\": \"{email}\"}", "headers": [{"name": "X-A", "value": "b"}],
			"answers": {"found": "/a", "ambiguous": "/b", "email": "/c", "name": "/d", "groups": "/e/0", "flag": "/f~1~0", "number": "#",
			"texts": [{"name": "g", "at": "/g"}], "optional": ["name"]}, "allowNetworks": ["10.0.0.0/8", "fd00::1"], "timeout": "2s"}`, nil},
		{"nothing", `{}`, one("", "url is missing", "")},
		{"all at once", `{"url": "ftp://x", "method": "PUT", "body": "{email}", "headers": [{"name": "Host", "value": "a"}, {"name": "a b"}],
			"bearerFile": ` + quoted(missing) + `, "caFile": "ca.pem", "clientKeyFile": "/k", "answers": {"name": "a", "flag": "/~2", "texts": [{"name": "", "at": "b"}],
			"optional": ["groups", "x"]}, "allowNetworks": ["10.0.0.1/8", "0.0.0.0/0", "a", "::ffff:10.0.0.0/104"], "timeout": "1h"}`, sdk.Problems{
			{Path: "answers.name", Message: "must begin with /, like /result/name, or be # for the whole reply"},
			{Path: "answers.flag", Message: "~ is written ~0, and / in a name ~1"},
			{Path: "answers.texts[0].at", Message: "must begin with /, like /result/name, or be # for the whole reply"},
			{Path: "answers.texts[0].name", Message: "the name is empty"},
			{Path: "answers.optional[0]", Message: "must be one of name, groups, flag and number that is given"},
			{Path: "answers.optional[1]", Message: "must be one of name, groups, flag and number that is given"},
			{Path: "allowNetworks[0]", Message: "the network is written 10.0.0.0/8"},
			{Path: "allowNetworks[1]", Message: "this is every address there is: name the networks that are meant"},
			{Path: "allowNetworks[2]", Message: "must be a network like 10.0.0.0/8, or an address"},
			{Path: "allowNetworks[3]", Message: "must be a network like 10.0.0.0/8, or an address"},
			{Path: "url", Message: "must begin with https:// or http://"},
			{Path: "body", Message: "must be JSON: not valid JSON", Hint: `placeholders stand in quotes: "{email}"`},
			{Path: "method", Message: "must be GET or POST"},
			{Path: "bearerFile", Message: "no such file or directory", Hint: "write the secret into " + missing},
			{Path: "headers[0].name", Message: "this field is not the configuration's to write"},
			{Path: "headers[1].name", Message: "not the name of a header field"},
			{Path: "headers[1]", Message: "needs one of value and valueFile"},
			{Path: "caFile", Message: "not an absolute path, and a plugin works in a folder of its own"},
			{Path: "clientCertFile", Message: "clientCertFile and clientKeyFile go together"},
			{Path: "timeout", Message: "must be between 100ms and 1m0s"}}},
		{"a body with GET", `{` + good + `, "method": "GET", "body": "{}"}`, one("method", "GET has no body", "write POST, or leave out body")},
		{"headers", `{` + good + files + `, "headers": [{"name": "authorization", "value": "x"}, {"name": "X-A", "value": "a", "valueFile": "b"},
			{"name": "x-a", "value": "a\nb"}, {"name": "X-B", "valueFile": ` + quoted(open) + `}]}`, sdk.Problems{
			{Path: "headers[0].name", Message: "this field is given already"},
			{Path: "headers[0].value", Message: "a secret is not written here", Hint: "put it in a file and write valueFile: PATH"},
			{Path: "headers[1]", Message: "needs one of value and valueFile"},
			{Path: "headers[2].name", Message: "this field is given already"},
			{Path: "headers[2].value", Message: "holds what no header field can"},
			{Path: "headers[3].valueFile", Message: "every user of this machine can read or change the file", Hint: "chmod 0640 " + open}}},
		{"names of texts", `{` + good + `, "answers": {"texts": [{"name": "a", "at": "/a"}, {"name": "A", "at": "/b"}]}}`,
			one("answers.texts[1].name", "another text has this name, up to upper and lower case", "")},
		{"plain HTTP", url("http://opa.example.org"), one("url", "http:// lets everybody on the way read and change what is said", "use https://, or write allowPlainHTTP: true")},
		{"certificates and plain HTTP", `{"url": "http://opa.example.org", "allowPlainHTTP": true, "caFile": ` + quoted(token) + `}`, sdk.Problems{
			{Path: "url", Message: "there are no certificates with http://", Hint: "write https://, or leave out caFile and clientCertFile"},
			{Path: "caFile", Message: "no certificate in PEM form in it"}}},
		{"an address inside", url("https://10.0.0.1:8181/x"), one("url", "the address is refused (private)", "write allowNetworks: [10.0.0.1] if that is meant")},
		{"an address inside, with six", url("https://[::1]:8181/x"),
			one("url", "the address is refused (this machine, or another address in disguise)", "write allowNetworks: [::1] if that is meant")},
		{"an address inside that is named", `{"url": "https://10.0.0.1/x", "allowNetworks": ["10.0.0.1"]}`, nil},
		{"a placeholder in the host", url("https://{name}.example.org/"), one("url", "the host is constant: no placeholder can be in it", "")},
		{"a placeholder for the scheme", url("{name}://example.org/"), one("url", "must begin with https:// or http://", "")},
		{"a password", url("https://me:secret@example.org/"), one("url", "a password does not belong here: use bearerFile, or headers with valueFile", "")},
		{"no host", url("https:///x"), one("url", "the host cannot be read", "")},
		{"a port that is none", url("https://example.org:x/"), one("url", "the host cannot be read", "")},
		{"a fragment", url("https://example.org/#{name}"), one("url", "has a part behind #, which is never sent", "")},
		{"a blank", url("https://example.org/a b"), one("url", "holds a blank, or a character that has to be written as %XX", "")},
		{"a way up", url("https://example.org/a/%2e./b"), one("url", "path: . and .. are not names: write the path that is meant", "")},
		{"half an escape", url("https://example.org/%2"), one("url", "path: % is not followed by two hex digits", "")},
		{"an unknown placeholder", url("https://example.org/{mail}"),
			one("url", "path: an unknown placeholder: there are {email}, {name}, {userId}, {client}, {connector}, and {groups} and {scopes} in a body", "")},
		{"a list in a query", url("https://example.org/?g={groups}"), one("url", "query: {groups} is a list: it can only be a whole value in a body", "")},
		{"a placeholder as a name", url("https://example.org/?{name}=x"), one("url", "query: a placeholder can only be in a value, behind =", "")},
		{"a brace that is not closed", url("https://example.org/{name"), one("url", `path: a "{" that is not closed: write {{ for the character itself`, "")},
		{"a brace that closes nothing", url("https://example.org/?a=}"), one("url", `query: a "}" that closes nothing: write }} for the character itself`, "")},
		{"braces in a URL", url("https://example.org/{{name}}"), one("url", "path: a bracket or brace has to be written as %XX", "")},
		{"a placeholder without quotes", `{` + good + `, "body": "{\"a\": {email}}"}`, one("body", "must be JSON: not valid JSON", `placeholders stand in quotes: "{email}"`)},
		{"a placeholder as the name of a member", `{` + good + `, "body": "{\"{email}\": 1}"}`, one("body", "a placeholder can only be in a value, not in a name", "")},
		{"a list inside of a text", `{` + good + `, "body": "[\"x{groups}\"]"}`, one("body", "{groups} is a list: it can only be a whole value in a body", "")},
		{"a member twice", `{` + good + `, "body": "{\"a\": 1, \"A\": 2}"}`, one("body", "must be JSON: an object has a member twice, up to case", "")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := sdktest.Check(t, Plugin(), json.RawMessage(tt.config))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(got.Error(), "secret@") {
				t.Error("a problem repeats the password")
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	for _, tt := range []struct {
		config Config
		method string
	}{{Config{URL: "https://example.org"}, "GET"}, {Config{URL: "https://example.org", Body: "{}"}, "POST"}} {
		s, err := tt.config.settle()
		if err != nil {
			t.Fatal(err)
		}
		if s.method != tt.method || s.timeout != 5*time.Second || s.tls.RootCAs != nil || s.tls.InsecureSkipVerify {
			t.Errorf("settings %+v", s)
		}
	}
}
