package config

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// scalars are texts in all the ways YAML has to write them; @ is the place that is looked for, and is no part of them.
var scalars = []struct{ name, value, find string }{
	{"plain", `nas.name + @x`, "x"},
	{"plain over lines", "nas.name +\n        nas.b\n\n\n        + @x # comment", "x"},
	{"plain with letters of all lengths", "é + 日本 + 😀 + @x", "x"},
	{"single quotes", `'a + ''b'' + @x'`, "x"},
	{"single quotes over lines", "'a +\n        ''b''\n\n        + @x'", "x"},
	{"double quotes", `"a + \"b\" + \t\x41\u0042\U0001F600\e @x"`, "x"},
	{"every escape", `"\0\a\b\t\n\v\f\r\e\N\_\L\P\\\"\ @x"`, "x"},
	{"double quotes over lines", "\"a +\n        b \\\n        c \\\n        + @x\"", "x"},
	{"double quotes that end in a join", "\"a\\\n        @x\"", "x"},
	{"a literal block", "|\n        a +\n          b\n\n        + @x", "x"},
	{"a literal block that begins with an empty line", "|\n\n        a +\n        @x", "x"},
	{"a literal block without last line feed", "|-\n        a +\n        @x", "x"},
	{"a folded block", ">\n        a +\n        b\n\n        + @x", "x"},
	{"a folded block that begins with an empty line", ">-\n\n        a +\n        @x", "x"},
	{"a folded block with lines further in", ">\n        a +\n          b\n          c\n        + @x", "x"},
}

func TestPlacesInsideScalars(t *testing.T) {
	for _, c := range scalars {
		t.Run(c.name, func(t *testing.T) {
			text := "listen: unix:///c.sock\npipeline:\n  - set:\n      x: 1\n      text: " + c.value + "\n      y: 2\n"
			before, _, _ := strings.Cut(text, "@")
			want := Pos{"t.yaml", strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[strings.LastIndex(before, "\n")+1:]) + 1}
			cfg, src, problems := Parse("t.yaml", []byte(strings.Replace(text, "@", "", 1)), Options{})
			mustBeGood(t, src, problems)
			s := cfg.Pipeline[0].Set[1].Expr
			if got := s.At(strings.LastIndex(s.Value, c.find)); got != want {
				t.Errorf("got %v, want %v in\n%s", got, want, text)
			}
		})
	}
}

// Every character of the value is the character of the file at its place, or the file writes it in another way there.
func TestEachCharacterHasItsPlace(t *testing.T) {
	for _, c := range scalars {
		t.Run(c.name, func(t *testing.T) {
			text := "listen: unix:///c.sock\npipeline:\n  - set:\n      text: " + strings.Replace(c.value, "@", "", 1) + "\n"
			cfg, src, problems := Parse("t.yaml", []byte(text), Options{})
			mustBeGood(t, src, problems)
			s := cfg.Pipeline[0].Set[0].Expr
			before := Pos{}
			for i, r := range s.Value {
				at := s.At(i)
				folded := i > 0 && s.Value[i-1] == '\n' // line feeds of one fold have one place: that of what follows
				if r != '\n' && !folded && (at.Line < before.Line || at.Line == before.Line && at.Col <= before.Col) {
					t.Errorf("%q at %d: %v is not behind %v", r, i, at, before)
				}
				before = at
				found := src.from(at)
				if !strings.HasPrefix(found, string(r)) && !strings.HasPrefix(found, `\`) && r != ' ' && r != '\n' {
					t.Errorf("%q at %d: %v is %q", r, i, at, found)
				}
			}
		})
	}
}

func TestPlacesThatCannotBeFollowedAreTheBeginning(t *testing.T) {
	text := "listen: unix:///c.sock\npipeline:\n  - set:\n      text: |1\n       a\n        b\n"
	cfg, src, problems := Parse("t.yaml", []byte(text), Options{})
	mustBeGood(t, src, problems)
	s := cfg.Pipeline[0].Set[0].Expr
	for _, offset := range []int{-1, 0, 1, len(s.Value), len(s.Value) + 1} {
		if got := s.At(offset); got != s.Pos {
			t.Errorf("offset %d: got %v, want %v", offset, got, s.Pos)
		}
	}
	if got := (Scalar{}).At(0); got != (Pos{}) {
		t.Errorf("a zero scalar is at %v", got)
	}
}

func TestCommentHint(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{
			"a comment that was none", `map(nas.groups, "nas:" + #)`,
			`in YAML " #" starts a comment, so the expression ends before it: quote the whole of it: 'map(nas.groups, "nas:" + #)'`,
		},
		{
			"a comment in a text of the expression", `nas.name + "a #1"`,
			`in YAML " #" starts a comment, so the expression ends before it: quote the whole of it: 'nas.name + "a #1"'`,
		},
		{"a comment that is one", `nas.name # the DSM name`, ""},
		{"no comment", `map(nas.groups, "nas:"`, ""},
		{"quotes", `'map(nas.groups, "a" + #)' # fine`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, src, problems := Parse("t.yaml", []byte("listen: unix:///c.sock\npipeline:\n  - set:\n      a: "+c.value+"\n"), Options{})
			mustBeGood(t, src, problems)
			if got := CommentHint(*cfg.Pipeline[0].Set[0].Expr); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestProblemOfAScalar(t *testing.T) {
	cfg, src, problems := Parse("t.yaml", []byte("listen: unix:///c.sock\npipeline:\n  - when: \"nsa.found\"\n    remove: [a]\n"), Options{})
	mustBeGood(t, src, problems)
	var out strings.Builder
	if err := src.Render(&out, []Problem{cfg.Pipeline[0].When.Expr.Problem(4, `unknown name "nsa"`, "plugins declared here: nas")}); err != nil {
		t.Fatal(err)
	}
	want := `t.yaml:3:16: pipeline[0].when: unknown name "nsa"
    3 |   - when: "nsa.found"
      |                ^
hint: plugins declared here: nas
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
	if got := cfg.Pipeline[0].When.Expr.Line(); got != `  - when: "nsa.found"` {
		t.Errorf("line: %s", got)
	}
}
