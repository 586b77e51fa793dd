package http

import (
	"bytes"
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// seeded are values for all placeholders.
func seeded(value string) values {
	v := values{texts: map[string]string{}, lists: map[string][]string{}}
	for _, name := range textNames {
		v.texts[name] = value
	}
	for _, name := range listNames {
		v.lists[name] = []string{value, value}
	}
	return v
}

// FuzzURL: whatever the values are, a request goes to the origin, has as many segments and members as the template, and the
// values arrive as they were.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"https://a.example/p/{name}/x?m={email}&n", "https://a.example", "http://[::1]:80/{name}{email}", "https://a/%2F{name}?=&a=b%20{name}", "https://a/{{"} {
		f.Add(s, "mum@gmail.com")
		f.Add(s, "../?&#%2e\\\x00ü")
	}
	f.Fuzz(func(t *testing.T, template, value string) {
		to, err := parseTarget(template)
		if err != nil {
			return
		}
		u, err := to.fill(seeded(value))
		if err != nil {
			return
		}
		if u.Scheme != to.origin.Scheme || u.Host != to.origin.Host || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q with %q leads to %s", template, value, u)
		}
		again, err := url.ParseRequestURI(u.RequestURI())
		if err != nil || again.EscapedPath() != u.EscapedPath() || again.RawQuery != u.RawQuery {
			t.Fatalf("%q with %q: %s is read as %v, %v", template, value, u.RequestURI(), again, err)
		}
		if got := strings.Count(u.EscapedPath(), "/"); got != len(to.path) {
			t.Errorf("%q with %q: %d segments of %d", template, value, got, len(to.path))
		}
		if got := strings.Count(u.RawQuery, "&") + 1; len(to.query) > 0 && got != len(to.query) {
			t.Errorf("%q with %q: %d members of %d", template, value, got, len(to.query))
		}
		for _, segment := range strings.Split(u.Path, "/") {
			if segment == ".." || segment == "." {
				t.Errorf("%q with %q: the path %q leads elsewhere", template, value, u.Path)
			}
		}
		if reflect.DeepEqual(to.path, []text{{{name: "name"}}}) && u.Path != "/"+value {
			t.Errorf("%q with %q: the path is %q", template, value, u.Path)
		}
	})
}

// FuzzBody: whatever the values are, a body is JSON of the template's shape.
func FuzzBody(f *testing.F) {
	for _, s := range []string{`{"a": "{email}", "b": ["{groups}", 1.0, "x{name}\u00e9{{"]}`, `"{email}"`, `{"{{": "\"{name}\\"}`, `[`, `{"a":1}`} {
		f.Add(s, `mum"@gmail.com`)
		f.Add(s, "\\\", \"admin\": true, \"\u2028\x00")
	}
	f.Fuzz(func(t *testing.T, template, value string) {
		b, err := parseBody(template)
		if err != nil {
			return
		}
		plain, err := b.fill(seeded("x"))
		if err != nil {
			t.Fatalf("%q cannot be filled: %v", template, err)
		}
		filled, err := b.fill(seeded(value))
		if err != nil {
			return
		}
		if !json.Valid(filled) {
			t.Fatalf("%q with %q is %s", template, value, filled)
		}
		if want, got := shape(t, plain), shape(t, filled); want != got {
			t.Errorf("%q with %q has the shape %s, want %s", template, value, got, want)
		}
	})
}

// shape is JSON without the content of its texts that are values.
func shape(t *testing.T, data []byte) string {
	var tree any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(blank(tree))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func blank(v any) any {
	switch v := v.(type) {
	case string:
		return ""
	case []any:
		for i := range v {
			v[i] = blank(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = blank(v[name])
		}
	}
	return v
}

// FuzzReply: whatever a service says and wherever it is looked for, the answer is one that the host takes, and an error
// repeats nothing.
func FuzzReply(f *testing.F) {
	for _, s := range []string{`{"result": {"name": "mum", "groups": ["a"], "n": 1e2}}`, `[{"a": null}]`, `"x"`, `{"a": "\ud800"}`, `{"":{"~":1}}`, `[1,]`} {
		f.Add([]byte(s), "/result/name")
		f.Add([]byte(s), "/0/a")
		f.Add([]byte(s), "/~1/~0")
	}
	f.Fuzz(func(t *testing.T, data []byte, at string) {
		reply, err := readJSON(data)
		if err != nil {
			return
		}
		var check checker
		r := Answers{Found: at, Name: at, Texts: []TextAnswer{{"t", at}}, Optional: []string{"name"}}.parse(&check)
		if len(check.problems) > 0 {
			return
		}
		answer, err := r.answer(reply, values{})
		if err != nil && (answer.Found || len(err.Error()) > 100) || answer.Found && answer.Problem != "" || err == nil && !answer.Found && answer.Problem == "" {
			t.Errorf("%s at %q: %+v, %v", data, at, answer, err)
		}
	})
}
