package config

import (
	"encoding/json"
	"strings"
	"testing"
)

const placesFile = `listen: unix:///c.sock
plugins:
  nas:
    builtin: synology
    config:
      accounts:
        - {name: a}
        - name: b
          "dotted.key": c
      url: x
`

func TestPos(t *testing.T) {
	_, src, problems := Parse("t.yaml", []byte(placesFile), Options{})
	mustBeGood(t, src, problems)
	for _, c := range []struct {
		name, path string
		line, col  int
	}{
		{"a text", "plugins.nas.config.url", 10, 12},
		{"a text in braces", "plugins.nas.config.accounts[0].name", 7, 18},
		{"a map in braces", "plugins.nas.config.accounts[0]", 7, 11},
		{"a map of lines in a list", "plugins.nas.config.accounts[1]", 8, 11},
		{"a key with dots", `plugins.nas.config.accounts[1]["dotted.key"]`, 9, 25},
		{"a map of lines is at its key", "plugins.nas.config", 5, 5},
		{"a list of lines is at its key", "plugins.nas.config.accounts", 6, 7},
		{"a missing key is at its map", "plugins.nas.config.caFile", 5, 5},
		{"what is below a text is at the text", "plugins.nas.config.url.host", 10, 12},
		{"an index that is too large is at its list", "plugins.nas.config.accounts[2].name", 6, 7},
		{"an index into a map is at the map", "plugins.nas.config[0]", 5, 5},
		{"a number that is none", "plugins.nas.config.accounts[x]", 6, 7},
		{"a path of another kind", "/plugins/nas", 1, 1},
		{"no path", "", 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, want := src.Pos(c.path), (Pos{"t.yaml", c.line, c.col}); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestJoin(t *testing.T) {
	for _, c := range []struct{ path, rest, want string }{
		{"plugins.nas.config", "accounts[2].name", "plugins.nas.config.accounts[2].name"},
		{"plugins.nas.config", "[2]", "plugins.nas.config[2]"},
		{"plugins.nas.config", "", "plugins.nas.config"},
		{"", "listen", "listen"},
	} {
		if got := Join(c.path, c.rest); got != c.want {
			t.Errorf("Join(%q, %q) is %q, want %q", c.path, c.rest, got, c.want)
		}
	}
}

func TestProblemsFromElsewhereAreMadeFitForATerminal(t *testing.T) {
	_, src, _ := Parse("t.yaml", []byte("listen: unix:///c.sock\n"), Options{})
	var out strings.Builder
	p := src.Problem("listen", "one\ntwo\x1b[31m\u202e", "a\tb\r")
	if err := src.Render(&out, []Problem{p, p}); err != nil {
		t.Fatal(err)
	}
	want := "t.yaml:1:9: listen: one two�[31m�\n    1 | listen: unix:///c.sock\n      |         ^\nhint: a b�\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", &out, want)
	}
}

func TestLongLinesAreCutAroundThePlace(t *testing.T) {
	text := "listen: unix:///c.sock\npipeline: [" + strings.Repeat("{remove: [a]}, ", 30) + "{x: y}" + strings.Repeat(", {remove: [a]}", 30) + "]\n"
	got := rendered(text)
	want := `t.yaml:2:463: pipeline[30].x: unknown key "x"
    2 | …}, {remove: [a]}, {remove: [a]}, {remove: [a]}, {remove: [a]}, {remove: [a]}, {x: y}, {remove: [a]}, {remove: [a]}, {remove: [a]}, {remove: [a]}, {remove: [a]…
      |                                                                                 ^
hint: known here: name, when, from, until, lookup, as, with, cache, onError, grants, pin, allowUnverifiedEmail, set, remove, deny, message, steps
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	for _, c := range []struct {
		name, line string
		shown      bool
	}{
		{"a password", "      password: hunter2", false},
		{"a password in quotes and braces", `    config: {"adminPassword": "hunter2"}`, false},
		{"a token", "bot_token : hunter2", false},
		{"the file of a password", "      passwordFile: /run/hunter2", true},
		{"a password that is not there", "      password: # hunter2", true},
		{"something else", "      url: hunter2", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := newSource("t.yaml", c.line)
			var out strings.Builder
			if err := src.Render(&out, []Problem{{File: "t.yaml", Line: 1, Col: 1, Message: "wrong"}}); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(out.String(), "hunter2"); got != c.shown {
				t.Errorf("shown: %v, want %v:\n%s", got, c.shown, &out)
			}
		})
	}
}

func TestProblemsAsJSON(t *testing.T) {
	_, _, problems := Parse("t.yaml", []byte("listen: unix:///c.sock\nconnectors: {a: {emailDomains: [\"*\"]}}\nbudget: 5\n"), Options{})
	got, err := json.Marshal(problems)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"file":"t.yaml","line":2,"col":33,"path":"connectors.a.emailDomains[0]",` +
		`"message":"every address that this connector calls verified is believed","hint":"name the domains that it may speak for","warning":true},` +
		`{"file":"t.yaml","line":3,"col":9,"path":"budget","message":"a duration needs a unit","hint":"write 5s for seconds"}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !HasErrors(problems) || HasErrors(problems[:1]) {
		t.Errorf("errors: %v, %v", HasErrors(problems), HasErrors(problems[:1]))
	}
}

func TestManyProblemsEndSomewhereAndErrorsAreNotCrowdedOut(t *testing.T) {
	text := "listen: unix:///c.sock\nconnectors:\n"
	for range 300 {
		text += "  c" + strings.Repeat("x", len(text)%97) + strings.Repeat("y", len(text)%89) + "z: {emailDomains: [\"*\"]}\n"
	}
	_, _, problems := Parse("t.yaml", []byte(text+strings.Repeat("  ? [a]\n  : b\n", 300)), Options{})
	warnings := 0
	for _, p := range problems {
		if p.Warning {
			warnings++
		}
	}
	if warnings > maxProblems || len(problems)-warnings != maxProblems {
		t.Errorf("%d warnings, %d errors", warnings, len(problems)-warnings)
	}
}
